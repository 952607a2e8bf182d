package ledger

import (
	"sync"
	"sync/atomic"
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
	// UnknownWorker is the book of shares that no known worker sent.
	UnknownWorker = "(unknown)"
	// NoPool is the book of shares that belong to no pool.
	NoPool = "(none)"
)

// Config bounds a ledger.
type Config struct {
	// MaxWorkers is how many workers get books of their own; 0 is
	// [DefaultMaxWorkers].
	MaxWorkers int
	// OnOverflow, if not nil, is called once: when [Ledger.Worker] returns
	// the book [OtherWorker] for want of room for the first time. login is
	// who got it, as it named itself. No lock is held; Worker waits for it.
	OnOverflow func(login string)
}

// Ledger is the set of all books. Make it with [New].
type Ledger struct {
	// Static after construction.
	maxWorkers     int
	onOverflow     func(login string)
	other, unknown *WorkerBook
	none           *PoolBook

	overflown atomic.Bool // onOverflow has been called

	// mu guards the directory of books; it is taken when a miner authorizes
	// or leaves, and by readers for as long as it takes to copy the lists.
	mu         sync.RWMutex
	workers    map[string]*WorkerBook
	workerList []*WorkerBook // in no order
	lastID     uint32
	pools      map[string]*PoolBook
	poolList   []*PoolBook

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
		onOverflow: cfg.OnOverflow,
		workers:    make(map[string]*WorkerBook),
		pools:      make(map[string]*PoolBook),
		started:    now,
	}
	l.other = newWorkerBook(OtherWorker, "", 0, now)
	l.unknown = newWorkerBook(UnknownWorker, "", 1, now)
	l.lastID = 1
	l.none = newPoolBook(NoPool, now)
	l.total.born = now.UnixNano()
	l.sample(now)
	return l
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
	// Worker earned it; nil books it under [UnknownWorker].
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

// Record books a share under its worker and its pool. The worker's book may
// have been released meanwhile.
func (l *Ledger) Record(e Entry) {
	w, p := e.Worker, e.Pool
	if w == nil {
		w = l.unknown
	}
	if p == nil {
		p = l.none
	}
	w.record(&e)
	p.shards[w.id%poolShards].tally.record(&e)
	if w.dropped.Load() { // after the share was booked: see Release
		l.inherit(w)
	}
}

// RecordPool books what a pool said later about a share that Record booked
// while the pool's word was pending or unanswered. Only Worker, Pool,
// PoolVerdict and PoolDifficulty of the entry are read.
func (l *Ledger) RecordPool(e Entry) {
	e.Verdict = mining.Pending
	l.Record(e)
}

// books returns copies of the directory as it is now, with the books that
// are always there.
func (l *Ledger) books() ([]*WorkerBook, []*PoolBook) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	workers := append(make([]*WorkerBook, 0, len(l.workerList)+2), l.workerList...)
	pools := append(make([]*PoolBook, 0, len(l.poolList)+1), l.poolList...)
	return append(workers, l.other, l.unknown), append(pools, l.none)
}
