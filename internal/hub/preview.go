package hub

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
)

// Move is what would become of some miners.
type Move struct {
	// Route and Pool are where they are; Pool is empty where they are nowhere yet.
	Route, Pool string
	// ToRoute and ToPool are where they would go. With the same names it is over
	// other connections.
	ToRoute, ToPool string
	// Closed is why they would be closed instead; empty where they would not.
	Closed mining.Reason
	// Miners is how many they are.
	Miners int
}

// Preview says which miners [Hub.Apply] would send elsewhere, as things stand. Those
// that would stay are left out. Of a split it is what comes to the parts' shares by
// what is known of the miners' hashrates now. Nothing is changed.
func (h *Hub) Preview(cfg Config) ([]Move, error) {
	cfg = cfg.withDefaults()
	n, err := draft(&cfg, h.roster())
	if err != nil {
		return nil, err
	}
	f := foresight{next: n, now: time.Now(), counts: make(map[Move]int)}
	for i := range n.routes {
		f.divisions = append(f.divisions, f.division(i))
	}
	for _, s := range h.all() {
		f.look(s)
	}
	for _, d := range f.divisions {
		f.settle(d)
	}
	moves := slices.SortedFunc(maps.Keys(f.counts), func(a, b Move) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.ToRoute, b.ToRoute),
			cmp.Compare(a.ToPool, b.ToPool), cmp.Compare(a.Closed, b.Closed))
	})
	for i := range moves {
		moves[i].Miners = f.counts[moves[i]]
	}
	return moves, nil
}

// foresight finds what would become of the miners.
type foresight struct {
	*next

	now    time.Time
	counts map[Move]int
	// divisions are of the routes, by index, nil where one would not be divided.
	divisions []*division
}

// division is a route that would be divided, and its miners.
type division struct {
	*split

	states []steer.Part
	// anew says that those who are there would be divided anew, too; else they stay,
	// and others come.
	anew    bool
	members []steer.Member
	guests  []guest
}

// guest is a miner of a division.
type guest struct {
	// move is what would become of it, but for the pool.
	move   Move
	at     *pool // nil where it would be given other connections in any case
	layout extranonce.Layout
}

// division is what a route would be divided into; nil where it would not.
func (f *foresight) division(i int) *division {
	s := f.splits[i]
	if s == nil || f.pins[i] != nil {
		return nil
	}
	r := f.routes[i]
	d := &division{split: s, anew: r.split.Load() != s || r.pin.Load() != nil}
	for _, p := range slices.Concat(s.pools...) {
		d.anew = d.anew || f.off[p] != (p.drained.Load() || p.disabled.Load())
	}
	serves := func(i int) bool {
		return slices.ContainsFunc(s.pools[i], func(p *pool) bool { return f.serves(p, f.now) })
	}
	in := func(i int) bool { return s.parts[i].Window.Open(f.now) }
	for _, usable := range []func(i int) bool{
		func(i int) bool { return in(i) && serves(i) }, serves, func(int) bool { return true },
	} {
		d.states = d.states[:0]
		some := false
		for i, part := range s.parts {
			state := steer.Part{Weight: part.Weight, Hashrate: part.Hashrate, Usable: usable(i), Heir: max(s.heirs[i], 0), HasHeir: s.heirs[i] >= 0}
			some = some || state.Usable && (part.Weight > 0 || part.Hashrate > 0 || part.Worker == "*")
			d.states = append(d.states, state)
		}
		if some {
			break
		}
	}
	return d
}

// look takes in what would become of a miner, but for what is divided.
func (f *foresight) look(s *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left || s.route == nil {
		return
	}
	m := Move{Route: s.route.Name}
	at := s.role.at()
	if at != nil {
		m.Pool = at.Name
	}
	r := f.match(s.facts)
	if r == nil {
		m.Closed = mining.NoRoute
		f.counts[m]++
		return
	}
	if r == s.route && at == nil {
		return // it is where it would be sent to as well
	}
	i := slices.Index(f.routes, r)
	follows := s.follows(r, f.confs[i])
	if d := f.divisions[i]; d != nil && d.take(s, m, follows, f.now) {
		return
	}
	to, stays := f.best(f.choices(i), s.layout, at, f.now)
	switch {
	case r == s.route && stays:
		return
	case follows:
		m.ToRoute, m.ToPool = r.Name, to.Name
	default:
		m.Closed = mining.RouteChanged
	}
	f.counts[m]++
}

// take takes a miner in that would be of the division, if it can be. s.mu is held.
func (d *division) take(s *seat, m Move, follows bool, now time.Time) bool {
	g := guest{move: m, layout: s.layout}
	one := steer.Member{Part: -1, Hashrate: s.hashrate(now)}
	if d.route == s.route {
		g.at = s.role.at()
		one.Part = d.part(g.at)
		one.Stuck = one.Part >= 0 && (!d.anew || !follows)
	}
	if !follows && !one.Stuck {
		return false
	}
	if w := s.worker.Load(); w != nil && d.hasOwners {
		one.Own, one.IsBound = d.owners.Owner(w.Login)
	}
	g.move.ToRoute = d.route.Name
	d.members, d.guests = append(d.members, one), append(d.guests, g)
	return true
}

// settle takes in what would become of the miners of a division; nil has none.
func (f *foresight) settle(d *division) {
	if d == nil {
		return
	}
	for i, to := range steer.Settle(d.members, d.states) {
		g := d.guests[i]
		if d.members[i].Stuck || to < 0 {
			continue
		}
		p, stays := f.best(d.pools[to], g.layout, g.at, f.now)
		if stays {
			continue
		}
		g.move.ToPool = p.Name
		f.counts[g.move]++
	}
}

// hashrate is the miner's, in H/s, as far as is known. mu is held.
func (s *seat) hashrate(now time.Time) float64 {
	switch role := s.role.(type) {
	case *shared:
		return role.rate.Load()
	case *dedicated:
		return role.rate.Hashrate(now)
	}
	return 0
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

// choices are the pools of a route, the preferred one first.
func (n *next) choices(i int) []*pool {
	if pin := n.pins[i]; pin != nil {
		return slices.Concat([]*pool{pin}, n.confs[i].pools)
	}
	return n.confs[i].pools
}

// best is which of some pools a miner that is at one would go to. stays says that it
// would not go.
func (n *next) best(pools []*pool, l extranonce.Layout, at *pool, now time.Time) (to *pool, stays bool) {
	for _, p := range pools {
		if n.serves(p, now) && (n.isNew(p) || p.fits(l)) {
			return p, p == at
		}
	}
	return pools[0], slices.Contains(pools, at)
}

// serves says whether a pool could have miners. One that is new, or enabled anew, is
// taken to work.
func (n *next) serves(p *pool, now time.Time) bool {
	return !n.off[p] && (n.isNew(p) || p.probe.Ready() && !p.out(now))
}

// isNew says that of a pool nothing is known yet.
func (n *next) isNew(p *pool) bool { return slices.Contains(n.added, p) || p.disabled.Load() }
