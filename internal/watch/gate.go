package watch

import (
	"math"
	"time"
)

// gate says whether a signal is on. It is not safe for several goroutines.
type gate struct {
	on    bool
	since time.Time
	// calm is since when the value has been low while the gate is on; zero is that
	// it is not.
	calm  time.Time
	value float64
}

// see takes the value of now. At begin or above the gate goes on, and off once the
// value has been no more than half of begin for calm; a begin of 0 keeps it off. It
// says whether the gate has changed; was is what it was then.
func (g *gate) see(value, begin float64, calm time.Duration, now time.Time) (was gate, changed bool) {
	was = *g
	if math.IsNaN(value) {
		value = 0
	}
	g.value = value
	switch {
	case begin <= 0:
		*g = gate{value: value}
		return was, was.on
	case !g.on && value >= begin:
		*g = gate{on: true, since: now, value: value}
		return was, true
	case !g.on:
	case value > begin/2:
		g.calm = time.Time{}
	case g.calm.IsZero():
		g.calm = now
	case now.Sub(g.calm) >= calm:
		*g = gate{value: value}
		return was, true
	}
	return was, false
}
