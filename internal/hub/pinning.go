package hub

import (
	"slices"

	"github.com/loka/stratum/internal/extranonce"
)

// PinRoute sends a route's miners to one of its pools, and new ones too, for as
// long as that pool is usable; an empty name takes that back. A drained pool is
// not usable. ok is false where there is no such route, or the pool is none of
// its own.
func (h *Hub) PinRoute(name, pool string) (ok bool) {
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	ro := h.roster()
	r, p := ro.route(name), ro.byName[pool]
	if r == nil {
		return false
	}
	if pool != "" && !slices.Contains(r.conf().pools, p) {
		return false
	}
	switch {
	case r.pin.Swap(p) == p:
		return true
	case p == nil:
		h.log.Info("route prefers its pools in its own order again", "route", name)
	default:
		h.log.Info("route is pinned to a pool", "route", name, "pool", pool)
	}
	h.poolChanged()
	return true
}

// order is the route's pools in the order of preference, the pinned one first.
func (r *route) order() []*pool {
	pin, all := r.pin.Load(), r.conf().pools
	if pin == nil {
		return all
	}
	pools := make([]*pool, 0, len(all))
	pools = append(pools, pin)
	return append(pools, slices.DeleteFunc(slices.Clone(all), func(p *pool) bool { return p == pin })...)
}

// standIn is where a miner goes while none of its route's pools is usable: one
// that miners are kept away from is better than none, and it waits at the first
// that has room for it where nothing serves.
func (r *route) standIn(l extranonce.Layout) *pool {
	pools := r.order()
	for _, need := range []func(p *pool) bool{
		func(p *pool) bool { return p.fits(l) && p.probe.Ready() },
		func(p *pool) bool { return p.fits(l) && !p.disabled.Load() },
		func(p *pool) bool { return p.fits(l) },
	} {
		if i := slices.IndexFunc(pools, need); i >= 0 {
			return pools[i]
		}
	}
	return pools[0]
}
