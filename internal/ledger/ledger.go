package ledger

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// DefaultMaxWorkers is how many worker books there are at most when the
// configuration says nothing; about 700 MB when full.
const DefaultMaxWorkers = 100_000

const (
	// OtherWorker is the book of all workers that came after the cap.
	OtherWorker = "(other)"
	// UnknownWorker is the book of shares that no known worker sent.
	UnknownWorker = "(unknown)"
	// NoPool is the book of shares that belong to no pool, NoRoute of those that
	// belong to no route.
	NoPool, NoRoute = "(none)", "(none)"
)

// Sink is told what was booked.
type Sink interface {
	// Take is given events in the order of each worker's; they are the sink's
	// only until it returns. It must not wait for anything, nor call the ledger.
	Take(events []Event)
}

// Config bounds a ledger.
type Config struct {
	// MaxWorkers is how many workers get books of their own; 0 is
	// [DefaultMaxWorkers].
	MaxWorkers int
	// OnOverflow, if not nil, is called once: when [Ledger.Worker] returns
	// the book [OtherWorker] for want of room for the first time. login is
	// who got it, as it named itself. No lock is held; Worker waits for it.
	OnOverflow func(login string)
	// Sink, if not nil, is told of every entry once it is booked.
	Sink Sink
	// FirstID is where share ids begin; those of an earlier run must be below.
	FirstID ShareID
}

// Ledger is the set of all books. Make it with [New].
type Ledger struct {
	// Static after construction.
	maxWorkers     int
	onOverflow     func(login string)
	sink           Sink
	firstID        ShareID
	other, unknown *WorkerBook
	none           *PoolBook
	noRoute        *RouteBook
	ids            [queues]counter

	// queues are made when they are needed first; most tests need one or two.
	queues [queues]atomic.Pointer[queue]

	overflown atomic.Bool // onOverflow has been called
	// helped counts how often a queue was full, and who recorded had to book.
	helped atomic.Uint64

	// mu guards the directory of books; it is taken when a miner authorizes
	// or leaves, and by readers for as long as it takes to copy the lists. Who
	// holds bookMu may take it; who holds it may only try to take bookMu.
	mu         sync.RWMutex
	workers    map[string]*WorkerBook
	workerList []*WorkerBook // in no order
	// fresh came since the list of them by name was made; dropped says that some of it or
	// of fresh are gone.
	fresh     []*WorkerBook
	dropped   bool
	idle      []*WorkerBook
	retired   time.Time // when books of long ago were looked for last
	lastID    uint32
	pools     map[string]*PoolBook
	poolList  []*PoolBook
	routes    map[string]*RouteBook
	routeList []*RouteBook

	// bookMu guards what follows and what is in every book. The share path
	// takes it only where a queue is full.
	bookMu sync.Mutex
	// byName are all books of workers by name, as of the last look at all; a list that was
	// made is not changed.
	byName  []*WorkerBook
	started time.Time
	latest  time.Time // as of the last Tick, or who read
	clock   sampleClock
	total   account
	blocks  []Block
	events  []Event // memory for the sink's
}

// counter is a number that has its cache line to itself.
type counter struct {
	n atomic.Uint64
	_ [120]byte
}

// New makes an empty ledger; now is when its windows begin.
func New(cfg Config, now time.Time) *Ledger {
	if cfg.MaxWorkers <= 0 {
		cfg.MaxWorkers = DefaultMaxWorkers
	}
	l := &Ledger{
		maxWorkers: cfg.MaxWorkers,
		onOverflow: cfg.OnOverflow,
		sink:       cfg.Sink,
		firstID:    max(cfg.FirstID, 1),
		workers:    make(map[string]*WorkerBook),
		pools:      make(map[string]*PoolBook),
		routes:     make(map[string]*RouteBook),
		started:    now,
		latest:     now,
		none:       &PoolBook{name: NoPool},
		noRoute:    &RouteBook{name: NoRoute},
	}
	l.other = newWorkerBook(OtherWorker, "", 0, now)
	l.unknown = newWorkerBook(UnknownWorker, "", 1, now)
	l.lastID = 1
	l.fresh = []*WorkerBook{l.other, l.unknown}
	for _, w := range []*windows{&l.none.windows, &l.noRoute.windows, &l.total.windows} {
		w.born = now.UnixNano()
	}
	l.sample(now)
	return l
}

// Pool returns the book of a pool, making it on first sight. Pools are
// configured, so their number needs no cap.
func (l *Ledger) Pool(name string, now time.Time) *PoolBook {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pools[name]
	switch {
	case p != nil:
	case name == NoPool:
		return l.none
	default:
		p = &PoolBook{name: name}
		p.windows.born = now.UnixNano()
		l.pools[name] = p
		l.poolList = append(l.poolList, p)
	}
	return p
}

// Route returns the book of a route, making it on first sight. Routes are
// configured, so their number needs no cap.
func (l *Ledger) Route(name string, now time.Time) *RouteBook {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.routes[name]
	switch {
	case r != nil:
	case name == NoRoute:
		return l.noRoute
	default:
		r = &RouteBook{name: name}
		r.windows.born = now.UnixNano()
		l.routes[name] = r
		l.routeList = append(l.routeList, r)
	}
	return r
}

// NextID draws the id of a share, for who must name it before it is recorded:
// larger than any that was drawn for the worker before.
func (l *Ledger) NextID(w *WorkerBook) ShareID {
	if w == nil {
		w = l.unknown
	}
	return l.firstID + ShareID(l.ids[w.queue].n.Add(1)*queues+uint64(w.queue))
}

// Record books a share, or news of one, under its worker, its pool and its
// route. The worker's book may have been released meanwhile. It returns the
// share's id, for news of it.
func (l *Ledger) Record(e Entry) ShareID {
	if e.Worker == nil {
		e.Worker = l.unknown
	}
	if e.Pool == nil {
		e.Pool = l.none
	}
	if e.Route == nil {
		e.Route = l.noRoute
	}
	if e.ID == 0 && e.Verdict != mining.Pending {
		e.ID = l.NextID(e.Worker)
	}
	q := l.queue(e.Worker.queue)
	for !q.put(&e) {
		l.settle()
	}
	return e.ID
}

// queue is one of the queues, made if it is not there yet.
func (l *Ledger) queue(i uint32) *queue {
	if q := l.queues[i].Load(); q != nil {
		return q
	}
	l.queues[i].CompareAndSwap(nil, newQueue())
	return l.queues[i].Load()
}

// settle books what is in the queues.
func (l *Ledger) settle() {
	l.helped.Add(1)
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bookQueued(l.latest)
}

// bookQueued books all that was recorded before it began. Entries without a time
// are of now. bookMu is held.
func (l *Ledger) bookQueued(now time.Time) {
	l.events = l.events[:0]
	for i := range l.queues {
		q := l.queues[i].Load()
		if q == nil {
			continue
		}
		q.take(func(e *Entry) {
			e.known()
			if e.At.IsZero() {
				e.At = now
			}
			if e.Worker.dropped {
				e.Worker = l.heir(e.Worker)
			}
			c := e.counted()
			e.Worker.record(e, &c)
			e.Pool.record(e, &c)
			e.Route.record(e, &c)
			l.total.record(e, &c)
			if l.sink != nil {
				l.events = append(l.events, Event{*e})
			}
		})
	}
	if len(l.events) == 0 {
		return
	}
	l.sink.Take(l.events)
	clear(l.events) // they are not to keep jobs
	if cap(l.events) > 4*queueSize {
		l.events = nil
	}
}

// lists are all books as the directory is now, with those that are always there; workers'
// are by name, and the list is not to be changed. Books that nobody needs are dropped.
// bookMu is held.
func (l *Ledger) lists() ([]*WorkerBook, []*PoolBook, []*RouteBook) {
	l.mu.Lock()
	l.reap()
	fresh, dropped := l.fresh, l.dropped
	l.fresh, l.dropped = nil, false
	pools, routes := l.poolsHeld(), l.routesHeld()
	l.mu.Unlock()
	return l.inOrder(fresh, dropped), pools, routes
}

// routesHeld is a copy of the list of routes. mu is held.
func (l *Ledger) routesHeld() []*RouteBook {
	return append(append(make([]*RouteBook, 0, len(l.routeList)+1), l.routeList...), l.noRoute)
}

// poolsHeld is a copy of the list of pools. mu is held.
func (l *Ledger) poolsHeld() []*PoolBook {
	return append(append(make([]*PoolBook, 0, len(l.poolList)+1), l.poolList...), l.none)
}
