package ledger

import (
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/work"
)

// Account is an account as a reader sees it.
type Account struct {
	Name  string
	Tally Tally
	// Recent is what it did within each window.
	Recent [windowCount]Recent
	// Since is when it was first seen.
	Since time.Time
	// LastShareAt is when the last share of any verdict came; zero: never.
	LastShareAt time.Time
	// Best is the largest difficulty that an accepted share's hash reached, 0
	// where that is not known, and BestAt when it did.
	Best   work.Difficulty
	BestAt time.Time
}

// Worker is one worker's account as a reader sees it.
type Worker struct {
	Account

	Route string
}

// Pool is one pool's account as a reader sees it, Route one route's.
type (
	Pool  = Account
	Route = Account
)

// Snapshot is all books at one time. It is the reader's own.
type Snapshot struct {
	At, Started time.Time
	// Total is all accounts together. Its name is empty.
	Total Account
	// Workers, Pools and Routes are sorted by name. OtherWorker, UnknownWorker,
	// NoPool and NoRoute are among them once something was booked there.
	Workers []Worker
	Pools   []Pool
	Routes  []Route
}

// Snapshot reads all books.
func (l *Ledger) Snapshot(now time.Time) Snapshot {
	s := l.read(now)
	slices.SortFunc(s.Pools, byName)
	slices.SortFunc(s.Routes, byName)
	return s
}

// read is a snapshot whose pools and routes are in no order.
func (l *Ledger) read(now time.Time) Snapshot {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	workers, pools, routes := l.lists()
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	s := Snapshot{At: now, Started: l.started, Total: look.account("", &l.total), Workers: make([]Worker, 0, len(workers))}
	for _, b := range workers {
		if l.shows(b) {
			s.Workers = append(s.Workers, look.worker(b))
		}
	}
	s.Pools = look.pools(pools, l.none)
	s.Routes = look.routes(routes, l.noRoute)
	return s
}

func byName(a, b Account) int { return strings.Compare(a.Name, b.Name) }

// Pools reads the books of all pools without looking at any worker's; NoPool
// is always among them.
func (l *Ledger) Pools(now time.Time) []Pool {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	l.mu.RLock()
	pools := l.poolsHeld()
	l.mu.RUnlock()
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	return look.pools(pools, nil)
}

// Routes reads the books of all routes without looking at any worker's.
func (l *Ledger) Routes(now time.Time) []Route {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	l.mu.RLock()
	routes := l.routesHeld()
	l.mu.RUnlock()
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	return look.routes(routes, l.noRoute)
}

// Total reads the book of all shares.
func (l *Ledger) Total(now time.Time) Account {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	return look.account("", &l.total)
}

// Find reads the book of a login; ok is false where there is none.
func (l *Ledger) Find(login string, now time.Time) (w Worker, ok bool) {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	l.mu.RLock()
	b := l.workers[login]
	l.mu.RUnlock()
	switch {
	case b != nil:
	case login == OtherWorker && l.other.used():
		b = l.other
	case login == UnknownWorker && l.unknown.used():
		b = l.unknown
	default:
		return Worker{}, false
	}
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	return look.worker(b), true
}

// reading is what all accounts of one snapshot are read with.
type reading struct {
	clock *sampleClock
	from  slots
	now   time.Time
}

func (r *reading) account(name string, a *account) Account {
	return Account{
		Name: name, Tally: a.tally, Recent: a.recent(r.clock, r.from, r.now), Since: moment(a.windows.born),
		LastShareAt: moment(a.last), Best: work.Difficulty(a.best), BestAt: moment(a.bestAt),
	}
}

func (r *reading) worker(b *WorkerBook) Worker {
	return Worker{r.account(b.name, &b.account), *b.route.Load()}
}

// pools reads pools' books, but for that of none where nothing is in it.
func (r *reading) pools(of []*PoolBook, none *PoolBook) []Pool {
	out := make([]Pool, 0, len(of))
	for _, b := range of {
		if b != none || b.used() {
			out = append(out, r.account(b.name, &b.account))
		}
	}
	return out
}

// routes reads routes' books, but for that of none where nothing is in it.
func (r *reading) routes(of []*RouteBook, none *RouteBook) []Route {
	out := make([]Route, 0, len(of))
	for _, b := range of {
		if b != none || b.used() {
			out = append(out, r.account(b.name, &b.account))
		}
	}
	return out
}

// moment is the zero time for 0.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
