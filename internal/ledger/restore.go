package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/work"
)

// restore puts a state into an empty ledger. Work done before the process
// started counts for the day's window; the shorter ones begin anew.
func (l *Ledger) restore(s *state, now time.Time) {
	kept := l.clock.restore(s, now)
	var total float64
	for i := range s.Workers {
		in := &s.Workers[i]
		t := in.tally()
		if t == (Tally{}) && in.LastShareAt.IsZero() { // earlier versions kept those, too
			continue
		}
		b := l.restored(in.Name, in.Route, now)
		total += t.WorkAccepted
		b.tally.add(&t)
		b.best.raise(clampWork(work.Difficulty(in.Best)))
		if !in.LastShareAt.IsZero() {
			b.last.raise(in.LastShareAt.UnixNano())
		}
		if b == l.other { // the cap is lower than it was, or it was there before
			in.Day = nil
		}
		b.windows.restore(b.tally.work.Load(), in.Day, kept, born(in.Since, now))
	}
	for i := range s.Pools {
		in := &s.Pools[i]
		b := l.Pool(in.Name, now)
		t := in.tally()
		b.shards[0].tally.add(&t)
		b.born(born(in.Since, now))
		b.work.restore(t.PoolWorkAccepted, in.Day, kept, b.work.born)
		b.accepted.restore(float64(t.Pools.Accepted()), nil, kept, b.work.born)
		b.refused.restore(float64(t.Pools.Refused()), nil, kept, b.work.born)
	}
	l.total.restore(total, s.Day, kept, born(s.Since, now))
}

// restored is a worker's book that nobody holds yet.
func (l *Ledger) restored(login, route string, now time.Time) *WorkerBook {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book(login, route, now)
}

// born guards against a clock that has gone back since the state was saved.
func born(since, now time.Time) int64 {
	if since.After(now) || since.IsZero() {
		return now.UnixNano()
	}
	return since.UnixNano()
}

// hourly picks the samples of the day's window that a state keeps, oldest
// first.
func (c *sampleClock) hourly(now time.Time) (kept []int) {
	p := &windowPlan[Day]
	var all []int
	for s := p.first; s < p.first+p.slots; s++ {
		if c.at[s] != 0 && c.at[s] > now.Add(-p.length-time.Hour).UnixNano() {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b int) int { return cmp.Compare(c.at[a], c.at[b]) })
	for _, s := range all {
		if len(kept) == 0 || c.at[s]-c.at[kept[len(kept)-1]] >= int64(hourly) {
			kept = append(kept, s)
		}
	}
	return kept
}

// restore rebuilds the samples of a clock that has taken none but its first:
// the state's, then one for each hour that the process did not run, for the
// sums stood still meanwhile, then the present. It returns the slots of the
// state's samples; -1 is one that is too old or lies in the future.
func (c *sampleClock) restore(s *state, now time.Time) []int {
	*c = sampleClock{tick: c.tick}
	kept := make([]int, len(s.Samples))
	limit := now.Add(-Day.Length() - 2*time.Hour)
	for i, at := range s.Samples {
		kept[i] = -1
		if at.After(limit) && at.Before(s.SavedAt) && at.Before(now) {
			kept[i] = c.take(Day, at.UnixNano())
		}
	}
	for at := later(s.SavedAt, limit); at.Before(now); at = at.Add(time.Hour) {
		c.take(Day, at.UnixNano())
	}
	for w := range Window(windowCount) {
		c.take(w, now.UnixNano())
	}
	return kept
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// since says what was added to the sum after each of the kept samples; nil
// when that is nothing.
func (w *windows) since(sum float64, kept []int) []float32 {
	if w.sums == nil {
		return nil
	}
	out := make([]float32, len(kept))
	var some bool
	for i, slot := range kept {
		out[i] = float32(max(sum-w.sums[slot], 0))
		some = some || out[i] != 0
	}
	if !some {
		return nil
	}
	return out
}

// restore is the reverse of since; every other sample is of the sum as it is.
func (w *windows) restore(sum float64, since []float32, kept []int, bornAt int64) {
	w.born = bornAt
	if sum == 0 {
		return
	}
	w.sums = new([allSlots]float64)
	for i := range w.sums {
		w.sums[i] = sum
	}
	for i, slot := range kept {
		if slot >= 0 && i < len(since) {
			w.sums[slot] = max(sum-float64(since[i]), 0)
		}
	}
}
