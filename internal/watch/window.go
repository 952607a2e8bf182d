package watch

import "time"

// slots is in how many parts a window's time is counted.
const slots = 10

// window counts what happened within the last while, to a tenth of it.
type window struct {
	counts [slots]int
	turn   int64 // the number of the part that is counted now
}

// add counts n more and returns how many there were within span.
func (w *window) add(n int, span time.Duration, now time.Time) (sum int) {
	part := max(int64(span)/slots, 1)
	turn := now.UnixNano() / part
	if past := turn - w.turn; past > 0 { // a clock that was set back counts on
		for i := range min(past, slots) {
			w.counts[(turn-i)%slots] = 0
		}
		w.turn = turn
	}
	w.counts[w.turn%slots] += n
	for _, c := range w.counts {
		sum += c
	}
	return sum
}

// peak is the largest value of the last one to two spans.
type peak struct {
	value, before float64
	since         time.Time
}

// see takes a value of now.
func (p *peak) see(value float64, span time.Duration, now time.Time) {
	p.roll(span, now)
	p.value = max(p.value, value)
}

// most is the largest of late.
func (p *peak) most(span time.Duration, now time.Time) float64 {
	p.roll(span, now)
	return max(p.value, p.before)
}

func (p *peak) roll(span time.Duration, now time.Time) {
	switch age := now.Sub(p.since); {
	case age >= 2*span:
		*p = peak{since: now}
	case age >= span:
		*p = peak{before: p.value, since: p.since.Add(span)}
	}
}
