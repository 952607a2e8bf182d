package hub

import "time"

// survey is what there is of a kind of connections.
type survey struct {
	any           *group
	miners, empty int
	// room is how many miners all those have room for that are not being
	// emptied.
	room int
	// warm counts the route's connections to the pool, of which one is kept
	// though nobody uses it where the pool is wanted; nil where none is.
	warm *int
}

// spare does without an empty connection of some room if that is possible.
func (s *survey) spare(room int) bool {
	switch {
	case s.miners > 0 && float64(s.room-room-s.miners) < reserve*float64(room):
		return false
	case s.miners == 0 && s.warm != nil && *s.warm < 2:
		return false
	}
	s.room -= room
	s.empty--
	if s.warm != nil {
		*s.warm--
	}
	return true
}

// kinds surveys all connections. h.packMu is held.
func (h *Hub) kinds(now time.Time) map[groupKey]*survey {
	kinds, warm, accounts := make(map[groupKey]*survey), make(map[groupKey]*int), h.standbys(now)
	for _, r := range h.roster().routes {
		for _, p := range r.wanted(h, now) {
			warm[groupKey{route: r, pool: p}] = new(int)
		}
	}
	for key, groups := range h.groups {
		k := kinds[key.kind()]
		if k == nil {
			k = &survey{any: groups[0]}
			kinds[key.kind()] = k
		}
		if key.account == "" {
			k.warm = warm[groupKey{route: key.route, pool: key.pool}]
		} else if accounts[key.kind()] != nil && k.warm == nil {
			k.warm = new(int)
		}
		serving := k.count(groups)
		if k.warm != nil {
			*k.warm += serving
		}
		room := serving * key.room()
		if key.space != nil {
			room = min(room, int(key.space.slots.Capacity())) //nolint:gosec // a narrow one
		}
		k.room += room
	}
	return kinds
}

// count takes groups in, and returns how many of them take miners.
func (s *survey) count(groups []*group) (serving int) {
	for _, g := range groups {
		size, _ := g.size()
		s.miners += size
		if g.draining || g.over() {
			continue
		}
		serving++
		if size == 0 {
			s.empty++
		}
	}
	return serving
}

// kind is the key without the space that it may be bound to.
func (k *groupKey) kind() groupKey {
	kind := *k
	kind.space = nil
	return kind
}
