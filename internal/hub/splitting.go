package hub

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/atomics"
	"github.com/loka/stratum/internal/steer"
)

// split is how a route's hashrate is divided; it is replaced as a whole. Only the
// goroutine in Run uses it, but for what is said.
type split struct {
	// route and parts are static; a pool is of one part only.
	route  *route
	parts  []PartConfig
	partOf map[*pool]int
	pools  [][]*pool
	// heirs are the parts that have a part's share while it is dead, -1 for all
	// others.
	heirs []int
	// owners say whose workers a part is for, if hasOwners.
	owners    steer.Owners
	hasOwners bool
	// had is the accepted work of each part so far, in difficulty-1 shares, and own
	// that of its own workers, which is not divided; atomic. told is what the
	// splitter was told of it.
	had, own []atomics.Float64
	told     []float64
	// stands is where a part's own miners are, -1 where they are divided with the
	// others, and owned how many miners are at a part for that; both as of the last
	// division, and atomic.
	stands, owned []atomic.Int64
	// placed is how many miners with links of their own are at a part, those who are
	// on their way there included; atomic.
	placed []atomic.Int64
	// linked says which pools such miners have work from; atomic.
	linked map[*pool]*atomic.Bool
	// target is what each part should have, in parts of 1; atomic.
	target []atomics.Float64
	// closed says which parts were outside their windows when that was looked at
	// last.
	closed []bool

	splitter steer.Splitter
}

// newSplit divides a route's pools; nil where there are no parts.
func (ro *roster) newSplit(r *route, parts []PartConfig) *split {
	if len(parts) == 0 {
		return nil
	}
	s := &split{
		route: r, parts: parts, partOf: make(map[*pool]int), linked: make(map[*pool]*atomic.Bool), pools: make([][]*pool, len(parts)),
		had: make([]atomics.Float64, len(parts)), told: make([]float64, len(parts)), target: make([]atomics.Float64, len(parts)),
		own: make([]atomics.Float64, len(parts)), owned: make([]atomic.Int64, len(parts)), stands: make([]atomic.Int64, len(parts)), placed: make([]atomic.Int64, len(parts)), closed: make([]bool, len(parts)),
	}
	if !r.Shared {
		s.splitter.MoveEvery = moveEvery
	}
	globs := make([]string, 0, len(parts))
	for i, part := range parts {
		globs = append(globs, part.Worker)
		s.hasOwners = s.hasOwners || part.Worker != ""
		for _, name := range part.Pools {
			if p := ro.byName[name]; p != nil {
				s.partOf[p] = i
				s.linked[p] = new(atomic.Bool)
				s.pools[i] = append(s.pools[i], p)
			}
		}
	}
	s.owners = steer.CompileOwners(globs)
	for i, part := range parts {
		s.heirs = append(s.heirs, s.part(ro.byName[part.OnDead]))
		s.stands[i].Store(int64(i))
	}
	return s
}

// is says whether the parts are those of s, which may be nil.
func (s *split) is(parts []PartConfig) bool {
	if s == nil {
		return len(parts) == 0
	}
	return slices.EqualFunc(s.parts, parts, func(a, b PartConfig) bool {
		same := slices.Equal(a.Pools, b.Pools) && a.Window.String() == b.Window.String() && a.Window.Zone() == b.Window.Zone()
		// Read again, a window is another one, and its zone's name says it all.
		a.Pools, a.Window, b.Pools, b.Window = nil, nil, nil, nil
		return same && reflect.DeepEqual(a, b)
	})
}

// aim says what each part should have.
func (s *split) aim(targets []float64) {
	for i, target := range targets {
		s.target[i].Store(target)
	}
}

// bond is the part of a split that is for a miner's worker, if own.
type bond struct {
	of   *split
	part int
	own  bool
}

// atOwn says that a miner at a part is there for its own.
func (s *split) atOwn(m *seat, part int) bool {
	own, bound := s.owner(m)
	return bound && s.stands[own].Load() == int64(part)
}

// house notes where the parts' own miners are from now on.
func (s *split) house(parts []steer.Part) {
	for i := range parts {
		in, ok := steer.Stands(parts, i)
		if !ok {
			in = -1
		}
		s.stands[i].Store(int64(in))
	}
}

// owner is the part that is for a miner, once its worker is known.
func (s *split) owner(m *seat) (part int, own bool) {
	if !s.hasOwners {
		return 0, false
	}
	b := m.bond.Load()
	if b == nil || b.of != s {
		w := m.worker.Load()
		if w == nil {
			return 0, false
		}
		b = &bond{of: s}
		b.part, b.own = s.owners.Owner(w.Login)
		m.bond.Store(b)
	}
	return b.part, b.own
}

// SetSplit divides a route anew among its pools, at once; without parts its pools
// are in one order. Each part names pools of the route, none of them twice, and has
// either a weight or a hashrate above 0, or workers. The error says what is wrong; nothing is
// changed then.
func (h *Hub) SetSplit(name string, parts []PartConfig) error {
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	ro := h.roster()
	r := ro.route(name)
	if r == nil {
		return fmt.Errorf("no route has the name %q", name)
	}
	if err := r.checkParts(parts); err != nil {
		return err
	}
	s := ro.newSplit(r, slices.Clone(parts))
	if s == nil {
		h.log.Info("route is not split any more: its pools are in one order", "route", name)
	} else {
		s.aim(steer.Targets(s.usable(h, make([]bool, len(parts)), time.Now()), 0))
		h.log.Info("route is split anew", "route", name, "parts", len(parts))
	}
	r.split.Store(s)
	h.poolChanged()
	return nil
}

// maxWeight keeps sums of weights finite.
const maxWeight = 1e9

// checkParts says what is wrong with the parts of a split.
func (r *route) checkParts(parts []PartConfig) error {
	seen, anybody := make(map[string]bool), len(parts) == 0
	for i, part := range parts {
		switch {
		case len(part.Pools) == 0:
			return fmt.Errorf("part %d names no pool", i)
		case part.Weight > 0 && part.Hashrate > 0, !(part.Weight >= 0), !(part.Hashrate >= 0), part.Weight > maxWeight,
			part.Weight == 0 && part.Hashrate == 0 && part.Worker == "":
			return fmt.Errorf("part %d needs either a weight or a hashrate above 0, or workers", i)
		}
		anybody = anybody || part.Weight > 0 || part.Hashrate > 0 || part.Worker == "*"
		for _, name := range part.Pools {
			if !slices.ContainsFunc(r.conf().pools, func(p *pool) bool { return p.Name == name }) {
				return fmt.Errorf("part %d: pool %q is none of route %q", i, name, r.Name)
			}
			if seen[name] {
				return fmt.Errorf("part %d: pool %q is named twice", i, name)
			}
			seen[name] = true
		}
	}
	for i, part := range parts {
		if part.OnDead != "" && (!seen[part.OnDead] || slices.Contains(part.Pools, part.OnDead)) {
			return fmt.Errorf("part %d: pool %q is of no other part", i, part.OnDead)
		}
	}
	if !anybody {
		return errors.New("no part is for miners that no part's workers match")
	}
	return nil
}

// part is the part of a pool, -1 where it is in none, or s is nil.
func (s *split) part(p *pool) int {
	if s == nil {
		return -1
	}
	if i, ok := s.partOf[p]; ok {
		return i
	}
	return -1
}

// worked books a miner's accepted work of a pool of the route.
func (s *split) worked(m *seat, p *pool, d float64) {
	if s == nil {
		return
	}
	i := s.part(p)
	if i < 0 {
		return
	}
	if s.atOwn(m, i) {
		s.own[i].Add(d)
	} else {
		s.had[i].Add(d)
	}
}

// choices are the pools among which it is chosen for miners at a pool: those of
// its part, or all of the route's where that is not split, or pinned.
func (r *route) choices(at *pool) []*pool {
	s := r.split.Load()
	if s == nil || r.pin.Load() != nil {
		return r.conf().pools
	}
	if i := s.part(at); i >= 0 {
		return s.pools[i]
	}
	return []*pool{at} // until they are divided
}

// state is a snapshot of the parts, but for who is there.
func (s *split) state(now time.Time) (parts []PartState) {
	if s == nil {
		return nil
	}
	for i, part := range s.parts {
		parts = append(parts, PartState{PartConfig: part, Closed: !part.Window.Open(now), Target: s.target[i].Load(), Work: s.had[i].Load() + s.own[i].Load(), OwnWork: s.own[i].Load()})
	}
	return parts
}

// count adds miners of a pool of the route, and what they do in H/s, to a snapshot of
// the parts.
func (s *split) count(parts []PartState, at *pool, miners int, rate float64) {
	if s == nil {
		return
	}
	if i := s.part(at); i >= 0 && i < len(parts) { // it may have been replaced
		parts[i].Miners += miners
		parts[i].Rate += rate
	}
}
