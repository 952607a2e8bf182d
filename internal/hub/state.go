package hub

import (
	"slices"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// PoolState is a snapshot of one pool.
type PoolState struct {
	PoolConfig

	// Probe is the state of the pool's own connection.
	Probe link.Status
	// Breaker says whether connections to the pool are tried.
	Breaker link.BreakerState
	// Links counts the miners' connections to the pool.
	Links int
	// RTT is the round trip of the last share; 0 is none yet.
	RTT time.Duration
	// Condition is how the pool is doing.
	Condition PoolCondition
	// Drained says that an operator wants its miners elsewhere.
	Drained bool
	// Miners counts those whose work comes from the pool now.
	Miners int
	// OneWorker was found out: the pool knows one worker a connection.
	OneWorker bool
	// Reading is how it reads version bits, as far as is known.
	Reading work.VersionReading
	// Unsubmitted is work that was done and not handed to it, in difficulty-1
	// shares: above its difficulty while that climbed, or past a link's budget.
	Unsubmitted float64
	// Discrepancies counts shares that are valid here and that it refused;
	// Trouble says that they are too many of late.
	Discrepancies uint64
	Trouble       bool
	// Shunned says that miners are kept away from it for a while, for it is
	// connected and of no use.
	Shunned bool
	// Quality is what was measured of it.
	Quality quality.Report
	// Watched is what it does that its operator should look at.
	Watched watch.Report
	// Shared are its shared connections.
	Shared []LinkState
	// Leaving says that it is not configured any more, and that its miners go to
	// other pools as soon as those have work for them.
	Leaving bool
}

// LinkState is a snapshot of a shared connection.
type LinkState struct {
	link.Info

	Route, Login string
	Miners       int
	// Names counts workers that the pool knows by their own names.
	Names int
	// Hashrate is the estimate of all its miners, in H/s.
	Hashrate float64
	// Difficulty is the pool's.
	Difficulty work.Difficulty
	// Pending counts shares that the pool has not answered.
	Pending int
}

// RouteState is a snapshot of one route.
type RouteState struct {
	Name  string
	Pools []string
	// Active is the pool that a new miner would be given; empty is none.
	Active string
	// Pinned is the pool that an operator prefers to all others; empty is none.
	Pinned string
	// Miners counts the miners on the route, Connections its pool connections.
	Miners, Connections int
	Shared              bool
	// Unpaid counts miners that are held on work that nobody pays for.
	Unpaid int
	// Parts are those of its split; nil where it has none.
	Parts []PartState
}

// PartState is a snapshot of one part of a split.
type PartState struct {
	PartConfig

	// Target is what it should have now, in parts of 1; Closed says that it is
	// outside its window.
	Target float64
	Closed bool
	// Miners counts those who work for it now, and Rate is what they do, in H/s.
	Miners int
	Rate   float64
	// Work is what was accepted here for it since the start, in difficulty-1
	// shares, and OwnWork what of it is its own workers', who are not divided.
	Work, OwnWork float64
}

// MinerState is what the hub knows of one miner; Route and Pool are empty
// until they are decided.
type MinerState struct {
	Route, Pool string
	// Accepted and Rejected count the connection's shares by our verdict.
	Accepted, Rejected uint64
	// Hashrate is an estimate in H/s, and Link the shared connection whose
	// work it has; both are 0 in dedicated mode.
	Hashrate float64
	Link     mining.LinkID
	// Obstacles are the pools of its route that it cannot be sent to, and
	// FewerBits those that let it roll fewer version bits than it may have
	// been told.
	Obstacles []Obstacle
	FewerBits []string
}

// Pools takes a snapshot of every pool, in the order of the configuration. Those
// that are not configured any more and still have miners come after. What was
// configured otherwise counts with what is in its place. Of a crowd miners are counted as
// of the last sweep.
func (h *Hub) Pools() []PoolState {
	now, ro := time.Now(), h.roster()
	preferred := h.preferred(now)
	at, miners := h.census(now).pools, make(map[string]int)
	for p, n := range at {
		miners[p.Name] += n
	}
	shared := make(map[string][]LinkState)
	for _, g := range h.allGroups() {
		if p, state, ok := g.state(); ok {
			shared[p.Name] = append(shared[p.Name], state)
		}
	}
	links := make(map[string]int)
	all := slices.Clone(ro.pools)
	for _, p := range slices.Concat(ro.pools, ro.leaving) {
		links[p.Name] += int(p.links.Load())
		if !slices.ContainsFunc(all, func(one *pool) bool { return one.Name == p.Name }) {
			all = append(all, p)
		}
	}
	unsent := make(map[string]float64)
	for _, b := range h.deps.Ledger.Pools(now) {
		unsent[b.Name] = b.Tally.Unsent.Work
	}
	states := make([]PoolState, 0, len(all))
	for _, p := range all {
		probe := p.probe.Status()
		states = append(states, PoolState{
			PoolConfig: p.PoolConfig, Probe: probe, Breaker: p.breaker.State(), Links: links[p.Name], Leaving: p.leaving.Load(),
			RTT:       time.Duration(p.rtt.Load()),
			Condition: p.conditionOf(at[p], preferred[p], &probe, now), Drained: p.drained.Load(),
			Miners: miners[p.Name], OneWorker: p.knowsOne(now), Reading: p.reading(),
			Unsubmitted: unsent[p.Name], Discrepancies: p.discrepancies.Load(), Trouble: p.trouble(now),
			Shunned: p.shunned.Load() > now.UnixNano(), Quality: p.quality.Report(now), Watched: p.watch.Report(),
			Shared: shared[p.Name],
		})
	}
	return states
}

// state is a snapshot of the group's link; ok is false where there is none.
func (g *group) state() (p *pool, s LinkState, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.link == nil {
		return nil, LinkState{}, false
	}
	return g.pool, LinkState{
		Info: g.link.Info(), Route: g.route.Name, Login: g.login, Miners: len(g.members), Names: g.aliases.granted,
		Hashrate: g.hashrate, Difficulty: g.climb.difficulty, Pending: int(g.due.Load()),
	}, true
}

// Routes takes a snapshot of every route, in the order they are matched. Of a crowd miners
// are counted as of the last sweep.
func (h *Hub) Routes() []RouteState {
	now, ro, parts := time.Now(), h.roster(), make(map[*route][]PartState)
	for _, r := range ro.routes {
		parts[r] = r.split.Load().state(now)
	}
	all, links, unpaid := h.census(now), make(map[*route]int), make(map[*route]int)
	for at, does := range all.alone {
		at.route.split.Load().count(parts[at.route], at.pool, does.miners, does.rate)
	}
	for _, g := range h.allGroups() {
		size, _ := g.size()
		if g.linkID() != 0 {
			links[g.route]++
		}
		if g.holds() {
			unpaid[g.route] += size
		}
		g.route.split.Load().count(parts[g.route], g.pool, size, g.does())
	}
	states := make([]RouteState, 0, len(ro.routes))
	for _, r := range ro.routes {
		on := all.routes[r]
		s := RouteState{
			Name: r.Name, Pools: r.conf().Pools, Miners: on.miners, Connections: links[r] + on.links,
			Shared: r.Shared, Unpaid: unpaid[r] + on.unpaid, Parts: parts[r],
		}
		if p := r.active(now); p != nil {
			s.Active = p.Name
		}
		if p := r.pin.Load(); p != nil {
			s.Pinned = p.Name
		}
		states = append(states, s)
	}
	return states
}

// Ready says that at least one route can serve work.
func (h *Hub) Ready() bool {
	now := time.Now()
	for _, r := range h.roster().routes {
		if r.active(now) != nil {
			return true
		}
	}
	return false
}

// MinerState takes a snapshot of what the hub knows of a miner.
func (h *Hub) MinerState(m *mining.Miner) MinerState {
	at, ok := m.Seat.(*seat)
	if !ok {
		return MinerState{}
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	s := MinerState{Accepted: at.accepted, Rejected: at.rejected}
	s.Obstacles, s.FewerBits = at.obstacles()
	if at.route != nil {
		s.Route = at.route.Name
	}
	if at.role != nil {
		if p := at.role.at(); p != nil {
			s.Pool = p.Name
		}
		at.role.state(&s, time.Now())
	}
	return s
}

// active is the first pool of the route that can serve work, one that miners are
// kept away from only where no other can, or nil.
func (r *route) active(now time.Time) *pool {
	var out *pool
	for _, p := range r.order() {
		switch {
		case !p.probe.Ready():
		case !p.out(now):
			return p
		case out == nil:
			out = p
		}
	}
	return out
}

// all lists the seats there are now.
func (h *Hub) all() []*seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	seats := make([]*seat, 0, len(h.seats))
	for _, s := range h.seats {
		seats = append(seats, s)
	}
	return seats
}

// SlotsInUse is the number of slots that miners have.
func (h *Hub) SlotsInUse() int {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	n := 0
	for _, s := range h.spaces {
		n += s.slots.Used()
	}
	return n
}

// Drain waits until no share's verdict is due, or until the time has passed.
func (h *Hub) Drain(atMost time.Duration) {
	deadline := time.NewTimer(atMost)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for h.Pending() > 0 {
		select {
		case <-deadline.C:
			return
		case <-again.C:
		}
	}
}
