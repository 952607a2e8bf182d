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
			m.move(p.from)
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
	kinds, warm := h.kinds()
	for key, groups := range h.groups {
		if least := emptied(groups, key.room()); least != nil {
			least.draining = true
		}
		kind := kinds[key.kind()]
		for _, g := range groups {
			idle := g.idle(now, h.cfg.IdleLink)
			switch {
			case idle && (g.draining || kind.spares(key.room()) || kind.miners == 0 && (key.account != "" || warm[key.route] > 1)):
				if !g.draining {
					kind.room -= key.room()
					kind.empty--
				}
				if !g.draining && key.account == "" {
					warm[key.route]--
				}
				g.draining = true // nobody is to be placed here
				g.close(mining.NoMiners)
			case g.draining:
				moves = append(moves, emptying{g, g.everyone()})
			}
		}
	}
	for _, k := range kinds {
		if k.miners > 0 && k.empty == 0 && float64(k.room-k.miners) < reserve*float64(k.any.key.room()) {
			ahead = append(ahead, k.any)
		}
	}
	return moves, ahead
}

// kind is the key without the space that it may be bound to.
func (k *groupKey) kind() groupKey {
	kind := *k
	kind.space = nil
	return kind
}

// survey is what there is of a kind of connections.
type survey struct {
	any           *group
	miners, empty int
	// room is how many miners all those have room for that are not being
	// emptied.
	room int
}

// spares says whether one that is empty can be done without.
func (s *survey) spares(room int) bool {
	return s.empty > 0 && s.miners > 0 && float64(s.room-room-s.miners) >= reserve*float64(room)
}

// kinds surveys all connections, and counts those of each route that are kept
// warm. h.packMu is held.
func (h *Hub) kinds() (kinds map[groupKey]*survey, warm map[*route]int) {
	kinds, warm = make(map[groupKey]*survey), make(map[*route]int)
	for key, groups := range h.groups {
		k := kinds[key.kind()]
		if k == nil {
			k = &survey{any: groups[0]}
			kinds[key.kind()] = k
		}
		serving := 0
		for _, g := range groups {
			size, _ := g.size()
			k.miners += size
			if g.draining {
				continue
			}
			serving++
			if size == 0 {
				k.empty++
			}
			if key.account == "" {
				warm[key.route]++
			}
		}
		room := serving * key.room()
		if key.space != nil {
			room = min(room, int(key.space.slots.Capacity())) //nolint:gosec // a narrow one
		}
		k.room += room
	}
	return kinds, warm
}

// emptied is the group of a key whose miners the others that have miners can
// well take, or nil. None of them may be without work.
func emptied(groups []*group, room int) (least *group) {
	miners, busy, fewest := 0, 0, 0
	for _, g := range groups {
		size, serves := g.size()
		miners += size
		if g.draining || size == 0 {
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

// nextSpace is the first space of a key's widths that has room for more than
// a few.
func (h *Hub) nextSpace(key groupKey) *space {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	for _, s := range h.spaces {
		if s.slot == key.slot && s.miner == key.miner && float64(s.slots.Used()) < (1-reserve)*float64(s.slots.Capacity()) {
			return s
		}
	}
	return h.newSpace(extranonce.Layout{Slot: key.slot, Miner: key.miner})
}

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
