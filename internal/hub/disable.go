package hub

import (
	"errors"
	"slices"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
)

// disableAfter is how long connections to a pool that was disabled stay at the
// most, so that their miners get elsewhere first. Those without miners stay for
// linger.
const disableAfter = 30 * time.Second

// Why a pool cannot be disabled or enabled.
var (
	// ErrNoPool: there is no pool of that name.
	ErrNoPool = errors.New("there is no such pool")
	// ErrDisabledByFile: the configuration disables the pool.
	ErrDisabledByFile = errors.New("the pool is disabled by the configuration")
)

var errDisabled = errors.New("the pool is disabled")

// DisablePool takes a pool out of use: nothing is dialled to it, its miners go
// where there is other work, and then its connections are closed, 30 s from now
// at the latest. alone are the routes that have no other pool that serves: for
// their miners it is as if their last pool had been lost.
func (h *Hub) DisablePool(name string) (alone []string, err error) {
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	ro := h.roster()
	p := ro.byName[name]
	if p == nil {
		return nil, ErrNoPool
	}
	for _, r := range ro.routes {
		has, other := false, false
		for _, q := range r.conf().pools {
			has = has || q == p
			other = other || q != p && q.probe.Ready()
		}
		if has && !other {
			alone = append(alone, r.Name)
		}
	}
	p.byOperator.Store(true)
	if !p.disabled.Load() {
		p.disable(time.Now())
		ro.disableLeaving()
		h.log.Info("pool is disabled: its miners go where there is other work, and its connections are closed", "pool", name)
		h.poolChanged()
	}
	return alone, nil
}

// EnablePool takes a pool back into use that DisablePool took out.
func (h *Hub) EnablePool(name string) error {
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	p := h.roster().byName[name]
	switch {
	case p == nil:
		return ErrNoPool
	case p.byFile.Load():
		p.byOperator.Store(false)
		return ErrDisabledByFile
	case p.disabled.Swap(false):
		p.byOperator.Store(false)
		p.probe.Resume()
		h.log.Info("pool is enabled", "pool", name)
		h.poolChanged()
	}
	return nil
}

// disable keeps everybody away from the pool; the links that serve miners stay
// for the time being.
func (p *pool) disable(now time.Time) {
	p.disabledAt.Store(now.UnixNano())
	p.disabled.Store(true)
	p.probe.Pause(mining.PoolDisabled, errDisabled.Error())
}

// disableLeaving keeps everybody away from pools that were configured otherwise and
// are disabled as they are configured now. h.applyMu is held, or nobody knows the
// hub yet.
func (ro *roster) disableLeaving() {
	for _, p := range ro.leaving {
		if now := ro.byName[p.Name]; now != nil && now.disabled.Load() && !p.disabled.Load() {
			p.disable(time.Unix(0, now.disabledAt.Load()))
		}
	}
}

// revise follows what of a pool's configuration can be changed as it is. h.applyMu
// is held, or nobody knows the hub yet.
func (p *pool) revise(pc *PoolConfig, now time.Time) {
	p.streak.Store(int64(pc.RefusalStreak))
	p.byFile.Store(pc.Disabled)
	switch off := pc.Disabled || p.byOperator.Load(); {
	case off && !p.disabled.Load():
		p.disable(now)
	case off: // in whose place it is was
		p.probe.Pause(mining.PoolDisabled, errDisabled.Error())
	default:
		p.disabled.Store(false)
		p.probe.Resume()
	}
}

// inherit takes over what operators have arranged of the pool of that name so far,
// nil for none, and goes on with its counts.
func (p *pool) inherit(was *pool) {
	if was == nil {
		p.drained.Store(false)
		p.byOperator.Store(false)
		return
	}
	p.drained.Store(was.drained.Load())
	p.byOperator.Store(was.byOperator.Load())
	p.disabled.Store(was.disabled.Load()) // what of it holds is revised
	p.disabledAt.Store(was.disabledAt.Load())
	p.discrepancies.Store(max(p.discrepancies.Load(), was.discrepancies.Load()))
}

// closed says why nothing may be dialled to the pool; nil is that it may.
func (p *pool) closed(endpoint dial.Endpoint) error {
	if !p.disabled.Load() {
		return nil
	}
	return &dial.Error{Reason: mining.PoolDisabled, Endpoint: endpoint, Err: errDisabled}
}

// tickDisabled closes what is left of pools that were disabled.
func (h *Hub) tickDisabled(now time.Time) {
	ro := h.roster()
	for _, p := range slices.Concat(ro.pools, ro.leaving) {
		if !p.disabled.Load() {
			continue
		}
		due := now.Sub(time.Unix(0, p.disabledAt.Load())) >= disableAfter
		for _, g := range h.allGroups() {
			if g.pool == p {
				g.cut(due, now)
			}
		}
		if !due || p.links.Load() == 0 {
			continue
		}
		for _, s := range h.all() {
			s.cut(p)
		}
	}
}

// cut closes a group of a pool that is disabled, once it has no members; or, when
// that is due, its link.
func (g *group) cut(due bool, now time.Time) {
	g.hub.packMu.Lock()
	defer g.hub.packMu.Unlock()
	if g.idle(now, linger) {
		g.close(mining.PoolDisabled)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if due && g.link != nil {
		g.link.Close(mining.PoolDisabled)
	}
}

// cut closes a miner's own links to a pool.
func (s *seat) cut(p *pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.role.(*dedicated)
	if !ok {
		return
	}
	if g.link != nil && g.pool == p {
		g.link.Close(mining.PoolDisabled)
	}
	if c := g.candidate; c != nil && c.pool == p {
		c.link.Close(mining.PoolDisabled)
	}
	for _, was := range g.priors {
		if was.pool == p {
			was.link.Close(mining.PoolDisabled)
		}
	}
}
