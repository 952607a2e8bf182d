package hub

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/mining"
)

// Move is what would become of some miners.
type Move struct {
	// Route and Pool are where they are; Pool is empty where they are nowhere yet.
	Route, Pool string
	// ToRoute and ToPool are where they would go first. With the same names it is
	// over other connections, and an empty ToPool stands for those of a split.
	ToRoute, ToPool string
	// Closed is why they would be closed instead; empty where they would not.
	Closed mining.Reason
	// Miners is how many they are.
	Miners int
}

// Preview says which miners [Hub.Apply] would send elsewhere, as things stand. Those
// that would stay are left out. Nothing is changed.
func (h *Hub) Preview(cfg Config) ([]Move, error) {
	cfg = cfg.withDefaults()
	n, err := draft(&cfg, h.roster())
	if err != nil {
		return nil, err
	}
	now, counts := time.Now(), make(map[Move]int)
	for _, s := range h.all() {
		if m, moves := n.moves(s, now); moves {
			counts[m]++
		}
	}
	moves := slices.SortedFunc(maps.Keys(counts), func(a, b Move) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.ToRoute, b.ToRoute),
			cmp.Compare(a.ToPool, b.ToPool), cmp.Compare(a.Closed, b.Closed))
	})
	for i := range moves {
		moves[i].Miners = counts[moves[i]]
	}
	return moves, nil
}

// moves says what would become of a miner, and whether that is anything.
func (n *next) moves(s *seat, now time.Time) (m Move, moves bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left || s.route == nil {
		return m, false
	}
	m.Route = s.route.Name
	at := s.role.at()
	if at != nil {
		m.Pool = at.Name
	}
	r := n.match(s.facts)
	if r == nil {
		m.Closed = mining.NoRoute
		return m, true
	}
	i := slices.Index(n.routes, r)
	to, stays := n.pool(i, s.layout, at, now)
	if r == s.route && stays {
		return m, false
	}
	m.ToRoute = r.Name
	if to != nil {
		m.ToPool = to.Name
	}
	if !s.follows(r, n.confs[i]) {
		m.Closed, m.ToRoute, m.ToPool = mining.RouteChanged, "", ""
	}
	return m, true
}

// follows says whether the miner can be put on a route, or sent to another pool of
// its own, over the connection that it has. mu is held.
func (s *seat) follows(r *route, conf *routeConf) bool {
	_, ok := s.payee(r, conf)
	switch role := s.role.(type) {
	case *shared:
		return ok
	case *dedicated:
		return role.movable() && (ok || !r.Shared)
	}
	return false
}

// pool is the pool of a route that a miner which is at one would go to, nil for
// those of a split. stays says that it would not go. A pool that is new, or enabled
// anew, is taken to work.
func (n *next) pool(i int, l extranonce.Layout, at *pool, now time.Time) (to *pool, stays bool) {
	r, conf := n.routes[i], n.confs[i]
	pin := n.pins[i]
	if divided := n.splits[i]; divided != nil && pin == nil {
		return nil, r.split.Load() == divided && !n.off[at]
	}
	pools := conf.pools
	if pin != nil {
		pools = slices.Concat([]*pool{pin}, pools)
	}
	for _, p := range pools {
		serves := slices.Contains(n.added, p) || p.disabled.Load() || p.probe.Ready() && !p.out(now) && p.fits(l)
		if serves && !n.off[p] {
			return p, p == at
		}
	}
	return pools[0], slices.Contains(pools, at)
}
