package hub

import (
	"slices"
	"time"

	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/vardiff"
)

const (
	// moveEvery is the least time between two moves of a miner with a link of its own
	// from one part of a split to another: each costs a pool a connection.
	moveEvery = 10 * time.Minute
	// countFor is over how many shares, of one a minute, the hashrate of such a miner
	// is averaged: the pool's difficulty may be far too high for more.
	countFor = 1.0
)

// counting is how a miner's hashrate is estimated whose difficulty is the pool's.
//
//nolint:gochecknoglobals // a table
var counting = vardiff.Config{SharesPerMinute: countFor}

// member is the miner as one of a split's, and the pool that it has work from, or
// nil. It counts where it is on its way to, and not at all while it has no link and is
// on no way.
func (g *dedicated) member(r *route, s *split, now time.Time) (m steer.Member, serves *pool, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.pool
	switch {
	case g.left || g.link == nil && g.candidate == nil || g.route != r:
		return m, nil, false
	case g.candidate != nil:
		at = g.candidate.pool
	}
	if g.current != nil {
		serves = g.pool
	}
	return steer.Member{
		Part: s.part(at), Hashrate: g.rate.Hashrate(now), Moved: g.crossed, Stuck: g.candidate != nil || !g.movable(),
	}, serves, true
}

// cross has a candidate at one of a part's pools, if one is good for the miner. A
// miner for which none is good is not thought of for as long as one that was moved:
// others may do.
func (g *dedicated) cross(to []*pool, now time.Time) bool {
	g.mu.Lock()
	legs := g.legs(to, now)
	i := steer.Choose(legs, -1, now, g.route.conf().ReturnAfter)
	from, good := g.link, i >= 0 && (legs[i].Avoid == steer.Good || g.pool.out(now))
	if !good || g.hub.returns.AllowN(now, 1) {
		g.crossed = now
	} else {
		good = false // it is its turn in a second
	}
	g.mu.Unlock()
	return good && from != nil && g.offer(to[i], from) != nil
}

// booked counts an accepted share of the miner's for what is divided. g.mu is held.
func (g *dedicated) booked(s *share, now time.Time) {
	g.rate.Share(s.difficulty, now)
	g.route.split.Load().worked(g.seat, s.pool, float64(s.difficulty))
}

// parted is the route's pools in the order that a miner tries them in which has none:
// where the route is split those of the part first that misses most. g.mu is held.
func (g *dedicated) parted(now time.Time) []*pool {
	h, s := g.hub, g.route.split.Load()
	if s == nil || g.route.pin.Load() != nil {
		return g.route.order()
	}
	h.packMu.Lock()
	defer h.packMu.Unlock()
	pools := slices.Concat(h.fewest(g.seat, s, now)...)
	for _, p := range g.route.conf().pools {
		if s.part(p) < 0 {
			pools = append(pools, p)
		}
	}
	return pools
}

// expect counts a miner that goes to a pool until the next division counts it.
func (s *split) expect(p *pool) {
	if i := s.part(p); i >= 0 {
		s.placed[i].Add(1)
	}
}
