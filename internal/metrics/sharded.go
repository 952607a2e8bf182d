package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Sharded is a counter for what every connection counts on every core: it is
// kept in several places that are added up when somebody scrapes. It is a
// [prometheus.Collector] of one series. Make it with [NewSharded].
type Sharded struct {
	desc   *prometheus.Desc // static after construction
	places [shards]struct {
		sum

		_ [padded - 16]byte
	}
}

// NewSharded makes a counter. A series of a family with labels has their
// values in opts.ConstLabels.
func NewSharded(opts prometheus.CounterOpts) *Sharded {
	name := prometheus.BuildFQName(opts.Namespace, opts.Subsystem, opts.Name)
	return &Sharded{desc: prometheus.NewDesc(name, opts.Help, nil, opts.ConstLabels)}
}

// Inc adds 1.
func (c *Sharded) Inc() { c.places[shard()].whole.Add(1) }

// Add adds v; what is negative or no number is left out.
func (c *Sharded) Add(v float64) { c.places[shard()].add(v) }

// Value is the sum of what was added. What is added meanwhile may or may not
// be in it; it never falls.
func (c *Sharded) Value() float64 {
	var whole uint64
	var part float64
	for i := range c.places {
		whole += c.places[i].whole.Load()
		part += c.places[i].part.Load()
	}
	return float64(whole) + part
}

// Describe implements [prometheus.Collector].
func (c *Sharded) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements [prometheus.Collector].
func (c *Sharded) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, c.Value())
}
