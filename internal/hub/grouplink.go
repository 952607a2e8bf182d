package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// loginTag is the tag of a link's own login; names of workers have tags above.
const loginTag = 1 << 62

const (
	// backoffMin and backoffMax are the first and the longest pause between two
	// links, each drawn from nothing to twice its mean.
	backoffMin, backoffMax = 500 * time.Millisecond, 30 * time.Second
	// healthyAfter is how long a link must have lived for the next pause to
	// be the first one again.
	healthyAfter = time.Minute
)

// run lives one link after another until the group is closed or ctx ends. A
// link is dialled while the pool's probe says that it serves.
func (g *group) run(ctx context.Context) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	link.Persist(running, backoffMin, backoffMax, func() bool {
		began, dialled := g.wait(running)
		if g.over() {
			stop()
		}
		return dialled && time.Since(began) > healthyAfter
	})
	g.hub.dropGroup(g)
}

// wait lives one link as soon as there may be one, and says since when; it is
// false where the group or ctx has ended before.
func (g *group) wait(ctx context.Context) (began time.Time, dialled bool) {
	p := g.pool
	for ctx.Err() == nil && !g.over() {
		changed, atMost := g.hub.whenChanged(), (<-chan time.Time)(nil)
		if p.probe.Ready() && p.fits(g.layout()) {
			// There may be a thousand of them. While the breaker lets one try, they
			// must not take the turns of others.
			if g.key.account != "" && p.breaker.State() == link.Closed && g.hub.dials.Wait(ctx) != nil {
				break
			}
			if began = time.Now(); g.live(ctx) {
				return began, true
			}
			atMost = time.After(p.breaker.Wait())
		}
		select {
		case <-changed:
		case <-atMost:
		case <-ctx.Done():
		}
	}
	return began, false
}

// live lives one link. It is false where the group is closed or the pool's
// breaker does not let it.
func (g *group) live(ctx context.Context) bool {
	p := g.pool
	cfg := g.hub.linkConfig(p)
	expected := 0.0
	if size, _ := g.size(); size == 0 { // it looks at every other group
		expected = g.heir()
	}
	g.mu.Lock()
	if len(g.members) == 0 {
		g.expected = expected
	}
	cfg, breaker := p.sent(cfg, g.first)
	if g.closed || !breaker.Allow() {
		g.mu.Unlock()
		return false
	}
	g.first = nil
	if p.SuggestAuto {
		cfg.SuggestDifficulty = g.asked.atStart(g.load())
	}
	l := link.New(cfg, link.Deps{
		Dial: g.hub.dialer(p), Events: g, Logger: g.hub.log,
		Metrics: g.hub.linkMetrics(p), Quota: &p.quota, Breaker: breaker, Wire: g.hub.deps.Wire,
		Watch: g.hub.watcher(p, watch.Shared),
	})
	g.link, g.login = l, p.loginOf(g.route, g.who)
	g.authorized, g.early = false, nil
	g.masked, g.mask = cfg.VersionMask == 0, 0
	g.climb = climb{difficulty: 1, changed: time.Now()}
	g.aliases = newAliases()
	login := g.login
	g.mu.Unlock()
	l.Authorize(login, p.password(g.route).Reveal(), loginTag)
	p.links.Add(1)
	l.Run(ctx)
	p.links.Add(-1)
	return true
}

// LinkEvent takes what the link's pool said; see [link.Events].
func (g *group) LinkEvent(l *link.Link, ev upstream.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l != g.link {
		return
	}
	switch ev.Kind {
	case upstream.Job:
		g.onJob(ev.Job)
	case upstream.Authorized:
		g.onAuthorized(l, ev)
	case upstream.Verdict:
		g.onVerdict(ev)
	case upstream.Mask:
		g.masked, g.mask = true, ev.VersionMask
		g.giveEarly()
	case upstream.Difficulty:
		g.onDifficulty(ev.Difficulty)
	case upstream.Reconnect:
		g.sentOn(l, ev)
	case upstream.AnsweredTwice:
		g.answeredTwice(ev)
	case upstream.Subscribed, upstream.Extranonce, upstream.Message, upstream.BadLine:
		// What matters of the first two rides in the next job; the link logs
		// and counts the others.
	}
}

// LinkRead implements [link.Events]: no miner waits for what a pool says of its shares.
func (g *group) LinkRead(*link.Link) {}

// LinkEnded is the last word of a link; see [link.Events]. Its work is worth
// nothing any more, but the members stay: the next link's first job is theirs.
func (g *group) LinkEnded(l *link.Link, reason mining.Reason, err error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.pool
	level := slog.LevelDebug
	if reason != mining.NoMiners && reason != mining.Shutdown && reason != mining.PoolDisabled {
		level = warnOr(&p.ended, now)
	}
	p.quality.Ended(reason, now)
	attrs := []slog.Attr{
		slog.String("pool", l.Pool()), slog.String("route", g.route.Name), slog.Int("miners", len(g.members)),
		slog.String("link", l.ID().String()), slog.String("reason", string(reason)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	g.hub.log.LogAttrs(context.Background(), level, "shared pool connection ended", attrs...)
	if (reason == mining.PeerClosed || reason == mining.PeerReset) && g.aliases.suspicious(now) {
		p.suspected.Store(now.UnixNano())
	}
	g.aliases = newAliases()
	g.link, g.early = nil, nil
	if g.current != nil {
		g.last, g.current, g.workless = g.current, nil, now
		g.working.Store(false)
		p.worked(false)
	}
	if g.broken.IsZero() {
		g.broken = now
		time.AfterFunc(redialWait, g.hub.poolChanged) // by then it is back, or its miners go elsewhere
	}
	g.hub.poolChanged()
	g.works.Retire()
	g.since = g.hub.nextJob() // what was given before is nothing to the next link, even before its first job
	for _, share := range g.forwarded {
		if !share.late { // it was never on the way
			g.due.Add(-1)
		}
	}
	clear(g.forwarded)
}

// onAuthorized takes the pool's answer to the link's login or to a worker's
// name.
func (g *group) onAuthorized(l *link.Link, ev upstream.Event) {
	if ev.Tag != loginTag {
		g.onAlias(ev)
		return
	}
	switch ev.Verdict {
	case mining.Accepted:
		g.authorized = true
		g.giveEarly()
	case mining.Unanswered:
		l.Close(mining.PoolHandshakeTimeout)
	default:
		p := g.pool
		g.hub.log.LogAttrs(context.Background(), warnOr(&p.refused, time.Now()), "pool refused a shared connection's login",
			slog.String("pool", p.Name), slog.String("route", g.route.Name), slog.String("login", g.login),
			slog.Int("code", ev.Code), slog.String("text", ev.Text))
		l.Close(mining.PoolAuthorizeRefused)
	}
}

// onDifficulty hears of the pool's difficulty. It counts from the next job on,
// but for one that is lower: whoever is above it then does work that the pool
// does not pay.
func (g *group) onDifficulty(d work.Difficulty) {
	now := time.Now()
	g.climb.told(d, now)
	g.setTerms(now)
	if g.current != nil && d < g.current.Job.Difficulty && g.lowered.IsZero() {
		g.lowered = now
	}
}
