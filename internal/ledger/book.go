package ledger

import (
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/loka/stratum/internal/atomics"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// verdicts is the number of values a Verdict can have, Pending included.
const verdicts = int(mining.Unanswered) + 1

// poolShards is how many places the share path writes a pool's figures to,
// so that workers on different cores do not fight for one cache line.
const poolShards = 16

// maxWork bounds what one share can be worth (difficulty of the smallest
// target), so that no pool's nonsense can make a sum infinite.
const maxWork = 0x1p224

// BookBytes is the memory that one worker's book takes once it has earned
// something, its name aside.
const BookBytes = int(unsafe.Sizeof(WorkerBook{}) + unsafe.Sizeof([allSlots]float64{}))

// WorkerBook is the account of one login. Get it from [Ledger.Worker].
type WorkerBook struct {
	// Static after construction.
	name string
	id   uint32

	route atomic.Pointer[string]
	tally tally
	last  maxInt
	best  maxFloat

	// holders grows under Ledger.mu shared and falls under it alone.
	holders atomic.Int32
	// dropped says that the book is not in the directory any more: nothing
	// in it counts. Written under Ledger.mu.
	dropped atomic.Bool
	place   int // in Ledger.workerList, guarded by Ledger.mu

	// windows is guarded by Ledger.sampleMu, but for born, which is static
	// once the ledger is loaded.
	windows windows
}

func newWorkerBook(name, route string, id uint32, now time.Time) *WorkerBook {
	w := &WorkerBook{name: name, id: id}
	w.windows.born = now.UnixNano()
	w.route.Store(&route)
	return w
}

// Name is the login that the book is kept under.
func (w *WorkerBook) Name() string { return w.name }

func (w *WorkerBook) setRoute(route string) {
	if *w.route.Load() != route {
		w.route.Store(&route)
	}
}

// record books a share; it may be called from any goroutine.
func (w *WorkerBook) record(e *Entry) {
	w.tally.record(e)
	if e.Verdict == mining.Pending {
		return
	}
	w.last.raise(e.At.UnixNano())
	if e.Verdict == mining.Accepted && e.ShareDifficulty > 0 {
		w.best.raise(clampWork(e.ShareDifficulty))
	}
}

// PoolBook is the account of one pool. Get it from [Ledger.Pool].
type PoolBook struct {
	name string // static

	shards [poolShards]struct {
		tally tally
		_     [128 - unsafe.Sizeof(tally{})%128]byte
	}

	// Guarded by Ledger.sampleMu.
	work, accepted, refused windows
}

func newPoolBook(name string, now time.Time) *PoolBook {
	p := &PoolBook{name: name}
	p.born(now.UnixNano())
	return p
}

func (p *PoolBook) born(at int64) { p.work.born, p.accepted.born, p.refused.born = at, at, at }

// Name is the configured name of the pool.
func (p *PoolBook) Name() string { return p.name }

func (p *PoolBook) read() Tally {
	var sum Tally
	for i := range p.shards {
		t := p.shards[i].tally.read()
		sum.add(&t)
	}
	return sum
}

// tally is the write side of a [Tally].
type tally struct {
	ours, pools    [verdicts]atomic.Uint64
	work, poolWork atomics.Float64
}

func (t *tally) record(e *Entry) {
	if v := int(e.Verdict); v > 0 && v < verdicts {
		t.ours[v].Add(1)
		if e.Verdict == mining.Accepted {
			t.work.Add(clampWork(e.Difficulty))
		}
	}
	if v := int(e.PoolVerdict); v > 0 && v < verdicts {
		t.pools[v].Add(1)
		if e.PoolVerdict == mining.Accepted {
			t.poolWork.Add(clampWork(e.PoolDifficulty))
		}
	}
}

func (t *tally) read() (out Tally) {
	for i := range t.ours {
		out.Ours[i] = t.ours[i].Load()
		out.Pools[i] = t.pools[i].Load()
	}
	out.WorkAccepted = t.work.Load()
	out.PoolWorkAccepted = t.poolWork.Load()
	return out
}

// take empties the tally.
func (t *tally) take() (out Tally) {
	for i := range t.ours {
		out.Ours[i] = t.ours[i].Swap(0)
		out.Pools[i] = t.pools[i].Swap(0)
	}
	out.WorkAccepted = t.work.Swap(0)
	out.PoolWorkAccepted = t.poolWork.Swap(0)
	return out
}

// add books what another tally held.
func (t *tally) add(in *Tally) {
	for i := range t.ours {
		t.ours[i].Add(in.Ours[i])
		t.pools[i].Add(in.Pools[i])
	}
	t.work.Add(in.WorkAccepted)
	t.poolWork.Add(in.PoolWorkAccepted)
}

// clampWork turns a difficulty into work that sums stay finite with; what is
// not a positive number is worth nothing.
func clampWork(d work.Difficulty) float64 {
	f := float64(d)
	if !(f > 0) { // NaN too
		return 0
	}
	return min(f, maxWork)
}

// maxFloat keeps the largest non-negative float64 it was shown; their bits
// order as the numbers do.
type maxFloat struct{ bits atomic.Uint64 }

func (m *maxFloat) load() float64 { return math.Float64frombits(m.bits.Load()) }

func (m *maxFloat) raise(f float64) {
	bits := math.Float64bits(f)
	for {
		old := m.bits.Load()
		if bits <= old || m.bits.CompareAndSwap(old, bits) {
			return
		}
	}
}

// maxInt keeps the largest int64 it was shown.
type maxInt struct{ n atomic.Int64 }

func (m *maxInt) raise(n int64) {
	for {
		old := m.n.Load()
		if n <= old || m.n.CompareAndSwap(old, n) {
			return
		}
	}
}
