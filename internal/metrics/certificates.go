package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Certificate is one that a listener shows miners.
type Certificate struct {
	Listener, Kind string
	NotAfter       time.Time
}

// certificateCollector asks at every scrape: listeners come and go by a reload.
type certificateCollector struct {
	all    func() []Certificate
	expiry *prometheus.Desc
}

func newCertificateCollector(all func() []Certificate) *certificateCollector {
	return &certificateCollector{all, prometheus.NewDesc(namespace+"_tls_certificate_expiry_timestamp_seconds",
		"When the certificate that miners are shown ends, in seconds since 1970, by its kind of key.", []string{"listener", "kind"}, nil)}
}

// Describe implements [prometheus.Collector].
func (c *certificateCollector) Describe(out chan<- *prometheus.Desc) { out <- c.expiry }

// Collect implements [prometheus.Collector]. Of two listeners at one address the
// first counts.
func (c *certificateCollector) Collect(out chan<- prometheus.Metric) {
	if c.all == nil {
		return
	}
	seen := make(map[[2]string]bool)
	for _, one := range c.all() {
		at := [2]string{one.Listener, one.Kind}
		if !seen[at] {
			seen[at] = true
			out <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(one.NotAfter.Unix()), one.Listener, one.Kind)
		}
	}
}
