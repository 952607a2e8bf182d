package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/view"
)

// Alerts is what is known of alerts at a scrape.
type Alerts struct {
	// Firing has a count for each severity there is.
	Firing map[string]int
	// Took is how long the last evaluation of all rules took.
	Took  time.Duration
	Sinks []view.AlertSink
}

// alertCollector reads alerts at every scrape: sinks come and go by a reload.
type alertCollector struct {
	read func() Alerts

	firing, took, up, waiting, messages, dropped *prometheus.Desc
}

func newAlertCollector(read func() Alerts) *alertCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &alertCollector{
		read:     read,
		firing:   desc("alerts_firing", "Alerts of the proxy's own rules that fire, silenced or not, by severity; see ALERTS.md.", "severity"),
		took:     desc("alerts_evaluation_seconds", "How long the last evaluation of all rules took."),
		up:       desc("alert_sink_up", "1 unless the last attempt to tell the sink went wrong.", "sink"),
		waiting:  desc("alert_sink_waiting", "Alerts that wait to be told to the sink.", "sink"),
		messages: desc("alert_sink_messages_total", "Attempts to send the sink a message, by what came of them (sent, failed).", "sink", "result"),
		dropped:  desc("alert_sink_dropped_total", "Alerts that the sink was not told of: too many waited, for too long, or it was taken away.", "sink"),
	}
}

// Describe implements [prometheus.Collector].
func (c *alertCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.firing, c.took, c.up, c.waiting, c.messages, c.dropped} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *alertCollector) Collect(out chan<- prometheus.Metric) {
	if c.read == nil {
		return
	}
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	is := c.read()
	for severity, n := range is.Firing {
		put(c.firing, prometheus.GaugeValue, float64(n), severity)
	}
	put(c.took, prometheus.GaugeValue, is.Took.Seconds())
	for i := range is.Sinks {
		s := &is.Sinks[i]
		put(c.up, prometheus.GaugeValue, truth(s.Up), s.Name)
		put(c.waiting, prometheus.GaugeValue, float64(s.Pending), s.Name)
		put(c.messages, prometheus.CounterValue, float64(s.Sent), s.Name, "sent")
		put(c.messages, prometheus.CounterValue, float64(s.Failed), s.Name, "failed")
		put(c.dropped, prometheus.CounterValue, float64(s.Dropped), s.Name)
	}
}
