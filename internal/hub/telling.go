package hub

import (
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/mining"
)

// moveReason is why miners go to another pool connection, in one word.
type moveReason string

const (
	moveLost      moveReason = "connection_lost"
	moveRemoved   moveReason = "pool_removed"
	moveDisabled  moveReason = "pool_disabled"
	moveDrained   moveReason = "pool_drained"
	moveOfNoUse   moveReason = "pool_of_no_use"
	movePinned    moveReason = "route_pinned"
	moveBetter    moveReason = "better_pool_back"
	moveRoute     moveReason = "route_changed"
	moveSplit     moveReason = "split"
	moveSentThere moveReason = "redirected"
)

// text is the same in words; whose is "its" or "their".
func (r moveReason) text(whose string) string {
	switch r {
	case moveLost:
		return whose + " connection is lost"
	case moveRemoved:
		return whose + " pool is not configured so any more"
	case moveDisabled:
		return whose + " pool is disabled"
	case moveDrained:
		return whose + " pool is drained"
	case moveOfNoUse:
		return whose + " pool is of no use"
	case movePinned:
		return whose + " route is pinned"
	case moveRoute:
		return "another route takes it"
	case moveSplit:
		return whose + " route is split"
	case moveSentThere:
		return whose + " pool has sent it there"
	case moveBetter:
	}
	return "a better pool is back"
}

// moving is miners of a route going from a pool to another.
type moving struct {
	route    *route
	from, to *pool
	why      moveReason
	miners   int
	who      *seat // one of them where it is one
}

// tellMoved tells of miners that went from a pool to another.
func (h *Hub) tellMoved(m moving) {
	if m.from == nil || m.from.Name == m.to.Name || m.miners == 0 {
		return
	}
	e := events.Event{
		At: time.Now(), Kind: events.Switch, What: events.Moved, Route: m.route.Name, Pool: m.to.Name, From: m.from.Name, To: m.to.Name,
		Reason: string(m.why), Count: uint64(m.miners), //nolint:gosec // above 0
	}
	switch m.why { //nolint:exhaustive // the others are wanted
	case moveSplit:
		e.What = events.Balanced
	case moveLost, moveOfNoUse:
		e.Severity = events.Warning
	}
	if m.who != nil {
		e.Miner = uint64(m.who.miner.ID)
		if w := m.who.worker.Load(); w != nil {
			e.Worker = w.Login
		}
	}
	h.deps.Events.Publish(e)
}

// tellJob tells of work that a pool's probe was given.
func (h *Hub) tellJob(p *pool, before, job *mining.Job) {
	e := events.Event{At: job.Received, Kind: events.Job, What: events.Work, Pool: p.Name, Value: float64(job.Difficulty)}
	if before == nil || before.PrevHash != job.PrevHash {
		e.What = events.NewBlock
	}
	h.deps.Events.Publish(e)
}

// tellCondition tells that a pool has entered a condition. One that is leaving is not told
// of: there may be another of its name.
func (p *pool) tellCondition(was, is *PoolCondition, now time.Time) {
	if p.events == nil || p.leaving.Load() {
		return
	}
	e := events.Event{
		At: now, Kind: events.Pool, What: events.Entered, Pool: p.Name, From: string(was.State), To: string(is.State), Reason: is.Reason, Detail: is.Error,
	}
	switch {
	case is.State == PoolDown && (was.State == PoolActive || was.State == PoolDegraded):
		e.Severity = events.Critical // miners have lost it
	case is.State == PoolDown, is.State == PoolDegraded:
		e.Severity = events.Warning
	}
	p.events.Publish(e)
}

// tellRemoved tells that there is no pool of that name any more.
func (h *Hub) tellRemoved(p *pool) {
	if h.roster().byName[p.Name] == nil {
		h.deps.Events.Publish(events.Event{At: time.Now(), Kind: events.Pool, What: events.Entered, Pool: p.Name, To: events.Removed, Reason: becauseLeaving})
	}
}
