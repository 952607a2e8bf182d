package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/internal/store"
)

// Memory is what a ledger knows besides its totals: since when there are
// accounts, and what they had done at times of the past. It outlives the
// process as whoever keeps it encodes it. Totals that are restored with it may
// be of a later time.
type Memory struct {
	SavedAt, Since time.Time
	// Samples are the times of the samples that are kept: window by window, the
	// oldest first.
	Samples [windowCount][]time.Time

	Total                  AccountMemory
	Workers, Pools, Routes []AccountMemory
}

// AccountMemory is what is known of one account.
type AccountMemory struct {
	Name, Route   string
	Since, BestAt time.Time
	// Had is what it had done when the memory was made.
	Had SampleMemory
	// What of it was done after each of the samples, in the order of the windows
	// and their samples; all are empty where nothing had been done before any.
	Work, PoolWork, Value, PoolValue              []float32
	Accepted, Rejected, PoolAccepted, PoolRefused []uint32
}

// SampleMemory are the sums that windows are made of, at one time.
type SampleMemory struct {
	Work, PoolWork, Value, PoolValue              float64
	Accepted, Rejected, PoolAccepted, PoolRefused uint32
}

// Remember makes a memory of all accounts in which something was booked.
func (l *Ledger) Remember(now time.Time) *Memory {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	kept := l.clock.kept(now)
	m := &Memory{SavedAt: now.UTC(), Since: moment(l.total.windows.born)}
	var slots []int
	for w, of := range kept {
		for _, slot := range of {
			m.Samples[w] = append(m.Samples[w], moment(l.clock.at[slot]))
		}
		slots = append(slots, of...)
	}
	workers, pools, routes := l.lists()
	look := remembering{slots: slots}
	look.room(1 + len(workers) + len(pools) + len(routes))
	m.Total = look.account("", &l.total)
	m.Workers = make([]AccountMemory, 0, len(workers))
	for _, b := range workers {
		if b.used() {
			a := look.account(b.name, &b.account)
			a.Route = *b.route.Load()
			m.Workers = append(m.Workers, a)
		}
	}
	for _, b := range pools {
		if b.used() {
			m.Pools = append(m.Pools, look.account(b.name, &b.account))
		}
	}
	for _, b := range routes {
		if b.used() {
			m.Routes = append(m.Routes, look.account(b.name, &b.account))
		}
	}
	return m
}

// slotsKept are the samples of each window that a memory has.
type slotsKept [windowCount][]int

// kept picks the samples that a memory keeps, the oldest first.
func (c *sampleClock) kept(now time.Time) (kept slotsKept) {
	for w := range windowPlan {
		p := &windowPlan[w]
		var all []int
		for s := p.first; s < p.first+p.slots; s++ {
			if c.at[s] != 0 && c.at[s] > now.Add(-p.length-2*p.kept).UnixNano() {
				all = append(all, s)
			}
		}
		slices.SortFunc(all, func(a, b int) int { return cmp.Compare(c.at[a], c.at[b]) })
		for _, s := range all {
			of := kept[w]
			if len(of) == 0 || c.at[s]-c.at[of[len(of)-1]] >= int64(p.kept-p.step/2) {
				kept[w] = append(of, s)
			}
		}
	}
	return kept
}

// remembering is what all accounts of one memory are made with: room for their
// numbers, which would be half a million pieces for 20,000 of them.
type remembering struct {
	slots   []int
	sums    []float32
	numbers []uint32
}

// room makes room for so many accounts.
func (r *remembering) room(accounts int) {
	r.sums, r.numbers = make([]float32, 4*accounts*len(r.slots)), make([]uint32, 4*accounts*len(r.slots))
}

// cut takes some of a slice.
func cut[T any](from *[]T, n int) []T {
	out := (*from)[:n:n]
	*from = (*from)[n:]
	return out
}

func (r *remembering) account(name string, a *account) AccountMemory {
	had := sampleOf(&a.tally)
	m := AccountMemory{Name: name, Since: moment(a.windows.born), BestAt: moment(a.bestAt), Had: SampleMemory{
		had.work, had.poolWork, had.value, had.poolValue, had.accepted, had.rejected, had.poolAccepted, had.refused,
	}}
	n := len(r.slots)
	m.Work, m.PoolWork, m.Value, m.PoolValue = cut(&r.sums, n), cut(&r.sums, n), cut(&r.sums, n), cut(&r.sums, n)
	m.Accepted, m.Rejected, m.PoolAccepted, m.PoolRefused = cut(&r.numbers, n), cut(&r.numbers, n), cut(&r.numbers, n), cut(&r.numbers, n)
	for i, slot := range r.slots {
		var before sample // nothing, where none was taken since it began
		if a.windows.samples != nil {
			before = a.windows.samples[slot]
		}
		done := had.since(&before)
		m.Work[i], m.PoolWork[i], m.Value[i], m.PoolValue[i] = float32(done.Work), float32(done.PoolWork), float32(done.Value), float32(done.PoolValue)
		//nolint:gosec // differences of such
		m.Accepted[i], m.Rejected[i], m.PoolAccepted[i], m.PoolRefused[i] = uint32(done.Accepted), uint32(done.Rejected), uint32(done.PoolAccepted), uint32(done.PoolRefused)
	}
	return m
}

// before is the i-th of the samples of an account.
func (m *AccountMemory) before(i int) sample {
	return sample{
		work: max(m.Had.Work-float64(m.Work[i]), 0), poolWork: max(m.Had.PoolWork-float64(m.PoolWork[i]), 0),
		value: max(m.Had.Value-float64(m.Value[i]), 0), poolValue: max(m.Had.PoolValue-float64(m.PoolValue[i]), 0),
		accepted: m.Had.Accepted - m.Accepted[i], rejected: m.Had.Rejected - m.Rejected[i],
		poolAccepted: m.Had.PoolAccepted - m.PoolAccepted[i], refused: m.Had.PoolRefused - m.PoolRefused[i],
	}
}

// whole says whether a memory of an account has all of that many samples.
func (m *AccountMemory) whole(samples int) bool {
	for _, of := range [][]float32{m.Work, m.PoolWork, m.Value, m.PoolValue} {
		if len(of) != samples {
			return false
		}
	}
	for _, of := range [][]uint32{m.Accepted, m.Rejected, m.PoolAccepted, m.PoolRefused} {
		if len(of) != samples {
			return false
		}
	}
	return true
}

// unsampled says that an account had done nothing by any of the samples.
func (m *AccountMemory) unsampled() bool { return len(m.Work) == 0 }

// Restore adds a total of an earlier run to a ledger in which nothing was
// recorded yet.
func (l *Ledger) Restore(t *store.Total, now time.Time) {
	if int(t.Verdict) >= verdicts {
		return // of a later version
	}
	l.mu.Lock()
	w := l.book(t.Worker, "", now)
	l.mu.Unlock()
	if *w.route.Load() == "" && t.Route != NoRoute {
		w.setRoute(t.Route)
	}
	accounts := []*account{&w.account, &l.Pool(t.Pool, now).account, &l.Route(t.Route, now).account, &l.total}
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	for _, a := range accounts {
		a.tally.at(t.Side, t.Verdict).add(Cell{Shares: t.Shares, Work: t.Work, Value: t.Value})
		a.tally.Blocks += t.Blocks
		a.best = max(a.best, t.Best)
		if t.Side == store.Ours && !t.Last.IsZero() {
			a.last = max(a.last, t.Last.UnixNano())
		}
	}
}

// Recall completes what [Ledger.Restore] restored by a memory, nil where there
// is none: accounts are as old as they were, and windows reach back into the
// earlier run. While the process did not run nothing was done, as far as is
// known.
func (l *Ledger) Recall(m *Memory, now time.Time) {
	look := recalling{now: now}
	if m == nil {
		m = &Memory{}
	} else {
		// Whoever is not in it began after it was made.
		look.others = &AccountMemory{Since: m.SavedAt}
	}
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	look.kept, look.samples = l.clock.recall(m, now)
	workers, pools, routes := l.lists()
	known := byAccount(m.Workers)
	for _, b := range workers {
		in := known[b.name]
		if in != nil && in.Route != "" && b.used() {
			b.setRoute(in.Route)
		}
		look.account(&b.account, in)
	}
	known = byAccount(m.Pools)
	for _, b := range pools {
		look.account(&b.account, known[b.name])
	}
	known = byAccount(m.Routes)
	for _, b := range routes {
		look.account(&b.account, known[b.name])
	}
	look.account(&l.total, &m.Total)
}

func byAccount(of []AccountMemory) map[string]*AccountMemory {
	out := make(map[string]*AccountMemory, len(of))
	for i := range of {
		out[of[i].Name] = &of[i]
	}
	return out
}

// recall rebuilds the samples of a clock that has taken none but its first:
// the memory's, then some of the time in which the process did not run, then
// the present. It returns the slots of the memory's samples, -1 for one that is
// too old or lies in the future, and how many there are.
func (c *sampleClock) recall(m *Memory, now time.Time) (kept []int, samples int) {
	*c = sampleClock{tick: c.tick, latest: c.latest}
	for w := range Window(windowCount) {
		p := &windowPlan[w]
		limit := now.Add(-p.length - 2*p.kept)
		for _, at := range m.Samples[w] {
			slot := -1
			if at.After(limit) && at.Before(m.SavedAt) && at.Before(now) && samples < allSlots {
				slot = c.take(w, at.UnixNano())
			}
			kept = append(kept, slot)
			samples++
		}
		for at := later(m.SavedAt, limit); at.Before(now); at = at.Add(p.kept) {
			c.take(w, at.UnixNano())
		}
		c.take(w, now.UnixNano())
	}
	return kept, samples
}

// recalling is what all accounts are recalled with.
type recalling struct {
	kept    []int
	samples int
	now     time.Time
	// others is for those that are not in the memory; nil: there is none.
	others *AccountMemory
}

// account recalls one; m is nil where it is not in the memory.
func (r *recalling) account(a *account, m *AccountMemory) {
	if m == nil && a.used() {
		m = r.others
	}
	if m != nil {
		a.windows.born = born(m.Since, r.now)
		if !m.BestAt.IsZero() && a.best > 0 {
			a.bestAt = m.BestAt.UnixNano()
		}
	}
	if !a.used() {
		return
	}
	// What is not known of is of before: it counts in no window.
	present := sampleOf(&a.tally)
	a.windows.samples = new([allSlots]sample)
	for i := range a.windows.samples {
		a.windows.samples[i] = present
	}
	if m == nil || !m.unsampled() && !m.whole(r.samples) {
		return
	}
	for i, slot := range r.kept {
		switch {
		case slot < 0:
		case m.unsampled():
			a.windows.samples[slot] = sample{}
		default:
			before := m.before(i)
			a.windows.samples[slot] = before.upTo(&present)
		}
	}
}

// born guards against a clock that has gone back since the memory was made.
func born(since, now time.Time) int64 {
	if since.After(now) || since.IsZero() {
		return now.UnixNano()
	}
	return since.UnixNano()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
