package lookout

import "time"

// meterKind is what a meter counts.
type meterKind uint8

// What is counted. ourVerdict is the first of many: a verdict is added to it.
const (
	poolDiscrepancies meterKind = iota
	workSent
	sharesSent
	workLost
	routeSwitches
	sharesDropped
	ourShares
	ourVerdict
)

type meterKey struct {
	kind meterKind
	name string
}

// minutes is for how many of them a meter remembers.
const minutes = 61

// meter remembers what a counter was at each minute of the last hour, so that it can
// be said what came within a while. A counter that falls has begun anew.
type meter struct {
	at     [minutes]time.Time
	values [minutes]float64
	next   int
	// used is when it was asked last.
	used time.Time
	// word is what was there last, for who counts changes, and turns how many there
	// were.
	word  string
	known bool
	turns float64
}

// of is the meter of a counter.
func (g *Gatherer) of(kind meterKind, name string, now time.Time) *meter {
	k := meterKey{kind, name}
	m := g.meters[k]
	if m == nil {
		m = new(meter)
		g.meters[k] = m
	}
	m.used = now
	return m
}

// forget drops the meters of what is not there any more.
func (g *Gatherer) forget(now time.Time) {
	for k, m := range g.meters {
		if now.Sub(m.used) > minutes*time.Minute {
			delete(g.meters, k)
		}
	}
}

// within is by how much a counter that is at a value now has grown within a while, of
// an hour at the most. What was counted before it was first looked at is not known, and
// counts as long ago.
func (m *meter) within(length time.Duration, now time.Time, value float64) float64 {
	latest := (m.next + minutes - 1) % minutes
	if at := m.at[latest]; at.IsZero() || now.Sub(at) >= time.Minute {
		m.at[m.next], m.values[m.next] = now, value
		m.next = (m.next + 1) % minutes
	}
	base, since := value, time.Time{}
	for i := range m.at {
		at := m.at[i]
		if at.IsZero() || now.Sub(at) > length {
			continue
		}
		if since.IsZero() || at.Before(since) {
			base, since = m.values[i], at
		}
	}
	if base > value {
		return value
	}
	return value - base
}

// changes is how often a word has become another one within an hour.
func (m *meter) changes(now time.Time, word string) float64 {
	if m.known && word != m.word {
		m.turns++
	}
	m.word, m.known = word, true
	return m.within(time.Hour, now, m.turns)
}
