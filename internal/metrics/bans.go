package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/guard/bans"
)

// Bans is what is counted of bans and pauses.
type Bans struct {
	// Overflow counts those that ended early because there were too many, Unkept is
	// how many changes wait for the store.
	Overflow prometheus.Counter
	Unkept   prometheus.Gauge

	inForce *prometheus.GaugeVec
	added   *prometheus.CounterVec
}

// InForce is how many hold now.
func (b Bans) InForce(kind bans.Kind, cause bans.Cause) prometheus.Gauge {
	return b.inForce.WithLabelValues(string(kind), string(cause))
}

// Added counts those that were made.
func (b Bans) Added(kind bans.Kind, cause bans.Cause) prometheus.Counter {
	return b.added.WithLabelValues(string(kind), string(cause))
}

func newBans(b *builder) Bans {
	of := Bans{
		inForce:  b.gauges("bans", "Bans and pauses in force, by kind (ban, pause) and cause (operator, threat).", "kind", "cause"),
		added:    b.counters("bans_added_total", "Bans and pauses that were made.", "kind", "cause"),
		Overflow: b.counters("bans_overflow_total", "Bans for misbehaviour that ended early because there were too many.").WithLabelValues(),
		Unkept:   b.gauges("bans_unkept", "Changes of bans that wait for the store.").WithLabelValues(),
	}
	for _, kind := range bans.Kinds() {
		for _, cause := range bans.Causes() {
			if kind == bans.Pause && cause == bans.Threat {
				continue // there are none
			}
			of.InForce(kind, cause)
			of.Added(kind, cause)
		}
	}
	return of
}
