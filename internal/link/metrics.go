package link

import "github.com/loka/stratum/internal/mining"

// Counter counts up.
type Counter interface{ Inc() }

// Observer takes one measurement.
type Observer interface{ Observe(v float64) }

// Metrics is what a link counts. Nil, and nil members, count nothing.
type Metrics struct {
	// RTT is seconds between a submit and the pool's verdict, late ones not
	// among them.
	RTT Observer
	// ReadSeconds and ParseSeconds take how long it took from the end of the read that
	// brought a job until its line was handled, and until there was a job of it.
	ReadSeconds, ParseSeconds Observer
	// BadLines are lines of the pool that were skipped.
	BadLines Counter
	// Unanswered are submits that got no verdict in time, and Late those of
	// them whose verdict came after all.
	Unanswered, Late Counter
	// Closed counts ends by reason; a reason without a counter is not counted.
	Closed map[mining.Reason]Counter
}

// orNone is m with what is nil replaced by what counts nothing.
func (m *Metrics) orNone() Metrics {
	var filled Metrics
	if m != nil {
		filled = *m
	}
	for _, o := range []*Observer{&filled.RTT, &filled.ReadSeconds, &filled.ParseSeconds} {
		if *o == nil {
			*o = nothing{}
		}
	}
	for _, c := range []*Counter{&filled.BadLines, &filled.Unanswered, &filled.Late} {
		if *c == nil {
			*c = nothing{}
		}
	}
	return filled
}

func (m *Metrics) closed(reason mining.Reason) {
	if c := m.Closed[reason]; c != nil {
		c.Inc()
	}
}

// nothing counts nothing.
type nothing struct{}

func (nothing) Inc()            {}
func (nothing) Observe(float64) {}
