package ledger

import (
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// Counts are numbers of shares by verdict; index 0 (Pending) is always 0.
type Counts [verdicts]uint64

// Of returns the count of one verdict.
func (c *Counts) Of(v mining.Verdict) uint64 {
	if int(v) >= len(c) {
		return 0
	}
	return c[v]
}

// Accepted is the number of accepted shares.
func (c *Counts) Accepted() uint64 { return c[mining.Accepted] }

// Rejected is the number of shares with any verdict but Accepted and Unpaid:
// whoever handed an unpaid one in was told that it was taken.
func (c *Counts) Rejected() (n uint64) {
	for v, k := range c {
		if v != int(mining.Accepted) && v != int(mining.Unpaid) {
			n += k
		}
	}
	return n
}

// Refused is Rejected without Unanswered: what a pool really said no to.
func (c *Counts) Refused() uint64 { return c.Rejected() - c[mining.Unanswered] }

// Tally is what an account holds.
type Tally struct {
	// Ours counts shares by our own verdict, Pools by the pool's.
	Ours, Pools Counts
	// WorkAccepted sums the assigned difficulty of shares that we accepted,
	// PoolWorkAccepted the pool's difficulty of shares that it accepted, both
	// in difficulty-1 shares (2³² hashes).
	WorkAccepted, PoolWorkAccepted float64
}

func (t *Tally) add(o *Tally) {
	for i := range t.Ours {
		t.Ours[i] += o.Ours[i]
		t.Pools[i] += o.Pools[i]
	}
	t.WorkAccepted += o.WorkAccepted
	t.PoolWorkAccepted += o.PoolWorkAccepted
}

// Rates are hashrates in H/s, by [Window].
type Rates [windowCount]float64

// Worker is one worker's account as a reader sees it.
type Worker struct {
	Name, Route string
	Tally       Tally
	// Hashrate is by our own accepted work.
	Hashrate Rates
	// Since is when the worker was first seen in this run.
	Since time.Time
	// LastShareAt is when the last share of any verdict came; zero: never.
	LastShareAt time.Time
	// Best is the largest difficulty a share's hash reached; 0: not known.
	Best work.Difficulty
}

// Pool is one pool's account as a reader sees it.
type Pool struct {
	Name  string
	Tally Tally
	// Hashrate is by the work that the pool accepted.
	Hashrate Rates
	// Accepted and Refused count the pool's answers within each window.
	Accepted, Refused [windowCount]uint64
}

// Snapshot is all books at one time. It is the reader's own.
type Snapshot struct {
	At, Started time.Time
	Total       Tally
	// Hashrate is by our own accepted work.
	Hashrate Rates
	// Workers and Pools are sorted by name. OtherWorker, UnknownWorker and
	// NoPool are among them once something was booked there.
	Workers []Worker
	Pools   []Pool
}

// Snapshot reads all books.
func (l *Ledger) Snapshot(now time.Time) Snapshot {
	l.sampleMu.Lock()
	defer l.sampleMu.Unlock()
	l.sample(now)

	from := l.clock.from(now)
	workers, pools := l.books()
	s := Snapshot{
		At: now, Started: l.started,
		Workers: make([]Worker, 0, len(workers)),
		Pools:   make([]Pool, 0, len(pools)),
	}
	look := reading{clock: &l.clock, from: from, now: now}
	for _, b := range workers {
		w := look.worker(b)
		if b.dropped.Load() { // since the list was made; read first, see Release
			continue
		}
		s.Total.add(&w.Tally)
		if b != l.other && b != l.unknown || w.Tally != (Tally{}) {
			s.Workers = append(s.Workers, w)
		}
	}
	for _, b := range pools {
		p := look.pool(b)
		if b != l.none || p.Tally != (Tally{}) {
			s.Pools = append(s.Pools, p)
		}
	}
	s.Hashrate = look.rates(&l.total, s.Total.WorkAccepted)

	slices.SortFunc(s.Workers, func(a, b Worker) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Pools, func(a, b Pool) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// Pools reads the books of all pools without looking at any worker's; NoPool
// is always among them.
func (l *Ledger) Pools(now time.Time) []Pool {
	l.sampleMu.Lock()
	defer l.sampleMu.Unlock()
	l.sample(now)
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	_, pools := l.books()
	out := make([]Pool, 0, len(pools))
	for _, b := range pools {
		out = append(out, look.pool(b))
	}
	return out
}

// reading is what all accounts of one snapshot are read with.
type reading struct {
	clock *sampleClock
	from  slots
	now   time.Time
}

func (r *reading) worker(b *WorkerBook) Worker {
	w := Worker{
		Name: b.name, Route: *b.route.Load(), Tally: b.tally.read(),
		Since: time.Unix(0, b.windows.born).UTC(), Best: work.Difficulty(b.best.load()),
	}
	if ns := b.last.n.Load(); ns != 0 {
		w.LastShareAt = time.Unix(0, ns).UTC()
	}
	w.Hashrate = r.rates(&b.windows, w.Tally.WorkAccepted)
	return w
}

func (r *reading) pool(b *PoolBook) Pool {
	p := Pool{Name: b.name, Tally: b.read()}
	p.Hashrate = r.rates(&b.work, p.Tally.PoolWorkAccepted)
	p.Accepted = r.counts(&b.accepted, p.Tally.Pools.Accepted())
	p.Refused = r.counts(&b.refused, p.Tally.Pools.Refused())
	return p
}

func (r *reading) rates(w *windows, sum float64) (out Rates) {
	done, span := w.done(sum, r.clock, r.from, r.now)
	for i := range out {
		out[i] = work.Hashrate(done[i], span[i])
	}
	return out
}

func (r *reading) counts(w *windows, sum uint64) (out [windowCount]uint64) {
	done, _ := w.done(float64(sum), r.clock, r.from, r.now)
	for i := range out {
		out[i] = uint64(done[i])
	}
	return out
}
