package ledger

import (
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// DefaultMaxWorkers is how many worker books there are at most when the
// configuration says nothing; about 150 MB when full.
const DefaultMaxWorkers = 100_000

const (
	// OtherWorker is the book of all workers that came after the cap.
	OtherWorker = "(other)"
	// NoPool is the book of shares that belong to no pool.
	NoPool = "(none)"
)

// Config bounds a ledger.
type Config struct {
	// MaxWorkers is how many workers get books of their own; 0 is
	// [DefaultMaxWorkers].
	MaxWorkers int
}

// Ledger is the set of all books. Make it with [New].
type Ledger struct {
	// Static after construction.
	maxWorkers int
	other      *WorkerBook
	none       *PoolBook

	// mu guards the directory of books; it is taken at authorize and by
	// readers for as long as it takes to copy a slice header.
	mu         sync.RWMutex
	workers    map[string]*WorkerBook
	workerList []*WorkerBook // append-only
	pools      map[string]*PoolBook
	poolList   []*PoolBook // append-only

	// sampleMu guards what follows and every book's windows. The share path
	// never takes it.
	sampleMu sync.Mutex
	started  time.Time
	clock    sampleClock
	total    windows
}

// New makes an empty ledger; now is when its windows begin.
func New(cfg Config, now time.Time) *Ledger {
	if cfg.MaxWorkers <= 0 {
		cfg.MaxWorkers = DefaultMaxWorkers
	}
	l := &Ledger{
		maxWorkers: cfg.MaxWorkers,
		workers:    make(map[string]*WorkerBook),
		pools:      make(map[string]*PoolBook),
		started:    now,
	}
	l.other = newWorkerBook(OtherWorker, "", 0, now)
	l.none = newPoolBook(NoPool, now)
	l.total.born = now.UnixNano()
	l.sample(now)
	return l
}

// Worker returns the book of a login, making it on first sight, and notes
// the route it came by last. Connections of the same login share one book;
// past the cap everybody shares [OtherWorker]. Call it at authorize and keep
// the pointer: books are never dropped.
func (l *Ledger) Worker(login, route string, now time.Time) *WorkerBook {
	l.mu.RLock()
	w := l.workers[login]
	l.mu.RUnlock()
	if w == nil {
		w = l.addWorker(login, route, now)
	}
	if w != l.other {
		w.setRoute(route)
	}
	return w
}

func (l *Ledger) addWorker(login, route string, now time.Time) *WorkerBook {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.workers[login]; w != nil {
		return w
	}
	if len(l.workerList) >= l.maxWorkers || login == OtherWorker {
		return l.other
	}
	w := newWorkerBook(login, route, uint32(len(l.workerList)+1), now) //nolint:gosec // G115: bounded by maxWorkers
	l.workers[login] = w
	l.workerList = append(l.workerList, w)
	return w
}

// Pool returns the book of a pool, making it on first sight. Pools are
// configured, so their number needs no cap.
func (l *Ledger) Pool(name string, now time.Time) *PoolBook {
	l.mu.RLock()
	p := l.pools[name]
	l.mu.RUnlock()
	if p != nil {
		return p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.pools[name]; p != nil {
		return p
	}
	if name == NoPool {
		return l.none
	}
	p = newPoolBook(name, now)
	l.pools[name] = p
	l.poolList = append(l.poolList, p)
	return p
}

// Entry is what became of one share.
type Entry struct {
	// Worker earned it; nil books it under [OtherWorker].
	Worker *WorkerBook
	// Pool is whose job it solved; nil books it under [NoPool].
	Pool *PoolBook
	// Verdict is ours; Pending books nothing of ours.
	Verdict mining.Verdict
	// PoolVerdict is the pool's; Pending while it has said nothing.
	PoolVerdict mining.Verdict
	// Difficulty is what the miner was assigned: the share's worth when
	// Verdict is Accepted.
	Difficulty work.Difficulty
	// PoolDifficulty is the pool's for this share: its worth there when
	// PoolVerdict is Accepted.
	PoolDifficulty work.Difficulty
	// ShareDifficulty is what the hash reached, for the record of the best
	// share; 0 when nobody computed it.
	ShareDifficulty work.Difficulty
	// At is when our verdict fell.
	At time.Time
}

// Record books a share under its worker and its pool.
func (l *Ledger) Record(e Entry) {
	w, p := e.Worker, e.Pool
	if w == nil {
		w = l.other
	}
	if p == nil {
		p = l.none
	}
	w.tally.record(&e)
	p.shards[w.id%poolShards].tally.record(&e)
	if e.Verdict == mining.Pending {
		return
	}
	w.last.raise(e.At.UnixNano())
	if e.Verdict == mining.Accepted && e.ShareDifficulty > 0 {
		w.best.raise(clampWork(e.ShareDifficulty))
	}
}

// RecordPool books what a pool said later about a share that Record booked
// while the pool's word was pending or unanswered. Only Worker, Pool,
// PoolVerdict and PoolDifficulty of the entry are read.
func (l *Ledger) RecordPool(e Entry) {
	e.Verdict = mining.Pending
	l.Record(e)
}

// books returns the directory as it is now; the slices are not to be changed.
func (l *Ledger) books() ([]*WorkerBook, []*PoolBook) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.workerList, l.poolList
}
