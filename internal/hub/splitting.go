package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/atomics"
	"github.com/loka/stratum/internal/steer"
)

// split is how a route's hashrate is divided. Only the goroutine in Run uses it,
// but for what is said.
type split struct {
	// parts are static; a pool is of one part only.
	parts  []PartConfig
	partOf map[*pool]int
	pools  [][]*pool
	// had is the accepted work of each part so far, in difficulty-1 shares;
	// atomic. told is what the splitter was told of it.
	had  []atomics.Float64
	told []float64
	// target is what each part should have, in parts of 1; atomic.
	target []atomics.Float64
	// hold is how long a part that was lost must have been well.
	hold time.Duration

	splitter steer.Splitter
}

// newSplit divides a route's pools; nil where it has no parts.
func (h *Hub) newSplit(r *route) *split {
	rc := &r.RouteConfig
	if len(rc.Parts) == 0 {
		return nil
	}
	s := &split{
		hold: rc.ReturnAfter, parts: rc.Parts, partOf: make(map[*pool]int), pools: make([][]*pool, len(rc.Parts)),
		had: make([]atomics.Float64, len(rc.Parts)), told: make([]float64, len(rc.Parts)), target: make([]atomics.Float64, len(rc.Parts)),
	}
	for i, part := range rc.Parts {
		for _, name := range part.Pools {
			if p := h.byName[name]; p != nil {
				s.partOf[p] = i
				s.pools[i] = append(s.pools[i], p)
			}
		}
	}
	return s
}

// worked books accepted work of a pool of the route.
func (s *split) worked(p *pool, d float64) {
	if s != nil {
		s.had[s.partOf[p]].Add(d)
	}
}

// choices are the pools among which it is chosen for miners at a pool: those of
// its part, or all of the route's where that is not split, or pinned.
func (r *route) choices(at *pool) []*pool {
	if r.split == nil || r.pin.Load() != nil {
		return r.pools
	}
	return r.split.pools[r.split.partOf[at]]
}

// divide sends miners of split routes where the parts' shares want them.
func (h *Hub) divide(now time.Time) {
	for _, r := range h.routes {
		if r.split != nil && r.pin.Load() == nil {
			h.divideRoute(r, now)
		}
	}
}

func (h *Hub) divideRoute(r *route, now time.Time) {
	s := r.split
	var members []steer.Member
	var miners []*shared
	var from []*group
	working := make([]bool, len(s.parts))
	for _, g := range h.allGroups() {
		if g.route != r || g.over() {
			continue
		}
		part := s.partOf[g.pool]
		size, serves := g.size()
		working[part] = working[part] || serves && size > 0
		for _, m := range g.everyone() {
			members = append(members, steer.Member{Part: part, Hashrate: m.rate.Load(), Moved: time.Unix(0, m.moved.Load())})
			miners, from = append(miners, m), append(from, g)
		}
	}
	for i := range s.had {
		had := s.had[i].Load()
		s.splitter.Worked(i, had-s.told[i])
		s.told[i] = had
	}
	if len(members) == 0 {
		return
	}
	moved, parts := 0, s.usable(h, working, now)
	total := 0.0
	for _, m := range members {
		total += m.Hashrate
	}
	for i, target := range steer.Targets(parts, total) {
		s.target[i].Store(target)
	}
	for _, mv := range s.splitter.Decide(members, parts, now) {
		if h.sendTo(miners[mv.Member], from[mv.Member], s.pools[mv.To], now) {
			moved++
		}
	}
	if moved > 0 {
		h.log.LogAttrs(context.Background(), slog.LevelDebug, "miners sent to other parts of a split",
			slog.String("route", r.Name), slog.Int("miners", moved), slog.Int("of", len(members)))
	}
}

// usable says which parts can be worked for: a part that was lost has to have
// been well for the route's time, unless none has.
func (s *split) usable(h *Hub, working []bool, now time.Time) []steer.Part {
	parts := make([]steer.Part, len(s.parts))
	for pass := range 2 {
		some := false
		for i, part := range s.parts {
			parts[i] = steer.Part{Weight: part.Weight, Hashrate: part.Hashrate}
			parts[i].Usable = slices.ContainsFunc(s.pools[i], func(p *pool) bool {
				steady := pass == 1 || working[i] || now.Sub(p.healthySince()) >= s.hold
				return h.poolServes(p, now) && steady
			})
			some = some || parts[i].Usable
		}
		if some {
			break
		}
	}
	return parts
}

// sendTo sends a miner to a part's pools: where its own has work, only if there
// is some for it there.
func (h *Hub) sendTo(m *shared, from *group, pools []*pool, now time.Time) bool {
	h.packMu.Lock()
	legs, _, _, _ := h.legs(from.key, pools, now)
	h.packMu.Unlock()
	to := steer.Choose(legs, -1, now, from.route.ReturnAfter)
	if to < 0 || from.stands(now) && !h.ready(from, m.space, pools[to]) {
		return false
	}
	m.moved.Store(now.UnixNano())
	m.move(from, pools[to])
	return true
}

// fewest are the pools of the part that misses most miners, by number: what
// newcomers do is not known yet. h.packMu is held.
func (h *Hub) fewest(r *route, now time.Time) []*pool {
	s := r.split
	all, counts := 0, make([]int, len(s.parts))
	working := make([]bool, len(s.parts))
	for key, groups := range h.groups {
		if key.route != r {
			continue
		}
		for _, g := range groups {
			size, serves := g.size()
			part := s.partOf[key.pool]
			counts[part] += size
			all += size
			working[part] = working[part] || serves && size > 0
		}
	}
	best, most := 0, 0.0
	parts := s.usable(h, working, now)
	for i, target := range steer.Targets(parts, 0) {
		if missing := target*float64(all+1) - float64(counts[i]); parts[i].Usable && missing > most {
			best, most = i, missing
		}
	}
	return s.pools[best]
}

// state is a snapshot of the parts, but for who is there.
func (s *split) state() (parts []PartState) {
	if s == nil {
		return nil
	}
	for i, part := range s.parts {
		parts = append(parts, PartState{PartConfig: part, Target: s.target[i].Load(), Work: s.had[i].Load()})
	}
	return parts
}

// count adds what a group does to a snapshot of the parts.
func (s *split) count(parts []PartState, g *group) {
	if s == nil {
		return
	}
	size, _ := g.size()
	part := &parts[s.partOf[g.pool]]
	part.Miners += size
	part.Rate += g.does()
}
