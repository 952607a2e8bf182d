package hub

import (
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

const (
	// moveAtOnce bounds how many miners one sweep moves.
	moveAtOnce = 256
	// reserve is which part of a connection's room is kept free ahead of
	// need, and slack which part of all rooms but one must do for the miners
	// of all before a connection is emptied.
	reserve, slack = 0.1, 0.7
	// accountIdle is how long a connection for one account stays without a
	// miner: as long as a late share of one that left could come, and that a
	// stranger's made-up name costs the pool a connection.
	accountIdle = jobbook.DefaultRetention
)

func keyOf(r *route, p *pool, account string, s *space) groupKey {
	k := groupKey{route: r, pool: p, account: account, slot: s.slot, miner: s.miner}
	if s.slot < wideSlot {
		k.space = s
	}
	return k
}

// room is how many miners one of the key's connections takes.
func (k *groupKey) room() int {
	room := k.route.conf().MaxMiners
	if k.space != nil {
		room = int(min(uint64(room), k.space.slots.Capacity())) //nolint:gosec // at most room
	}
	return room
}

// place finds the miner a group at a pool and makes it a member: the fullest
// that has room, those that have work first. It returns the group and its work;
// without one it is full, or the hub is ending. The seat's mutex is held.
func (h *Hub) place(m *shared, p *pool) (g *group, w *mining.Work, why mining.Reason) {
	key := keyOf(m.route, p, m.account, m.space)
	h.packMu.Lock()
	defer h.packMu.Unlock()
	if g = h.best(key, nil); g == nil {
		if h.full(key) {
			return nil, nil, mining.TooManyAccounts
		}
		if g = h.openGroup(key, m.login()); g == nil {
			return nil, nil, mining.Shutdown
		}
	}
	return g, g.add(m), ""
}

// best is the group that a miner fits into best, or nil: one that has work, else
// one that miners are held at, of those the fullest. h.packMu is held.
func (h *Hub) best(key groupKey, not *group) *group {
	var best *group
	most, rank := -1, 0
	for _, g := range h.groups[key] {
		size, serves := g.size()
		if g == not || g.draining || g.over() || size >= key.room() {
			continue
		}
		mine := 0
		if _, last := g.has(); serves {
			mine = 2
		} else if last && key.route.conf().Hold {
			mine = 1
		}
		if mine > rank || mine == rank && size > most {
			best, most, rank = g, size, mine
		}
	}
	return best
}

// serves says whether a group of the key other than not takes miners and has
// work for them. h.packMu is held.
func (h *Hub) serves(key groupKey, not *group) bool {
	g := h.best(key, not)
	if g == nil {
		return false
	}
	_, serving := g.size()
	return serving
}

// full says that no account more gets a pool connection on the key's route.
// h.packMu is held.
func (h *Hub) full(key groupKey) bool {
	if key.account == "" {
		return false
	}
	accounts := make(map[string]bool)
	for k, groups := range h.groups {
		if k.route == key.route && k.account != "" && slices.ContainsFunc(groups, func(g *group) bool { return !g.over() }) {
			accounts[k.account] = true
		}
	}
	return !accounts[key.account] && len(accounts) >= h.cfg.MaxAccounts
}

// openGroup opens a group; who is a worker whose account it is for, nil where
// that is all one. h.packMu is held.
func (h *Hub) openGroup(key groupKey, who *mining.Worker) *group {
	return h.openGroupAt(key, who, nil, trail{})
}

// openGroupAt opens a group whose first link goes where the pool has sent it,
// on a trail; nil is where it is configured. h.packMu is held.
func (h *Hub) openGroupAt(key groupKey, who *mining.Worker, first *link.Redirection, t trail) *group {
	g := newGroup(h, key, who, time.Now())
	g.first, g.trail = first, t
	if !h.spawn(func() { g.run(h.ctx) }) {
		return nil
	}
	h.groups[key] = append(h.groups[key], g)
	return g
}

// dropGroup forgets a group whose run has ended.
func (h *Hub) dropGroup(g *group) {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	left := slices.DeleteFunc(h.groups[g.key], func(o *group) bool { return o == g })
	if len(left) == 0 {
		delete(h.groups, g.key)
	} else {
		h.groups[g.key] = left
	}
}

// allGroups lists the groups there are now.
func (h *Hub) allGroups() []*group {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	var all []*group
	for _, groups := range h.groups {
		all = append(all, groups...)
	}
	return all
}

// tend opens connections ahead of need, empties those that are not needed and
// closes those that are empty. alone are the miners with links of their own.
func (h *Hub) tend(alone []*dedicated, now time.Time) {
	h.prewarm(now)
	h.steer(now)
	h.divide(alone, now)
	for _, g := range h.allGroups() {
		for _, m := range g.lost(now) {
			m.peer.Close(mining.PoolUnreachable)
		}
	}
	moves, ahead := h.plan(now)
	for _, g := range ahead {
		h.openAhead(g)
	}
	for _, p := range moves {
		for i, m := range p.miners {
			if i == moveAtOnce {
				break
			}
			m.move(p.from, p.from.pool)
		}
	}
}

// emptying is a group whose miners go to others.
type emptying struct {
	from   *group
	miners []*shared
}

// plan decides what is opened, emptied and closed: moves are the groups to be
// emptied, ahead one of each kind that another is to be opened of.
func (h *Hub) plan(now time.Time) (moves []emptying, ahead []*group) {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	kinds := h.kinds(now)
	for key, groups := range h.groups {
		room := key.room()
		if least := emptied(groups, room); least != nil {
			least.draining = true
		}
		for _, g := range groups {
			g.draining = g.draining || g.succeeded()
			switch {
			case g.over():
			case h.empty(g, kinds[key.kind()], now):
				moves = append(moves, emptying{g, g.everyone()})
			default:
				if over := g.beyond(room); len(over) > 0 && h.serves(key, g) {
					moves = append(moves, emptying{g, over})
				}
			}
		}
	}
	for _, k := range kinds {
		if k.miners > 0 && k.empty == 0 && !k.any.pool.leaving.Load() && !k.any.pool.disabled.Load() && float64(k.room-k.miners) < reserve*float64(k.any.key.room()) {
			ahead = append(ahead, k.any)
		}
	}
	return moves, ahead
}

// empty closes a group that is not needed, and says whether it is to be
// emptied. h.packMu is held.
func (h *Hub) empty(g *group, kind *survey, now time.Time) bool {
	after := h.cfg.IdleLink
	if g.key.account != "" || g.successor != nil || g.pool.leaving.Load() {
		after = min(after, accountIdle)
	}
	idle := g.idle(now, after)
	if idle && !g.draining {
		g.draining = kind.spare(g.key.room())
	}
	switch {
	case !g.draining:
		return false
	case idle:
		g.close(mining.NoMiners)
		return false
	case !h.serves(g.key, g): // the others have lost their work since
		g.draining = false
		return false
	}
	return true
}

// emptied is the group of a key whose miners the others that have miners can
// well take, or nil. None of them may be without work.
func emptied(groups []*group, room int) (least *group) {
	miners, busy, fewest := 0, 0, 0
	for _, g := range groups {
		size, serves := g.size()
		miners += size
		if g.draining || g.over() || size == 0 {
			continue
		}
		if !serves {
			return nil
		}
		busy++
		if least == nil || size < fewest {
			least, fewest = g, size
		}
	}
	if busy < 2 || float64(miners) > slack*float64((busy-1)*room) {
		return nil
	}
	return least
}

// openAhead opens another group like one there is: where slots are narrow, for
// the space that the next ones come from.
func (h *Hub) openAhead(like *group) {
	key := like.key
	if key.space != nil {
		key.space = h.nextSpace(key)
	}
	h.packMu.Lock()
	defer h.packMu.Unlock()
	h.openGroup(key, like.who)
}

// prewarm opens a connection of each shared route to each pool that is wanted,
// so that its first miner has work at once, and all of them have it from the
// next pool when theirs is lost.
func (h *Hub) prewarm(now time.Time) {
	for _, r := range h.roster().routes {
		l, ok := r.layout()
		if !ok || !r.Shared || !r.oneAccount() {
			continue
		}
		for _, p := range r.wanted(h, now) {
			key := keyOf(r, p, "", h.spaceFor(l))
			h.packMu.Lock()
			if p.probe.Ready() && p.fits(l) && !h.hasGroup(key) {
				h.openGroup(key, nil)
			}
			h.packMu.Unlock()
		}
	}
	h.prewarmAccounts(now)
}

// layout is what the route's next miners will be told, as far as is known; ok
// is false where they cannot share a connection.
func (r *route) layout() (l extranonce.Layout, ok bool) {
	narrowest := 0
	for _, p := range r.conf().pools {
		if facts, ok := p.facts(); ok && (narrowest == 0 || facts.Extranonce2Size < narrowest) {
			narrowest = facts.Extranonce2Size
		}
	}
	if narrowest == 0 {
		return l, false
	}
	for _, p := range r.conf().pools {
		narrowest = p.remembered(narrowest)
	}
	l, err := extranonce.Plan(narrowest, r.conf().Extranonce2Size)
	return l, err == nil && !l.PassThrough
}

// hasGroup says whether there is a connection of the key's kind. h.packMu is
// held.
func (h *Hub) hasGroup(key groupKey) bool {
	for k, groups := range h.groups {
		if k.kind() == key.kind() && slices.ContainsFunc(groups, func(g *group) bool { return !g.over() }) {
			return true
		}
	}
	return false
}

// everyone lists the members.
func (g *group) everyone() []*shared {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members)
}

// beyond lists the members that a reload has left no room for.
func (g *group) beyond(room int) []*shared {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members[min(room, len(g.members)):])
}

// idle says that nobody was a member for so long.
func (g *group) idle(now time.Time, after time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members) == 0 && !g.closed && now.Sub(g.memberless) > after
}

// lost lists the members if they have been without work for too long: their
// own failover is worth more to them.
func (g *group) lost(now time.Time) []*shared {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.route.conf().Hold || g.current != nil || len(g.members) == 0 || now.Sub(g.workless) < g.route.conf().OutageGrace {
		return nil
	}
	return slices.Clone(g.members)
}
