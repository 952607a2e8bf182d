package view

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/profile"
)

// Books is the part of the ledger that the model reads.
type Books interface {
	WorkerBooks

	Snapshot(now time.Time) ledger.Snapshot
	Pools(now time.Time) []ledger.Pool
	Routes(now time.Time) []ledger.Route
	Total(now time.Time) ledger.Account
}

// WorkerBooks are those of workers.
type WorkerBooks interface {
	Find(login string, now time.Time) (ledger.Worker, bool)
	Look(now time.Time, show func(*ledger.Glance))
	Read(books []*ledger.WorkerBook, now time.Time) []ledger.Worker
	WorkerTrends(names []string, now time.Time) ledger.Trend
}

// Deps is what a model reads from. All but Checks, Parts, Door and Keeping are needed.
type Deps struct {
	Version, Instance string
	Books             Books
	Hub               Hub
	// Now is the clock.
	Now func() time.Time
	// Started is when the process began.
	Started time.Time
	// Checks are more health checks, by name; each is asked at every look.
	Checks map[string]func(now time.Time) Check
	// Parts are health checks of what comes and goes, such as listeners; down says that
	// nobody can work because of what they have found. nil has none.
	Parts func(now time.Time) (checks map[string]Check, down bool)
	// Door counts the connections that are no miners yet: those that have begun, and
	// those that wait for their turn; nil has none.
	Door func() (strangers, waiting int)
	// Keeping says how the keeping of shares goes; nil where none are kept.
	Keeping func() Keeping
	// Profile says how long the steps of a share's and a job's walk take; nil where
	// none is timed.
	Profile *profile.Profile
}

// Model answers readers. It is safe for use by many goroutines.
type Model struct {
	deps Deps

	crowd  lately[crowd]
	miners lately[[]Miner]
	pages  pages
	// long is held by who has a long list of workers made.
	long sync.Mutex
}

// New makes a model.
func New(deps Deps) *Model { return &Model{deps: deps} }

// crowd are the open connections, the oldest first, and what they say of each login.
type crowd struct {
	miners []MinerState
	here   map[string]*attendance
}

// present looks at the open connections; what it returns is shared.
func (m *Model) present() crowd {
	return m.crowd.get(m.deps.Now, func(time.Time) crowd {
		states := m.deps.Hub.Miners()
		return crowd{states, presence(states)}
	})
}

// Version is the program's version.
func (m *Model) Version() string { return m.deps.Version }

// Instance is the name of this instance.
func (m *Model) Instance() string { return m.deps.Instance }

// Ready says that at least one route can serve work.
func (m *Model) Ready() bool { return m.deps.Hub.Ready() }

// Connected counts the open miner connections.
func (m *Model) Connected() int { return m.deps.Hub.MinerCount() }

// SlotsInUse counts the slots that miners have.
func (m *Model) SlotsInUse() int { return m.deps.Hub.SlotsInUse() }

// PoolStates returns every configured pool as the hub knows it.
func (m *Model) PoolStates() []PoolState { return m.deps.Hub.Pools() }

// PoolBooks returns the books of every pool that has one.
func (m *Model) PoolBooks() []ledger.Pool { return m.deps.Books.Pools(m.deps.Now()) }

// Keeping says how the keeping of shares goes.
func (m *Model) Keeping() Keeping {
	if m.deps.Keeping == nil {
		return Keeping{}
	}
	return m.deps.Keeping()
}

// Summary is the whole in one look.
func (m *Model) Summary() Summary {
	now := m.deps.Now()
	total := m.deps.Books.Total(now)
	s := Summary{
		Version: m.deps.Version, Instance: m.deps.Instance,
		UptimeSeconds: max(now.Sub(m.deps.Started).Seconds(), 0),
		Ready:         m.deps.Hub.Ready(),
		Miners:        m.deps.Hub.MinerCount(),
		Workers:       m.deps.Hub.WorkerCount(),
		Hashrate:      hashrate(&total),
		PoolHashrate:  poolHashrate(&total),
		HashrateError: hashrateError(&total),
		Shares:        shares(&total.Tally),
		Best:          finite(total.Best),
		Business:      business(&total), Reconciliation: reconcile(&total),
	}
	for _, p := range m.deps.Hub.Pools() {
		s.PoolConnections += p.Connections
	}
	if m.deps.Door != nil {
		s.Strangers, s.Waiting = m.deps.Door()
	}
	return s
}

// Pools returns every configured pool in the file's order.
func (m *Model) Pools() []Pool {
	now := m.deps.Now()
	tallies := byName(m.deps.Books.Pools(now))
	states := m.deps.Hub.Pools()
	out := make([]Pool, 0, len(states))
	for i := range states {
		out = append(out, pool(&states[i], tallies[states[i].Name], now))
	}
	return out
}

func byName(books []ledger.Account) map[string]*ledger.Account {
	out := make(map[string]*ledger.Account, len(books))
	for i := range books {
		out[books[i].Name] = &books[i]
	}
	return out
}

// Worker returns one worker with its connections; ok is false when the name
// was never seen.
func (m *Model) Worker(name string) (w Worker, ok bool) {
	now := m.deps.Now()
	book, ok := m.deps.Books.Find(name, now)
	if !ok {
		return Worker{}, false
	}
	miners := m.deps.Hub.MinersOf(name)
	w = worker(&book, presence(miners)[name], now)
	for i := range miners {
		w.Connections = append(w.Connections, miner(&miners[i], now))
	}
	return w, true
}

// WorkerTrends says how the hashrates of workers went of late.
func (m *Model) WorkerTrends(names []string) ledger.Trend {
	return m.deps.Books.WorkerTrends(names, m.deps.Now())
}

// Miners returns every open connection, oldest first. Others are shown the same: it is not
// to be changed. Where there are very many it may be of up to a second ago.
func (m *Model) Miners() []Miner {
	return m.miners.get(m.deps.Now, func(now time.Time) []Miner {
		states := m.present().miners
		out := make([]Miner, 0, len(states))
		for i := range states {
			out = append(out, miner(&states[i], now))
		}
		return out
	})
}

// Routes returns every route in the order they are matched.
func (m *Model) Routes() []Route {
	states := m.deps.Hub.Routes()
	books := byName(m.deps.Books.Routes(m.deps.Now()))
	out := make([]Route, 0, len(states))
	for _, r := range states {
		book := books[r.Name]
		if book == nil {
			book = new(ledger.Route)
		}
		pools := slices.Clone(r.Pools)
		if pools == nil {
			pools = []string{}
		}
		out = append(out, Route{
			Name: r.Name, Mode: r.Mode, Pools: pools, Active: r.Active, Pinned: r.Pinned, Unpaid: r.Unpaid, Split: parts(r.Parts),
			Miners: r.Miners, Connections: r.Connections, Ready: r.Ready,
			Shares: shares(&book.Tally), Hashrate: hashrate(book), PoolHashrate: poolHashrate(book),
			Business: business(book), Reconciliation: reconcile(book),
		})
	}
	return out
}

// attendance is what the open connections say of one login.
type attendance struct {
	miners     int
	pool       string
	difficulty float64
	newest     mining.MinerID
}

// presence gathers the open connections by login. Several connections of one
// login may differ: the newest one's pool and the largest difficulty show.
func presence(miners []MinerState) map[string]*attendance {
	out := make(map[string]*attendance, len(miners))
	all := make([]attendance, 0, len(miners)) // most have one login, of their own
	for i := range miners {
		state := &miners[i]
		for _, login := range state.Workers {
			a := out[login]
			if a == nil {
				all = append(all, attendance{})
				a = &all[len(all)-1]
				out[login] = a
			}
			a.miners++
			a.difficulty = max(a.difficulty, finite(state.Difficulty))
			if state.ID >= a.newest {
				a.newest, a.pool = state.ID, state.Pool
			}
		}
	}
	return out
}

func parts(of []PartState) []Part {
	all := make([]Part, 0, len(of))
	for _, p := range of {
		all = append(all, Part{
			Pools: p.Pools, Weight: p.Weight, WantHashrate: p.Hashrate, Worker: p.Worker, Target: p.Target,
			When: p.When, TimeZone: p.TimeZone, InWindow: !p.Closed, OnDead: cmp.Or(p.OnDead, "others"),
			Miners: p.Miners, Hashrate: p.Rate, WorkAccepted: p.Work, OwnWork: p.OwnWork,
		})
	}
	return all
}
