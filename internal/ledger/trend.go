package ledger

import (
	"slices"
	"time"

	"github.com/loka/stratum/work"
)

// Trend is how hashrates went over a window, step by step.
type Trend struct {
	Window Window
	// Ends are when the steps end, the oldest first; each begins where the one before
	// it ends, and the first at From.
	From time.Time
	Ends []time.Time
	// Rates are by our word, in H/s: of each account that was asked for, in that order,
	// one for each step. One that is not known has none.
	Rates [][]float64
}

// shown is the shortest window that holds all of a ledger's life, the day if none does:
// of one that has just begun a day would be an empty picture.
func (l *Ledger) shown(now time.Time) Window {
	age := now.UnixNano() - l.total.windows.born
	for _, w := range []Window{TenMinutes, Hour} {
		if age < 2*int64(windowPlan[w].length) {
			return w
		}
	}
	return Day
}

// WorkerTrends says how hashrates of workers went. It looks at their samples alone, so
// that it costs little, whatever else there is.
func (l *Ledger) WorkerTrends(names []string, now time.Time) Trend {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	t, steps := l.trend(now)
	l.mu.RLock()
	defer l.mu.RUnlock()
	t.Rates = make([][]float64, len(names))
	for i, name := range names {
		if b := l.workers[name]; b != nil {
			t.Rates[i] = b.rates(t.From, steps, t.Ends)
		}
	}
	return t
}

// trend is an empty one, and the samples at which it begins and its steps end; -1 is the
// present. bookMu is held.
func (l *Ledger) trend(now time.Time) (t Trend, steps []int) {
	t.Window = l.shown(now)
	p, c := &windowPlan[t.Window], &l.clock
	oldest := now.Add(-p.length - p.step).UnixNano()
	for s := p.first; s < p.first+p.slots; s++ {
		if c.at[s] > oldest {
			steps = append(steps, s)
		}
	}
	slices.SortFunc(steps, func(a, b int) int { return int(c.at[a] - c.at[b]) })
	if len(steps) == 0 {
		return t, nil
	}
	apart := steps[:1] // a start takes a sample between two others, and little can be told of so short a step
	for _, s := range steps[1:] {
		if c.at[s]-c.at[apart[len(apart)-1]] >= int64(p.step/2) {
			apart = append(apart, s)
		}
	}
	steps = apart
	t.From = moment(c.at[steps[0]])
	for _, s := range steps[1:] {
		t.Ends = append(t.Ends, moment(c.at[s]))
	}
	if begun := now.UnixNano() - c.at[steps[len(steps)-1]]; begun >= int64(p.step/2) || len(t.Ends) == 0 {
		t.Ends, steps = append(t.Ends, now), append(steps, -1)
	}
	return t, steps
}

// rates are those of an account in the steps of a trend.
func (a *account) rates(from time.Time, steps []int, ends []time.Time) []float64 {
	present := sampleOf(&a.tally)
	had := func(step int) float64 {
		switch {
		case step < 0:
			return present.work
		case a.windows.samples == nil: // it has done nothing before
			return 0
		}
		return a.windows.samples[step].work
	}
	out := make([]float64, 0, len(ends))
	for i, end := range ends {
		done := max(had(steps[i+1])-had(steps[i]), 0)
		out = append(out, work.Hashrate(done, max(end.Sub(from), minAge)))
		from = end
	}
	return out
}
