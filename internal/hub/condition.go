package hub

import (
	"sync"
	"time"

	"github.com/loka/stratum/internal/link"
)

// Condition is how a pool is doing, as the API spells it.
type Condition string

// The conditions of a pool.
const (
	// PoolConnecting: not connected yet, and nothing has failed yet.
	PoolConnecting Condition = "connecting"
	// PoolActive: miners work for it.
	PoolActive Condition = "active"
	// PoolStandby: it is connected and ready, and no miner works for it.
	PoolStandby Condition = "standby"
	// PoolDegraded: it is connected, and something about it is wrong.
	PoolDegraded Condition = "degraded"
	// PoolDown: it cannot be used; it is tried again.
	PoolDown Condition = "down"
	// PoolDisabled: an operator or the configuration wants no connection to it.
	PoolDisabled Condition = "disabled"
)

// Why a pool that is connected is in its condition, in one word. One that is
// down has a [mining.Reason].
const (
	becauseConnecting   = "first_connection"
	becauseServing      = "serving"
	becauseDrained      = "drained"
	becauseNotPreferred = "not_preferred"
	becauseNoMiner      = "no_miner"
	becauseOfNoUse      = "of_no_use"
	becauseRefuses      = "refuses_valid_shares"
	becausePayout       = "payout_changed"
	becauseLeaving      = "not_configured"
	becauseOperator     = "by_operator"
	becauseFile         = "by_file"
)

// PoolCondition is how a pool is doing, why, and since when.
type PoolCondition struct {
	State Condition
	// Reason is one word for why.
	Reason string
	// Error is one line for people on what is wrong or awaited; else empty.
	Error string
	// Since is when the state was entered, known to a second.
	Since time.Time
}

// condition is what a pool's was when it was looked at last.
type condition struct {
	mu  sync.Mutex
	was PoolCondition
}

// enter notes what the condition is now, and returns it with its time.
func (p *pool) enter(is PoolCondition, probe *link.Status, now time.Time) PoolCondition {
	c := &p.condition
	c.mu.Lock()
	defer c.mu.Unlock()
	is.Since = c.was.Since
	connected := c.was.State == PoolActive || c.was.State == PoolStandby || c.was.State == PoolDegraded
	switch {
	case is.State == c.was.State:
	case is.State == PoolDisabled:
		is.Since = time.Unix(0, p.disabledAt.Load())
	case is.Reason == becausePayout:
		is.Since = now
	case !connected || is.State == PoolDown: // the probe knows better
		is.Since = probe.Since
	default:
		is.Since = now
	}
	if is.State != c.was.State || is.Reason != c.was.Reason {
		p.tellCondition(&c.was, &is, now)
	}
	c.was = is
	return is
}

// conditionOf says how a pool is doing for which so many miners work; preferred
// says that a route would give it to a new one.
func (p *pool) conditionOf(miners int, preferred bool, probe *link.Status, now time.Time) PoolCondition {
	c := PoolCondition{State: PoolActive, Reason: becauseServing}
	if p.drained.Load() {
		c.Reason = becauseDrained
	}
	switch {
	case p.disabled.Load():
		c.State, c.Reason = PoolDisabled, becauseOperator
		if p.byFile.Load() {
			c.Reason = becauseFile
		}
	case probe.State == link.Connecting:
		c.State, c.Reason, c.Error = PoolConnecting, becauseConnecting, probe.Error
	case probe.State == link.Down:
		c.State, c.Reason, c.Error = PoolDown, string(probe.Reason), probe.Error
	case p.leaving.Load():
		c.State, c.Reason = PoolDegraded, becauseLeaving
		c.Error = "the pool is not configured any more; its miners go to others as soon as those have work for them"
	case p.watch.Leave() && miners > 0:
		c.State, c.Reason = PoolDegraded, becausePayout
		c.Error = "the pool pays another address than it should, and no other pool has work for these miners; see its signals"
	case p.watch.Leave():
		c.State, c.Reason = PoolDown, becausePayout
		c.Error = "the pool pays another address than it should: miners are kept away from it until it pays the old one, or `loka pool accept-payout` says that this is right"
	case p.shunned.Load() > now.UnixNano():
		c.State, c.Reason = PoolDegraded, becauseOfNoUse
		c.Error = "the pool refuses or does not answer share after share; miners are kept away from it for some minutes"
	case miners > 0 && p.trouble(now):
		c.State, c.Reason = PoolDegraded, becauseRefuses
		c.Error = "the pool refuses more than 2 % of shares that are valid here; see the log for its words"
	case miners > 0:
	case p.drained.Load():
		c.State = PoolStandby
	case preferred:
		c.State, c.Reason = PoolStandby, becauseNoMiner
	default:
		c.State, c.Reason = PoolStandby, becauseNotPreferred
	}
	return p.enter(c, probe, now)
}

// preferred are the pools that a route would give to a new miner.
func (h *Hub) preferred(now time.Time) map[*pool]bool {
	all := make(map[*pool]bool)
	for _, r := range h.roster().routes {
		if p := r.active(now); p != nil {
			all[p] = true
		}
	}
	return all
}

// tickConditions notes when pools' conditions change, given the miners of each.
func (h *Hub) tickConditions(miners map[*pool]int, now time.Time) {
	preferred := h.preferred(now)
	for _, p := range h.roster().pools {
		probe := p.probe.Status()
		p.conditionOf(miners[p], preferred[p], &probe, now)
	}
}
