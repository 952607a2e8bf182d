package hub

import (
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

const (
	// wideSlot is from how many bytes on a slot space serves the whole
	// process; narrower ones are full with one group.
	wideSlot = 4
	// moveAtOnce bounds how many miners one sweep moves.
	moveAtOnce = 256
	// reserve is which part of a connection's room is kept free ahead of
	// need, and slack which part of all rooms but one must do for the miners
	// of all before a connection is emptied.
	reserve, slack = 0.1, 0.7
)

// space is a set of slots of which no two miners have the same.
type space struct {
	slots       *extranonce.Space
	slot, miner int // bytes
}

// takeSlot finds a free slot for a layout that has one.
func (h *Hub) takeSlot(l extranonce.Layout) (*space, work.Extranonce) {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	now := time.Now()
	for _, s := range h.spaces {
		if s.slot != l.Slot || s.miner != l.Miner {
			continue
		}
		if slot, ok := s.slots.Take(now, h.oldestLive); ok {
			return s, slot
		}
	}
	s := h.newSpace(l)
	slot, _ := s.slots.Take(now, nil) // a new space has room
	return s, slot
}

// newSpace opens another slot space. h.slotMu is held.
func (h *Hub) newSpace(l extranonce.Layout) *space {
	start := uint32(randomUint64()) //nolint:gosec // random bits
	s := &space{slots: extranonce.NewSpace(l.Slot, start), slot: l.Slot, miner: l.Miner}
	h.spaces = append(h.spaces, s)
	return s
}

// spaceFor is the first slot space of a layout's widths.
func (h *Hub) spaceFor(l extranonce.Layout) *space {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	for _, s := range h.spaces {
		if s.slot == l.Slot && s.miner == l.Miner {
			return s
		}
	}
	return h.newSpace(l)
}

// oldestLive is when the oldest job came that can still be worked on.
func (h *Hub) oldestLive() time.Time {
	oldest := time.Now()
	for _, g := range h.allGroups() {
		if at, ok := g.oldestLive(); ok && at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

func (g *group) oldestLive() (time.Time, bool) { return g.works.OldestLive(time.Now()) }

func keyOf(r *route, account string, s *space) groupKey {
	k := groupKey{route: r, account: account, slot: s.slot, miner: s.miner}
	if s.slot < wideSlot {
		k.space = s
	}
	return k
}

// room is how many miners one of the key's connections takes.
func (k *groupKey) room() int {
	room := k.route.MaxMiners
	if k.space != nil {
		room = int(min(uint64(room), k.space.slots.Capacity())) //nolint:gosec // at most room
	}
	return room
}

// place finds the miner a group and makes it a member: the fullest that has
// room, those that have work first. It returns the group and its work; nil if
// the hub is ending. The seat's mutex is held.
func (h *Hub) place(m *shared) (*group, *mining.Work) {
	key := keyOf(m.route, m.account, m.space)
	h.packMu.Lock()
	defer h.packMu.Unlock()
	g := h.best(key, nil)
	if g == nil {
		if g = h.openGroup(key, m.login()); g == nil {
			return nil, nil
		}
	}
	return g, g.add(m)
}

// best is the group that a miner fits into best, or nil. h.packMu is held.
func (h *Hub) best(key groupKey, not *group) *group {
	var best *group
	most, bestServes := -1, false
	for _, g := range h.groups[key] {
		size, serves := g.size()
		if g == not || g.draining || size >= key.room() || bestServes && !serves {
			continue
		}
		if serves && !bestServes || size > most {
			best, most, bestServes = g, size, serves
		}
	}
	return best
}

// openGroup opens a group; who is a worker whose account it is for, nil where
// that is all one. h.packMu is held.
func (h *Hub) openGroup(key groupKey, who *mining.Worker) *group {
	g := newGroup(h, key, who, time.Now())
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
// closes those that are empty.
func (h *Hub) tend(now time.Time) {
	h.prewarm()
	for _, g := range h.allGroups() {
		if lost := g.lost(now); lost != nil {
			for _, m := range lost {
				m.peer.Close(mining.PoolUnreachable)
			}
		}
	}
	for _, p := range h.plan(now) {
		for i, m := range p.miners {
			if i == moveAtOnce {
				break
			}
			m.move(p.from)
		}
	}
}

// emptying is a group whose miners go to others.
type emptying struct {
	from   *group
	miners []*shared
}

// plan decides what is opened, emptied and closed.
func (h *Hub) plan(now time.Time) (moves []emptying) {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	for key, groups := range h.groups {
		p := surveyOf(groups)
		room := key.room()
		switch free := p.serving*room - p.miners; {
		case p.miners > 0 && p.empty == 0 && float64(free) < reserve*float64(room):
			h.openGroup(key, groups[0].who)
		case p.least != nil && p.serving > 1 && float64(p.miners) <= slack*float64((p.serving-1)*room):
			p.least.draining = true
		}
		for _, g := range groups {
			spare := p.serving*room - p.miners - room // without it
			if g.idle(now, h.cfg.IdleLink) && (g.draining || len(groups) > 1 && float64(spare) >= reserve*float64(room) || !key.route.warm(key)) {
				g.draining = true
				g.close(mining.NoMiners)
				p.serving--
			} else if g.draining {
				moves = append(moves, emptying{g, g.everyone()})
			}
		}
	}
	return moves
}

// survey is what there is of a key.
type survey struct {
	miners, serving, empty int
	least                  *group // the smallest that has miners
}

func surveyOf(groups []*group) survey {
	var s survey
	fewest := 0
	for _, g := range groups {
		size, _ := g.size()
		s.miners += size
		if g.draining {
			continue
		}
		s.serving++
		switch {
		case size == 0:
			s.empty++
		case s.least == nil || size < fewest:
			s.least, fewest = g, size
		}
	}
	return s
}

// warm says that a connection of the key is kept though nobody uses it.
func (r *route) warm(key groupKey) bool { return r.Shared && key.account == "" }

// prewarm opens the first connection of each shared route, so that its first
// miner has work at once.
func (h *Hub) prewarm() {
	for _, r := range h.routes {
		if !r.Shared || !r.oneAccount() || h.hasGroup(r) {
			continue
		}
		narrowest := 0
		for _, p := range r.pools {
			if facts, ok := p.probe.Facts(); ok && (narrowest == 0 || facts.Extranonce2Size < narrowest) {
				narrowest = facts.Extranonce2Size
			}
		}
		if narrowest == 0 || r.active() == nil {
			continue
		}
		l, err := extranonce.Plan(narrowest, r.Extranonce2Size)
		if err != nil || l.PassThrough {
			continue
		}
		key := keyOf(r, "", h.spaceFor(l))
		h.packMu.Lock()
		if len(h.groups[key]) == 0 {
			h.openGroup(key, nil)
		}
		h.packMu.Unlock()
	}
}

// hasGroup says whether a route has any connection.
func (h *Hub) hasGroup(r *route) bool {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	for key := range h.groups {
		if key.route == r {
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

// idle says that nobody was a member for so long, and that no late share of
// one who went elsewhere can still come.
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
	if g.current != nil || len(g.members) == 0 || now.Sub(g.workless) < g.hub.cfg.OutageGrace {
		return nil
	}
	return slices.Clone(g.members)
}
