package hub

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/loka/stratum/internal/steer"
)

// divide sends miners of split routes where the parts' shares want them; owners are
// those with links of their own.
func (h *Hub) divide(owners []*dedicated, now time.Time) {
	for _, r := range h.roster().routes {
		switch s := r.split.Load(); {
		case s == nil:
		case r.pin.Load() != nil: // what it missed meanwhile is not made up for
			s.forget()
		default:
			h.divideRoute(r, h.gather(r, s, owners, now), now)
		}
	}
}

// forget begins anew with what the parts are owed.
func (s *split) forget() {
	s.splitter = steer.Splitter{MoveEvery: s.splitter.MoveEvery}
	for i := range s.had {
		s.told[i] = s.had[i].Load()
	}
}

// divided are the miners of a split route, and the split that they are of.
type divided struct {
	*split

	members []steer.Member
	// The first members are miners on shared connections, with their groups, the
	// others those with links of their own.
	sharing []*shared
	from    []*group
	alone   []*dedicated
	// working says which parts have miners with work, linked which pools have some
	// with links of their own, owned how many miners are at a part for it is their
	// own, and placed how many there have links of their own.
	working       []bool
	linked        map[*pool]bool
	owned, placed []int64
}

// gather looks at all miners of a split route.
func (h *Hub) gather(r *route, s *split, owners []*dedicated, now time.Time) *divided {
	d := &divided{split: s, linked: make(map[*pool]bool), working: make([]bool, len(s.parts)), owned: make([]int64, len(s.parts)), placed: make([]int64, len(s.parts))}
	for _, g := range h.allGroups() {
		if g.route != r || g.over() {
			continue
		}
		part := s.part(g.pool)
		size, serves := g.size()
		if part >= 0 {
			d.working[part] = d.working[part] || serves && size > 0
		}
		for _, m := range g.everyone() {
			d.sharing, d.from = append(d.sharing, m), append(d.from, g)
			d.add(m.seat, steer.Member{Part: part, Hashrate: m.rate.Load(), Moved: time.Unix(0, m.moved.Load())})
		}
	}
	h.placeMu.Lock() // who is placed after this look is to be added to it
	defer h.placeMu.Unlock()
	for _, g := range owners {
		m, serves, ok := g.member(r, s, now)
		if !ok {
			continue
		}
		if m.Part >= 0 {
			d.placed[m.Part]++
		}
		if part := s.part(serves); part >= 0 {
			d.linked[serves], d.working[part] = !r.Shared, true
		}
		d.alone = append(d.alone, g)
		d.add(g.seat, m)
	}
	for i, n := range d.placed {
		s.placed[i].Store(n)
	}
	return d
}

// add takes a miner in.
func (d *divided) add(m *seat, one steer.Member) {
	one.Own, one.IsBound = d.owner(m)
	if one.Part >= 0 && d.atOwn(m, one.Part) {
		d.owned[one.Part]++
	}
	d.members = append(d.members, one)
}

func (h *Hub) divideRoute(r *route, d *divided, now time.Time) {
	h.watchWindows(r, d.split, now)
	for i := range d.had {
		had := d.had[i].Load()
		d.splitter.Worked(i, had-d.told[i])
		d.told[i] = had
		d.split.owned[i].Store(d.owned[i])
	}
	for p, linked := range d.split.linked {
		linked.Store(d.linked[p])
	}
	parts := d.usable(h, d.working, now)
	d.house(parts)
	if len(d.members) == 0 {
		d.aim(steer.Targets(parts, 0))
		return
	}
	moves := d.splitter.Decide(d.members, parts, now)
	d.aim(d.splitter.Targets())
	if moved := h.carry(d, moves, now); moved > 0 {
		h.log.LogAttrs(context.Background(), slog.LevelDebug, "miners sent to other parts of a split",
			slog.String("route", r.Name), slog.Int("miners", moved), slog.Int("of", len(d.members)))
	}
}

// carry moves out what was decided, and returns how many miners were sent.
func (h *Hub) carry(d *divided, moves []steer.Move, now time.Time) (moved int) {
	// Where one miner cannot go, the others of its group cannot either.
	type way struct {
		from *group
		to   int
	}
	closed, seen := make(map[way]bool), make(map[groupKey]standing)
	for _, mv := range moves {
		if alone := mv.Member - len(d.sharing); alone >= 0 {
			if d.alone[alone].cross(d.pools[mv.To], now) {
				moved++
			}
			continue
		}
		w := way{d.from[mv.Member], mv.To}
		switch {
		case closed[w]:
		case h.sendTo(d.sharing[mv.Member], w.from, d.pools[mv.To], seen, now):
			moved++
		default:
			closed[w] = true
		}
	}
	return moved
}

// sendTo sends a miner to a part's pools: where its own has work, only if there
// is some for it there, of a pool that is good unless its own is not, or is leaving.
func (h *Hub) sendTo(m *shared, from *group, pools []*pool, seen map[groupKey]standing, now time.Time) bool {
	h.packMu.Lock()
	legs, _, _, _ := h.legs(from.key, pools, seen, now)
	h.packMu.Unlock()
	to := steer.Choose(legs, -1, now, from.route.conf().ReturnAfter)
	if to < 0 || legs[to].Avoid != steer.Good && !from.pool.out(now) && !from.pool.leaving.Load() || from.stands(now) && !h.ready(from, m.space, pools[to]) {
		return false
	}
	m.moved.Store(now.UnixNano())
	m.move(from, pools[to])
	h.tellMoved(moving{from.route, from.pool, pools[to], moveSplit, 1, m.seat})
	return true
}

// fewest are the pools of each part: of the newcomer's own first, then of the one
// that misses most miners, by number, for what newcomers do is not known yet.
// h.packMu is held.
func (h *Hub) fewest(m *seat, s *split, now time.Time) [][]*pool {
	all, counts := 0, make([]int, len(s.parts))
	working := make([]bool, len(s.parts))
	for key, groups := range h.groups {
		if key.route != m.route {
			continue
		}
		for _, g := range groups {
			size, serves := g.size()
			part := s.part(key.pool)
			if all += size; part >= 0 {
				counts[part] += size
				working[part] = working[part] || serves && size > 0
			}
		}
	}
	for i := range counts {
		placed := int(s.placed[i].Load())
		counts[i] += placed
		all += placed
		owned := min(int(s.owned[i].Load()), counts[i])
		counts[i] -= owned
		all -= owned
	}
	parts := s.usable(h, working, now)
	missing := steer.Targets(parts, 0)
	order := make([]int, len(s.parts))
	for i := range order {
		order[i] = i
		if missing[i] = missing[i]*float64(all+1) - float64(counts[i]); !parts[i].Usable {
			missing[i] = math.Inf(-1)
		}
	}
	if own, bound := s.owner(m); bound {
		if in, ok := steer.Stands(parts, own); ok {
			missing[in] = math.Inf(1)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(missing[b], missing[a]) })
	pools := make([][]*pool, 0, len(order))
	for _, i := range order {
		pools = append(pools, s.pools[i])
	}
	return pools
}
