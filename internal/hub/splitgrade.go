package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/steer"
)

// grade is how well a part must be off to be worked for.
type grade struct {
	// windows: it is in its window. held: it has been well for the route's time,
	// where it was lost. good: it is not to be avoided.
	windows, held, good bool
}

// grades are tried in order until a part is that good which others' miners can
// go to: one outside its window is better than none that takes shares, and one to
// be avoided better than none.
func grades() []grade {
	return []grade{{true, true, true}, {true, false, true}, {false, false, true}, {false, false, false}}
}

// usable says which parts can be worked for.
func (s *split) usable(h *Hub, working []bool, now time.Time) (parts []steer.Part) {
	asks, found := slices.ContainsFunc(s.parts, func(p PartConfig) bool { return p.Weight > 0 || p.Hashrate > 0 }), false
	for _, need := range grades() {
		graded, some, others := s.graded(h, need, working, now)
		if others || some && !asks {
			return graded
		}
		if !found {
			parts, found = graded, some
		}
	}
	return parts
}

// graded says which parts are of a grade, whether there are some, and whether some
// are for others than their own miners.
func (s *split) graded(h *Hub, need grade, working []bool, now time.Time) (parts []steer.Part, some, others bool) {
	parts = make([]steer.Part, len(s.parts))
	for i, part := range s.parts {
		parts[i] = steer.Part{Weight: part.Weight, Hashrate: part.Hashrate}
		if need.windows && !part.Window.Open(now) {
			continue // it leaves nothing to anybody
		}
		parts[i].Heir, parts[i].HasHeir = max(s.heirs[i], 0), s.heirs[i] >= 0
		parts[i].Usable = slices.ContainsFunc(s.pools[i], func(p *pool) bool {
			// A link of its own that has work is there, whatever the probe.
			if !h.poolUp(p, now) && !s.linked[p].Load() {
				return false
			}
			return !need.good || !p.out(now) && (!need.held || working[i] || now.Sub(p.healthySince()) >= s.route.conf().ReturnAfter)
		})
		some = some || parts[i].Usable
	}
	for i, part := range s.parts {
		_, stands := steer.Stands(parts, i)
		others = others || stands && (part.Weight > 0 || part.Hashrate > 0)
	}
	return parts, some, others
}

// watchWindows says which parts' windows have begun or ended.
func (h *Hub) watchWindows(r *route, s *split, now time.Time) {
	for i, part := range s.parts {
		closed := !part.Window.Open(now)
		if closed == s.closed[i] {
			continue
		}
		s.closed[i] = closed
		h.log.LogAttrs(context.Background(), slog.LevelInfo, "part of a split enters its window or leaves it", slog.String("route", r.Name),
			slog.Int("part", i), slog.Any("pools", part.Pools), slog.Bool("in_window", !closed),
			slog.String("when", part.Window.String()), slog.String("time_zone", part.Window.Zone()))
	}
}

// backup puts the route's pools in order for miners who have lost their work at one
// of them, or are at none: those of its part, of that one's heir, and of parts in
// their windows first.
func (r *route) backup(pools []*pool, at *pool, now time.Time) []*pool {
	s := r.split.Load()
	if s == nil || r.pin.Load() != nil {
		return pools
	}
	rank := func(p *pool) int {
		to, from := s.part(p), s.part(at)
		switch {
		case to < 0 || !s.parts[to].Window.Open(now):
			return 3
		case from == to:
			return 0
		case from >= 0 && s.heirs[from] == to:
			return 1
		}
		return 2
	}
	pools = slices.Clone(pools)
	slices.SortStableFunc(pools, func(a, b *pool) int { return rank(a) - rank(b) })
	return pools
}
