package hub

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/steer"
)

// redialWait is how long a group whose link has ended may try to get another
// one at a pool that serves, before its miners go to another pool.
const redialWait = time.Second

// DrainPool sends the miners of a pool to others, as far as those have work for
// them, and keeps new ones away; or it takes that back. Connections that are not
// needed any more stay for as long as late shares may come. ok is false where
// there is no such pool.
func (h *Hub) DrainPool(name string, drain bool) (ok bool) {
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	p := h.roster().byName[name]
	if p == nil {
		return false
	}
	switch {
	case p.drained.Swap(drain) == drain:
		return true
	case drain:
		h.log.Info("pool is drained: its miners go where there is other work", "pool", name)
	default:
		h.log.Info("pool is taken back into use", "pool", name)
	}
	h.poolChanged()
	return true
}

// poolServes says that the pool's probe has work, or is being connected for the
// first time just after the start: then the fastest pool is not the preferred
// one.
func (h *Hub) poolServes(p *pool, now time.Time) bool {
	return !p.out(now) && h.poolUp(p, now)
}

// poolUp is poolServes whatever the pool is worth.
func (h *Hub) poolUp(p *pool, now time.Time) bool {
	switch p.probe.State() {
	case link.Active:
		return true
	case link.Connecting:
		return now.Sub(p.born) < h.cfg.PoolWait
	case link.Down:
	}
	return false
}

// wanted are the pools that a route is kept ready at: the first that serves
// and the one that is next, of each part where it is split.
func (r *route) wanted(h *Hub, now time.Time) []*pool {
	s := r.split.Load()
	if s == nil || r.pin.Load() != nil {
		return h.firstTwo(r.order(), now)
	}
	var all []*pool
	for _, pools := range s.pools {
		all = append(all, h.firstTwo(pools, now)...)
	}
	return all
}

// firstTwo are the first two of some pools that serve.
func (h *Hub) firstTwo(pools []*pool, now time.Time) (two []*pool) {
	for _, p := range pools {
		if h.poolServes(p, now) {
			if two = append(two, p); len(two) == 2 {
				break
			}
		}
	}
	return two
}

// kindOf is what the groups have in common that a miner may go to, but for
// their pool.
func (k *groupKey) kindOf(p *pool) groupKey {
	kind := k.kind()
	kind.pool = p
	return kind
}

// legs is what is known of some of a route's pools for the miners of a key, which
// is at one of them or at none; at is its index. narrow says that a pool serves
// and has no room for their slots, hopeless that none will have. seen is what is
// known of groups by now, or nil. h.packMu is held.
func (h *Hub) legs(key groupKey, of []*pool, seen map[groupKey]standing, now time.Time) (pools []steer.Pool, at int, narrow, hopeless bool) {
	at, hopeless = -1, true
	layout := extranonce.Layout{PoolSize: key.slot + key.miner, Slot: key.slot, Miner: key.miner}
	for i, p := range of {
		fits, probed := p.fits(layout), h.poolUp(p, now)
		groups := h.standing(key.kindOf(p), seen, now)
		usable := fits && (groups.work || probed && groups.stands)
		switch {
		case p == key.pool && groups.work:
			usable = true // whatever the pool gives others now
		case p.disabled.Load():
			usable = false // its connections are about to be closed
		}
		pools = append(pools, steer.Pool{
			Usable: usable, Since: p.healthySince(), Pinned: p == key.route.pin.Load(), Avoid: p.avoid(now),
		})
		narrow = narrow || probed && !fits
		hopeless = hopeless && !fits
		if p == key.pool {
			at = i
		}
	}
	return pools, at, narrow, hopeless
}

// standing says whether any of a kind of groups has work, and members with it,
// whether any stands or there is none at all, and whether any has work of before
// that miners can be held on.
type standing struct{ work, busy, stands, last bool }

// standing looks at a kind of groups, once for all in seen. h.packMu is held.
func (h *Hub) standing(kind groupKey, seen map[groupKey]standing, now time.Time) (s standing) {
	if known, ok := seen[kind]; ok {
		return known
	}
	none := true
	look := func(groups []*group) {
		for _, g := range groups {
			if g.over() {
				continue
			}
			none = false
			work, last := g.has()
			size, _ := g.size()
			s.work, s.busy, s.last = s.work || work, s.busy || work && size > 0, s.last || last
			s.stands = s.stands || g.stands(now)
		}
	}
	if kind.slot >= wideSlot {
		look(h.groups[kind])
	} else {
		for key, groups := range h.groups {
			if key.kind() == kind {
				look(groups)
			}
		}
	}
	s.stands = s.stands || none
	if seen != nil {
		seen[kind] = s
	}
	return s
}

// has says whether the group has work, and whether it has any to hold miners on.
func (g *group) has() (work, last bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current != nil, g.current != nil || g.last != nil
}

// stands says that the group has work or may still be expected to get some.
func (g *group) stands(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.current != nil:
		return true
	case g.broken.IsZero():
		return now.Sub(g.workless) < g.hub.cfg.PoolWait
	}
	return now.Sub(g.broken) < redialWait
}

// withoutFor is how long the group has been without work.
func (g *group) withoutFor(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current != nil {
		return 0
	}
	return now.Sub(g.workless)
}

// chooseFor is the pool that a miner which is at none goes to.
func (h *Hub) chooseFor(m *shared, now time.Time) *pool {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	key := keyOf(m.route, nil, m.account, m.space)
	conf := m.route.conf()
	tries := [][]*pool{conf.pools}
	if s := m.route.split.Load(); s != nil && m.route.pin.Load() == nil {
		tries = append(h.fewest(m.seat, s, now), m.route.backup(conf.pools, nil, now))
	}
	var second *pool
	for _, of := range tries {
		pools, _, _, _ := h.legs(key, of, nil, now)
		// It goes where the others are, as if it had been there.
		at := slices.IndexFunc(of, func(p *pool) bool { return h.standing(key.kindOf(p), nil, now).busy })
		i := steer.Choose(pools, at, now, conf.ReturnAfter)
		if i < 0 {
			continue
		}
		g := h.best(keyOf(m.route, of[i], m.account, m.space), nil)
		if len(tries) == 1 || g != nil && g.serves() && pools[i].Avoid == steer.Good {
			return of[i]
		}
		if second == nil {
			second = of[i]
		}
	}
	if second != nil {
		return second
	}
	if p := h.holder(key, nil, now); p != nil {
		return p
	}
	return m.route.standIn(m.layout)
}

// holder is a pool whose groups have work that miners of a kind can be held on,
// or nil. h.packMu is held.
func (h *Hub) holder(key groupKey, seen map[groupKey]standing, now time.Time) *pool {
	if !key.route.conf().Hold {
		return nil
	}
	for _, p := range key.route.conf().pools {
		if h.standing(key.kindOf(p), seen, now).last {
			return p
		}
	}
	return nil
}

// steer sends miners whose pool is not where they should be to the one that is.
func (h *Hub) steer(now time.Time) {
	seen := make(map[groupKey]standing)
	for _, g := range h.allGroups() {
		if !g.over() {
			h.steerGroup(g, seen, now)
		}
	}
}

func (h *Hub) steerGroup(g *group, seen map[groupKey]standing, now time.Time) {
	// A group that the pool has no room for is not dialled.
	stands := g.stands(now) && (g.withoutFor(now) == 0 || g.pool.fits(g.layout()))
	if !stands {
		g.pool.troubled(now)
	}
	_, last := g.has()
	h.packMu.Lock()
	besides := !stands && h.serves(g.key, g)
	holder := h.holder(g.key, seen, now)
	of, every := g.route.choices(g.pool), g.route.conf().pools
	to, at, lost := h.among(g, of, own{stands, besides}, seen, now)
	if part := len(of); part < len(every) && (to < 0 && !stands || to >= 0 && of[to].avoid(now) != steer.Good) {
		// A part of a split that has nothing good: the others do.
		others := g.route.backup(every, g.pool, now)
		var all int
		if all, at, lost = h.among(g, others, own{stands, besides}, seen, now); all >= 0 {
			of, to = others, all
		}
	}
	h.packMu.Unlock()
	switch {
	case to >= 0 && (to != at || besides):
		g.shift(of[to], stands, now)
	case at < 0 && besides: // its pool is leaving and has another connection
		g.shift(g.pool, stands, now)
	case to < 0 && g.pool.leaving.Load() && lost == noRoomEver,
		to < 0 && !stands && (lost == noRoomEver || lost == noRoomNow && g.withoutFor(now) > g.route.conf().OutageGrace/2):
		g.retell()
	case to < 0 && !stands && !last && holder != nil:
		g.shift(holder, stands, now)
	}
}

// room says why none of some pools is usable; zero is that none serves.
type room uint8

const (
	// noRoomNow: one serves, and has no room for the miners' slots.
	noRoomNow room = iota + 1
	// noRoomEver: none of them has, whether it serves or not.
	noRoomEver
)

// own says whether a group stands, or another of its key has work besides.
type own struct{ stands, besides bool }

// among chooses for a group's members among some pools; at is the index of their
// own, which is usable only as mine has it. h.packMu is held.
func (h *Hub) among(g *group, of []*pool, mine own, seen map[groupKey]standing, now time.Time) (to, at int, lost room) {
	pools, at, narrow, hopeless := h.legs(g.key, of, seen, now)
	if at >= 0 {
		pools[at].Usable = pools[at].Usable && mine.stands || mine.besides
	}
	switch {
	case narrow && hopeless:
		lost = noRoomEver
	case narrow:
		lost = noRoomNow
	}
	return steer.Choose(pools, at, now, g.route.conf().ReturnAfter), at, lost
}

// shift sends the members to other groups, at another pool or at the same.
// Where they have work they go as far as there is some for them.
func (g *group) shift(to *pool, stands bool, now time.Time) {
	h, moved := g.hub, 0
	members := g.largestFirst()
	for _, m := range members {
		if (stands || to == g.pool) && !h.ready(g, m.space, to) {
			break
		}
		m.move(g, to)
		moved++
	}
	if moved == 0 {
		return
	}
	level, why := warnOr(&g.pool.moved, now), moveLost
	switch {
	case to == g.pool:
		level = slog.LevelInfo
	case g.pool.leaving.Load():
		level, why = slog.LevelInfo, moveRemoved
	case g.pool.disabled.Load():
		level, why = slog.LevelInfo, moveDisabled
	case g.pool.drained.Load():
		level, why = slog.LevelInfo, moveDrained
	case g.pool.out(now):
		why = moveOfNoUse
	case stands && g.route.pin.Load() == to:
		level, why = slog.LevelInfo, movePinned
	case stands && slices.Index(g.route.order(), to) < slices.Index(g.route.order(), g.pool):
		level, why = slog.LevelInfo, moveBetter
	}
	h.log.LogAttrs(context.Background(), level, "miners sent to another pool connection",
		slog.String("route", g.route.Name), slog.String("from", g.pool.Name), slog.String("to", to.Name), slog.String("why", why.text("their")),
		slog.Int("miners", moved), slog.Int("left", len(members)-moved))
	h.tellMoved(moving{g.route, g.pool, to, why, moved, nil})
}

// ready says that there is another group at the pool with room and work; where
// there is none at another pool, one is opened.
func (h *Hub) ready(from *group, s *space, at *pool) bool {
	key := keyOf(from.route, at, from.key.account, s)
	h.packMu.Lock()
	defer h.packMu.Unlock()
	g := h.best(key, from)
	if g == nil {
		if at != from.pool {
			h.openGroup(key, from.who)
		}
		return false
	}
	_, serves := g.size()
	return serves
}

// largestFirst lists the members, those of the largest hashrate first as of the
// last sort.
func (g *group) largestFirst() []*shared {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := slices.Clone(g.members)
	slices.SortStableFunc(all, func(a, b *shared) int { return cmp.Compare(b.rate.Load(), a.rate.Load()) })
	return all
}
