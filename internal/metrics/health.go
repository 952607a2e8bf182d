package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/view"
)

// healthCollector reads the health checks at every scrape.
type healthCollector struct {
	read  func() view.Health
	check *prometheus.Desc
}

func newHealthCollector(read func() view.Health) *healthCollector {
	return &healthCollector{read, prometheus.NewDesc(namespace+"_health_check",
		"1 for the status that the health check has (ok, degraded, down), 0 for the others; /health says what was found and what to do. Checks of pools, routes, listeners and sinks of alerts have their names after a colon.",
		[]string{"check", "status"}, nil)}
}

// Describe implements [prometheus.Collector].
func (c *healthCollector) Describe(out chan<- *prometheus.Desc) { out <- c.check }

// Collect implements [prometheus.Collector].
func (c *healthCollector) Collect(out chan<- prometheus.Metric) {
	if c.read == nil {
		return
	}
	for name, check := range c.read().Checks {
		for _, status := range []string{view.OK, view.Degraded, view.Down} {
			out <- prometheus.MustNewConstMetric(c.check, prometheus.GaugeValue, truth(check.Status == status), name, status)
		}
	}
}
