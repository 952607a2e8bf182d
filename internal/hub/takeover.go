package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// takeOver makes the candidate the miner's link. What was found for the one
// before goes there while that lives. g.mu is held.
func (g *dedicated) takeOver(c *candidate) {
	now := time.Now()
	from, lost, since := g.pool, g.link == nil, g.hub.nextJob()
	level, why := slog.LevelInfo, moveBetter
	switch {
	case c.sent:
		level, why = slog.LevelDebug, moveSentThere
	case from == nil: // it had no work yet
		from, why = c.pool, moveRoute
	case lost && !g.adrift:
		level, why = warnOr(&from.moved, now), moveLost
	case from.leaving.Load():
		why = moveRemoved
	case g.adrift:
		why = moveRoute
	case from.disabled.Load():
		why = moveDisabled
	case from.drained.Load():
		why = moveDrained
	case from.out(now):
		level, why = warnOr(&from.moved, now), moveOfNoUse
	case !slices.Contains(g.route.choices(from), c.pool):
		level, why = slog.LevelDebug, moveSplit
	}
	if !lost {
		g.supersede(since, now)
	}
	g.held = nil
	g.logged, g.took, g.adrift = c.logins, now, false
	g.link, g.pool, g.en1, g.en2Size, g.masked, g.mask, g.since = c.link, c.pool, c.en1, c.en2Size, c.masked, c.mask, since
	for i, m := range g.members {
		if i >= len(c.logins) { // it came meanwhile
			g.login(c, m)
		}
		if name, ok := c.names[m]; ok {
			m.name = name
		} else {
			m.name = c.names[g.first]
		}
	}
	for ticket := range g.logins { // what the link before says to it is not heard
		g.relayLogin(ticket)
	}
	g.hub.log.LogAttrs(context.Background(), level, "miner sent to another pool connection",
		slog.Uint64("miner", uint64(g.miner.ID)), slog.String("route", g.route.Name),
		slog.String("from", from.Name), slog.String("to", c.pool.Name), slog.String("why", why.text("its")))
	g.hub.tellMoved(moving{g.route, from, c.pool, why, 1, g.seat})
	clean := lost || g.current == nil || g.current.Job.PrevHash != c.job.PrevHash
	g.refreshed = 0
	g.pass(c.job, clean)
	g.settle(c, true)
}

// supersede makes the link one that served the miner before: its work is older than
// since. g.mu is held.
func (g *dedicated) supersede(since mining.JobID, now time.Time) {
	names := make(map[*member]string, len(g.members))
	for _, m := range g.members {
		names[m] = m.name
	}
	g.priors = append(g.priors, &prior{
		link: g.link, pool: g.pool, names: names, until: now.Add(priorFor), since: g.since, before: since,
	})
	g.since = since
}

// onLateRelogin takes the answer to a later member's login that came after the
// candidate took over. g.mu is held.
func (g *dedicated) onLateRelogin(ev upstream.Event) {
	if m, ok := g.logged[ev.Tag]; ok && ev.Verdict == mining.Accepted {
		m.name = g.nameOf(m.worker)
	}
}
