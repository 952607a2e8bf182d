package ledger

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/loka/stratum/internal/mining"
)

// BookBytes is the memory that one worker's book takes once it has earned
// something, its name aside.
const BookBytes = int(unsafe.Sizeof(WorkerBook{}) + unsafe.Sizeof([allSlots]sample{}))

// account is a tally and its windows. It is guarded by Ledger.bookMu, but for
// the windows' born before anything was booked.
type account struct {
	tally   Tally
	windows windows
	// last is when the last share of any verdict came, UnixNano; 0: never.
	last int64
	// best is the largest difficulty that an accepted share's hash reached, at
	// bestAt.
	best   float64
	bestAt int64
}

func (a *account) record(e *Entry, c *counted) {
	a.tally.record(c)
	if e.Twice || e.Found || e.Verdict == mining.Pending {
		return
	}
	at := e.At.UnixNano()
	a.last = max(a.last, at)
	if best := clampWork(e.best()); best > a.best {
		a.best, a.bestAt = best, at
	}
}

// used says whether anything was ever booked.
func (a *account) used() bool { return a.last != 0 || a.tally != (Tally{}) }

// WorkerBook is the account of one login. Get it from [Ledger.Worker].
type WorkerBook struct {
	account

	// Static after construction.
	name  string
	queue uint32

	route atomic.Pointer[string]
	// holders grows under Ledger.mu shared and falls under it alone.
	holders atomic.Int32

	// Guarded by Ledger.mu: where it is in Ledger.workerList, and whether it is
	// to be looked at because nobody holds it.
	place int
	idle  bool
	// dropped says that it is not in the directory any more. It is written with
	// both Ledger.mu and Ledger.bookMu held, and read with either.
	dropped bool
}

func newWorkerBook(name, route string, id uint32, now time.Time) *WorkerBook {
	w := &WorkerBook{name: name, queue: id % queues}
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

// PoolBook is the account of one pool. Get it from [Ledger.Pool].
type PoolBook struct {
	account

	name string // static
}

// Name is the configured name of the pool.
func (p *PoolBook) Name() string { return p.name }

// RouteBook is the account of one route. Get it from [Ledger.Route].
type RouteBook struct {
	account

	name string // static
}

// Name is the configured name of the route.
func (r *RouteBook) Name() string { return r.name }
