package hub

import (
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

// PoolState is a snapshot of one pool.
type PoolState struct {
	PoolConfig

	// Probe is the state of the pool's own connection.
	Probe link.Status
	// Links counts the miners' connections to the pool.
	Links int
	// RTT is the round trip of the last share; 0 is none yet.
	RTT time.Duration
	// Standby says that the pool could serve, and no route prefers it now.
	Standby bool
}

// RouteState is a snapshot of one route.
type RouteState struct {
	Name  string
	Pools []string
	// Active is the pool that a new miner would be given; empty is none.
	Active string
	// Miners counts the miners on the route.
	Miners int
}

// MinerState is what the hub knows of one miner; Route and Pool are empty
// until they are decided.
type MinerState struct {
	Route, Pool string
	// Accepted and Rejected count the connection's shares by our verdict.
	Accepted, Rejected uint64
}

// Pools takes a snapshot of every pool, in the order of the configuration.
func (h *Hub) Pools() []PoolState {
	preferred := make(map[*pool]bool)
	for _, r := range h.routes {
		if p := r.active(); p != nil {
			preferred[p] = true
		}
	}
	states := make([]PoolState, 0, len(h.pools))
	for _, p := range h.pools {
		links := int(p.links.Load())
		states = append(states, PoolState{
			PoolConfig: p.PoolConfig, Probe: p.probe.Status(), Links: links,
			RTT:     time.Duration(p.rtt.Load()),
			Standby: !preferred[p] && links == 0,
		})
	}
	return states
}

// Routes takes a snapshot of every route, in the order they are matched.
func (h *Hub) Routes() []RouteState {
	miners := make(map[*route]int)
	for _, g := range h.all() {
		g.mu.Lock()
		if g.route != nil && !g.left {
			miners[g.route]++
		}
		g.mu.Unlock()
	}
	states := make([]RouteState, 0, len(h.routes))
	for _, r := range h.routes {
		s := RouteState{Name: r.Name, Pools: r.Pools, Miners: miners[r]}
		if p := r.active(); p != nil {
			s.Active = p.Name
		}
		states = append(states, s)
	}
	return states
}

// Ready says that at least one route can serve work.
func (h *Hub) Ready() bool {
	for _, r := range h.routes {
		if r.active() != nil {
			return true
		}
	}
	return false
}

// MinerState takes a snapshot of what the hub knows of a miner.
func (h *Hub) MinerState(m *mining.Miner) MinerState {
	g, ok := m.Seat.(*group)
	if !ok {
		return MinerState{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := MinerState{Accepted: g.accepted, Rejected: g.rejected}
	if g.route != nil {
		s.Route = g.route.Name
	}
	if g.pool != nil {
		s.Pool = g.pool.Name
	}
	return s
}

// active is the first pool of the route that can serve work, or nil.
func (r *route) active() *pool {
	for _, p := range r.pools {
		if p.probe.Ready() {
			return p
		}
	}
	return nil
}

// all lists the groups there are now.
func (h *Hub) all() []*group {
	h.mu.Lock()
	defer h.mu.Unlock()
	groups := make([]*group, 0, len(h.groups))
	for _, g := range h.groups {
		groups = append(groups, g)
	}
	return groups
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
