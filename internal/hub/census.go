package hub

import "time"

// crowd is from how many miners on readers are given the counts of the last sweep: to look
// at each of very many costs more than what changes within a second is worth.
const crowd = 1000

// census counts the miners that there are. It is immutable once it is taken.
type census struct {
	at time.Time
	// seats counts all, and pools those whose work comes from each.
	seats int
	pools map[*pool]int
	// routes has what is on each route, and alone what miners with links of their own do
	// for a pool there.
	routes map[*route]onRoute
	alone  map[place]doing
}

// place is a pool on a route.
type place struct {
	route *route
	pool  *pool
}

// onRoute counts miners on a route, those of them with links of their own, and those that
// have none and are held on work that nobody pays for.
type onRoute struct{ miners, links, unpaid int }

// doing is how many miners do how much, in H/s.
type doing struct {
	miners int
	rate   float64
}

func newCensus(now time.Time) *census {
	return &census{at: now, pools: make(map[*pool]int), routes: make(map[*route]onRoute), alone: make(map[place]doing)}
}

// count counts a seat, whose mutex is held.
func (c *census) count(s *seat) {
	c.seats++
	if s.left {
		return
	}
	if s.role != nil {
		if p := s.role.at(); p != nil {
			c.pools[p]++
		}
	}
	if s.route == nil {
		return
	}
	on := c.routes[s.route]
	on.miners++
	if d, ok := s.role.(*dedicated); ok {
		switch {
		case d.link != nil:
			on.links++
			at := place{s.route, d.pool}
			does := c.alone[at]
			c.alone[at] = doing{does.miners + 1, does.rate + d.rate.Hashrate(c.at)}
		case d.held != nil:
			on.unpaid++
		}
	}
	c.routes[s.route] = on
}

// census is that of the last sweep where there is a crowd, else of now.
func (h *Hub) census(now time.Time) *census {
	if c := h.counted.Load(); c != nil && c.seats >= crowd && now.Sub(c.at) < 2*sweepEvery {
		return c
	}
	c := newCensus(now)
	for _, s := range h.all() {
		s.mu.Lock()
		c.count(s)
		s.mu.Unlock()
	}
	return c
}
