package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/profile"
)

// Books is the part of the ledger that the model reads.
type Books interface {
	Snapshot(now time.Time) ledger.Snapshot
	Pools(now time.Time) []ledger.Pool
	Routes(now time.Time) []ledger.Route
	Total(now time.Time) ledger.Account
	Find(login string, now time.Time) (ledger.Worker, bool)
}

// Deps is what a model reads from. All but Checks and Keeping are needed.
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
type Model struct{ deps Deps }

// New makes a model.
func New(deps Deps) *Model { return &Model{deps: deps} }

// Version is the program's version.
func (m *Model) Version() string { return m.deps.Version }

// Ready says that at least one route can serve work.
func (m *Model) Ready() bool { return m.deps.Hub.Ready() }

// Connected counts the open miner connections.
func (m *Model) Connected() int {
	if c, ok := m.deps.Hub.(MinerCounter); ok {
		return c.MinerCount()
	}
	return len(m.deps.Hub.Miners())
}

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
	miners := m.deps.Hub.Miners()
	s := Summary{
		Version: m.deps.Version, Instance: m.deps.Instance,
		UptimeSeconds: max(now.Sub(m.deps.Started).Seconds(), 0),
		Ready:         m.deps.Hub.Ready(),
		Miners:        len(miners),
		Workers:       len(presence(miners)),
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

// Workers returns every worker that is connected or ever
// submitted a share, sorted by name.
func (m *Model) Workers() []Worker {
	now := m.deps.Now()
	books := m.deps.Books.Snapshot(now)
	here := presence(m.deps.Hub.Miners())
	out := make([]Worker, 0, len(books.Workers))
	for i := range books.Workers {
		out = append(out, worker(&books.Workers[i], here[books.Workers[i].Name], now))
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
	miners := m.deps.Hub.Miners()
	w = worker(&book, presence(miners)[name], now)
	for j := range miners {
		if slices.Contains(miners[j].Workers, name) {
			w.Connections = append(w.Connections, miner(&miners[j], now))
		}
	}
	slices.SortFunc(w.Connections, func(a, b Miner) int { return cmp.Compare(a.ID, b.ID) })
	return w, true
}

// Miners returns every open connection, oldest first.
func (m *Model) Miners() []Miner {
	now := m.deps.Now()
	states := m.deps.Hub.Miners()
	slices.SortFunc(states, func(a, b MinerState) int { return cmp.Compare(a.ID, b.ID) })
	out := make([]Miner, 0, len(states))
	for i := range states {
		out = append(out, miner(&states[i], now))
	}
	return out
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
	out := make(map[string]*attendance)
	for i := range miners {
		state := &miners[i]
		for _, login := range state.Workers {
			a := out[login]
			if a == nil {
				a = &attendance{}
				out[login] = a
			}
			a.miners++
			a.difficulty = max(a.difficulty, float64(state.Difficulty))
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
