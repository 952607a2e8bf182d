package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/watch"
)

// run tries pool after pool until one has taken the miner, and finds it another
// link when that one has ended. Where that cannot be, or not in time, the miner's
// connection ends too, so that its own failover works.
func (g *dedicated) run() {
	reason := mining.PoolUnreachable
	if g.resumes() && g.bereft() || slices.ContainsFunc(g.preferred(), g.try) {
		reason = mining.PoolDisconnected
	}
	for reason == mining.PoolDisconnected && g.bereft() {
		began := time.Now()
		if !g.regain() {
			reason = mining.PoolUnreachable
			break
		}
		rest(g.hub.ctx, regainEvery-time.Since(began)) // the pool may take it and drop it again
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.hub.ctx.Err() != nil:
		reason = mining.Shutdown
	case g.left && !g.subscribed:
		reason = mining.MinerGone
	}
	if !g.retired {
		g.peer.Close(reason)
	}
	g.over = true
	g.end()
}

// resumes says that the miner had another role and its workers are let in.
func (g *dedicated) resumes() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.resumed && g.first != nil
}

// bereft waits until the miner has no link, and says whether it can be served by
// another one.
func (g *dedicated) bereft() bool {
	for {
		g.mu.Lock()
		linked, movable := g.link != nil, g.movable()
		g.mu.Unlock()
		if !linked {
			return movable
		}
		<-g.turned
	}
}

// preferred is the route's pools that are not disabled, those that can serve now
// first, and of these those last that miners are kept away from.
func (g *dedicated) preferred() []*pool {
	g.hub.placeMu.Lock()
	defer g.hub.placeMu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	pools := slices.DeleteFunc(slices.Clone(g.parted(now)), func(p *pool) bool { return p.disabled.Load() })
	slices.SortStableFunc(pools, func(a, b *pool) int { return rank(a, now) - rank(b, now) })
	if len(pools) > 0 {
		g.route.split.Load().expect(pools[0])
	}
	return pools
}

func rank(p *pool, now time.Time) int {
	switch state := p.probe.State(); {
	case state == link.Down:
		return 3
	case p.out(now):
		return 2
	case state == link.Connecting:
		return 1
	}
	return 0
}

// try gives the miner its first link, to a pool, and says whether that has
// taken it; it has not where its breaker is open.
func (g *dedicated) try(p *pool) bool {
	l := g.newLink(p, nil)
	g.mu.Lock()
	if g.left || !p.breaker.Allow() {
		g.mu.Unlock()
		return false
	}
	g.link, g.pool, g.masked, g.mask = l, p, false, 0
	for ticket := range g.logins {
		g.relayLogin(ticket)
	}
	g.mu.Unlock()
	g.live(l, p)
	<-g.turned
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.subscribed
}

// newLink makes a link to a pool, or to where that has sent the miner.
func (g *dedicated) newLink(p *pool, to *link.Redirection) *link.Link {
	cfg, breaker := p.sent(g.hub.linkConfig(p), to)
	return link.New(cfg, link.Deps{
		Dial: g.hub.dialer(p), Events: g, Logger: g.hub.log,
		Metrics: g.hub.linkMetrics(p), Quota: &p.quota, Breaker: breaker, Wire: g.hub.deps.Wire,
		Watch: g.hub.watcher(p, watch.Own),
	})
}

// live runs a link in a goroutine of its own.
func (g *dedicated) live(l *link.Link, p *pool) {
	if !g.hub.spawn(func() {
		p.links.Add(1)
		l.Run(g.hub.ctx)
		p.links.Add(-1)
	}) {
		g.LinkEnded(l, mining.Shutdown, nil)
	}
}

// LinkEvent takes what the link's pool said; see [link.Events].
func (g *dedicated) LinkEvent(l *link.Link, ev upstream.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.candidate != nil && l == g.candidate.link:
		g.onCandidate(ev)
		return
	case ev.Kind == upstream.Verdict: // of a link before, too: a ticket was submitted once
		g.onVerdict(ev)
		return
	case ev.Kind == upstream.AnsweredTwice:
		g.answeredTwice(l, ev)
		return
	case l != g.link:
		return
	}
	switch ev.Kind {
	case upstream.Subscribed:
		g.onSubscribed(ev)
	case upstream.Job:
		g.onJob(ev.Job)
	case upstream.Authorized:
		g.onAuthorized(ev)
	case upstream.Mask:
		g.masked, g.mask = true, ev.VersionMask
		g.giveEarly()
	case upstream.Reconnect:
		g.sentOn(l, ev)
	case upstream.Verdict, upstream.Difficulty, upstream.Extranonce,
		upstream.Message, upstream.BadLine, upstream.AnsweredTwice:
		// What matters of a difficulty or an extranonce rides in the next job; the
		// link logs and counts the others.
	}
}

// LinkRead lets the answers leave that a read of the link has brought.
func (g *dedicated) LinkRead(*link.Link) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gathering {
		g.gathering = false
		g.peer.Gather(false)
	}
}

// LinkEnded is the last word of a link; see [link.Events].
func (g *dedicated) LinkEnded(l *link.Link, reason mining.Reason, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, p := time.Now(), g.poolOf(l)
	level := slog.LevelDebug
	if reason != mining.MinerGone && reason != mining.Shutdown && reason != mining.PoolDisabled {
		level = warnOr(&p.ended, now)
	}
	p.quality.Ended(reason, now)
	attrs := []slog.Attr{
		slog.String("pool", l.Pool()), slog.Uint64("miner", uint64(g.miner.ID)),
		slog.String("link", l.ID().String()), slog.String("reason", string(reason)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	g.hub.log.LogAttrs(context.Background(), level, "pool connection of a miner ended", attrs...)
	switch {
	case g.candidate != nil && l == g.candidate.link:
		g.settle(g.candidate, false)
	case l != g.link:
		g.priors = slices.DeleteFunc(g.priors, func(p *prior) bool { return p.link == l })
		g.end()
	default:
		if now.Sub(g.took) < dropAfter {
			g.shy(g.pool, now)
		}
		g.hold(now)
		g.link, g.current = nil, nil
		g.since = g.hub.nextJob() // what was given before is nothing to the next link
		g.turn()
	}
}

// poolOf is the pool that a link of the miner is, or was, to. g.mu is held.
func (g *dedicated) poolOf(l *link.Link) *pool {
	if g.candidate != nil && l == g.candidate.link {
		return g.candidate.pool
	}
	for _, p := range g.priors {
		if l == p.link {
			return p.pool
		}
	}
	return g.pool
}

// turn wakes who waits for what becomes of the link.
func (g *dedicated) turn() {
	select {
	case g.turned <- struct{}{}:
	default:
	}
}
