package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

const (
	// candidateWait bounds the time that a candidate may take while another link
	// serves, candidateHurry while none does.
	candidateWait, candidateHurry = 30 * time.Second, 5 * time.Second
	// priorFor is how long a link stays whose miner another one serves: as long
	// as late shares of its work may come.
	priorFor = 2 * time.Minute
	// regainEvery is the least pause between two rounds over a route's pools.
	regainEvery = time.Second
	// returnEvery is how long a miner keeps away from a pool that did not take it,
	// unless there is no other. It doubles each time, up to returnSeldom.
	returnEvery, returnSeldom = 30 * time.Second, 30 * time.Minute
	// dropAfter is the least time that a pool which has taken a miner serves it.
	dropAfter = 10 * time.Second
	// reloginTag is the tag of a candidate's first login; tickets are below.
	reloginTag = 1 << 62
)

// candidate is a link on its way to serve a dedicated miner that another one
// serves, or served: it takes over once it is logged in and has a job. All of
// it is guarded by the seat's mutex.
type candidate struct {
	link *link.Link
	pool *pool
	// route is by whose names it logs in: once the miner is on another one it is
	// of no use.
	route      *route
	subscribed bool
	en1        work.Extranonce
	en2Size    int
	masked     bool
	mask       work.VersionMask
	// names are the members' at the pool, as far as it has said yes.
	names map[*member]string
	// logins are the members by tag.
	logins map[uint64]*member
	job    *mining.Job
	// late ends the link when it has taken too long. settled is closed when the
	// candidate has taken over or failed.
	late    *time.Timer
	settled chan struct{}
	took    bool
	// sent: the pool has sent the miner there from another link of its own.
	sent bool
}

// vain is until when a miner keeps away from a pool that did not take it, and
// for how long that is.
type vain struct {
	until time.Time
	pause time.Duration
}

// prior is a link that served a dedicated miner before it was sent to another
// pool, for the shares that are still on their way.
type prior struct {
	link  *link.Link
	pool  *pool
	names map[*member]string
	until time.Time
	// since is its first work, and before is later than its last.
	since, before mining.JobID
}

// priorOf is the link before that gave a work, or nil. g.mu is held.
func (g *dedicated) priorOf(id mining.JobID) *prior {
	for _, p := range g.priors {
		if id.Before(p.before) && !id.Before(p.since) {
			return p
		}
	}
	return nil
}

// nameOf is what the link's pool knows a member by: one that came later has
// found its share for the first one.
func (p *prior) nameOf(m, first *member) string {
	if name, ok := p.names[m]; ok {
		return name
	}
	return p.names[first]
}

// movable says that the miner can be served by another link without being told
// another extranonce. g.mu is held.
func (g *dedicated) movable() bool {
	return !g.left && !g.retired && g.first != nil && g.planned && !g.layout.PassThrough
}

// regain tries the route's pools until one has taken over, for as long as the
// route's grace is, or for as long as it takes where the miner is held: then less
// and less often, if it is not taken. A candidate at a better pool that is on its
// way has to hurry.
func (g *dedicated) regain() bool {
	h := g.hub
	g.mu.Lock()
	c := g.candidate
	if c != nil {
		c.late.Reset(candidateHurry)
	}
	g.mu.Unlock()
	if c != nil && c.wins() {
		return true
	}
	g.mu.Lock()
	deadline := time.Now().Add(g.route.conf().OutageGrace)
	g.mu.Unlock()
	next, pause := time.Time{}, regainEvery
	for h.ctx.Err() == nil {
		began := time.Now()
		if !g.waits(began.Before(deadline)) {
			return false
		}
		if pools := g.usable(began); len(pools) > 0 && !began.Before(next) {
			if g.won(len(pools)) {
				return true
			}
			if began.After(deadline) {
				pause = min(2*pause, backoffMax)
				next = time.Now().Add(pause)
			}
		}
		rest(h.ctx, regainEvery-time.Since(began))
	}
	return false
}

// waits says that the miner is to have another link, within its grace or past it:
// who is held stays so only while its route wants that.
func (g *dedicated) waits(grace bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.movable() && (grace || g.held != nil && g.route.conf().Hold)
}

// won says whether a candidate has taken over the miner, which has no link, at one of
// so many pools. To which it goes is asked when it is its turn: those before it have
// been counted by then, of whom the parts of a split may have had enough.
func (g *dedicated) won(pools int) bool {
	var tried []*pool
	for range pools {
		if g.hub.dials.Wait(g.hub.ctx) != nil {
			return false // the hub ends
		}
		p, c := g.place(tried)
		if p == nil {
			return false
		}
		if c != nil && c.wins() {
			return true
		}
		tried = append(tried, p)
	}
	return false
}

// place has a candidate at the best pool that was not tried, and counts it there before
// the next miner asks: nil is no pool, or no candidate there.
func (g *dedicated) place(tried []*pool) (*pool, *candidate) {
	g.hub.placeMu.Lock()
	defer g.hub.placeMu.Unlock()
	for _, p := range g.usable(time.Now()) {
		if !slices.Contains(tried, p) {
			return p, g.offer(p, nil)
		}
	}
	return nil, nil
}

// usable are the route's pools that the miner could go to, best first. One
// that is of no use, or has not taken the miner of late, is better than none.
func (g *dedicated) usable(now time.Time) (pools []*pool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.route
	of, hold := r.backup(g.parted(now), g.pool, now), r.conf().ReturnAfter
	legs := g.legs(of, now)
	for i := steer.Choose(legs, -1, now, hold); i >= 0; i = steer.Choose(legs, -1, now, hold) {
		pools = append(pools, of[i])
		legs[i].Usable = false
	}
	return pools
}

// legs is what is known of some of the route's pools for the miner. g.mu is held.
func (g *dedicated) legs(of []*pool, now time.Time) []steer.Pool {
	legs := make([]steer.Pool, 0, len(of))
	for _, p := range of {
		avoid := p.avoid(now)
		if g.shies(p, now) {
			avoid = max(avoid, steer.OfNoUse)
		}
		legs = append(legs, steer.Pool{
			Usable: g.hub.poolUp(p, now) && p.fits(g.layout),
			Since:  p.healthySince(), Pinned: p == g.route.pin.Load(), Avoid: avoid,
		})
	}
	return legs
}

// better is the pool that the miner should be at in place of its own, or nil. It
// is its own where the link there is another route's. g.mu is held.
func (g *dedicated) better(now time.Time) *pool {
	of := g.route.choices(g.pool)
	if !slices.Contains(g.route.conf().pools, g.pool) {
		of = g.route.backup(g.parted(now), nil, now)
	}
	legs, at := g.legs(of, now), -1
	if !g.adrift {
		at = slices.Index(of, g.pool)
	}
	if at >= 0 {
		legs[at].Usable, legs[at].Avoid = true, g.pool.avoid(now) // its link is there
	}
	to := steer.Choose(legs, at, now, g.route.conf().ReturnAfter)
	if to < 0 || to == at || g.shies(of[to], now) {
		return nil
	}
	return of[to]
}

// stranded says that the miner's pool is not configured any more, that it cannot be
// sent to another one, and that there is one. g.mu is held.
func (g *dedicated) stranded(now time.Time) bool {
	return g.pool.leaving.Load() && g.first != nil && !g.left && !g.retired &&
		slices.ContainsFunc(g.route.conf().pools, func(p *pool) bool { return g.hub.poolServes(p, now) })
}

// seek sends the miner to a better pool, if there is one by now. That is not
// urgent, and takes nothing from those that have no link.
func (g *dedicated) seek(now time.Time) {
	var to *pool
	g.mu.Lock()
	from := g.link
	switch {
	case from == nil || g.candidate != nil:
	case g.movable():
		to = g.better(now)
	case g.stranded(now):
		g.peer.Close(mining.RouteChanged)
	}
	g.mu.Unlock()
	if to != nil && g.hub.returns.AllowN(now, 1) {
		g.offer(to, from)
	}
}

// offer has a candidate at a pool, which is to take the miner over from a link;
// nil is from none. There is no candidate where the miner has another one or
// another link by now, or cannot be moved, or where the pool takes no connection.
func (g *dedicated) offer(p *pool, from *link.Link) *candidate { return g.offerAt(p, from, nil) }

// offerAt is offer where the pool has sent the miner; nil is where it is
// configured.
func (g *dedicated) offerAt(p *pool, from *link.Link, to *link.Redirection) *candidate {
	l := g.newLink(p, to)
	g.mu.Lock()
	if !g.movable() || g.candidate != nil || g.link != from || to == nil && !p.breaker.Allow() {
		g.mu.Unlock()
		return nil
	}
	c := &candidate{
		link: l, pool: p, route: g.route, sent: to != nil, masked: g.hub.cfg.VersionMask == 0,
		names: make(map[*member]string), logins: make(map[uint64]*member), settled: make(chan struct{}),
	}
	g.candidate = c
	patience := candidateWait
	if from == nil {
		patience = candidateHurry
		g.route.split.Load().expect(p)
	}
	c.late = time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.candidate == c {
			l.Close(mining.PoolHandshakeTimeout)
		}
	})
	for _, m := range g.members {
		g.login(c, m)
	}
	g.mu.Unlock()
	g.live(l, p)
	return c
}

// settle ends the candidate's time: it has taken over, or not. g.mu is held.
func (g *dedicated) settle(c *candidate, took bool) {
	if !took && !c.sent && c.route == g.route {
		g.shy(c.pool, time.Now())
	}
	g.candidate, c.took = nil, took
	c.late.Stop()
	close(c.settled)
}

// shy keeps the miner away from a pool that did not take it. g.mu is held.
func (g *dedicated) shy(p *pool, now time.Time) {
	if g.shies(p, now) {
		return
	}
	was := g.vain[p]
	if now.Sub(was.until) > returnSeldom {
		was.pause = 0 // that is long ago
	}
	pause := min(max(2*was.pause, returnEvery), returnSeldom)
	g.vain[p] = vain{until: now.Add(pause), pause: pause}
}

// shies says that the miner keeps away from a pool. g.mu is held.
func (g *dedicated) shies(p *pool, now time.Time) bool { return now.Before(g.vain[p].until) }

// tickLinks looks after the links that do not serve the miner. g.mu is held.
func (g *dedicated) tickLinks(now time.Time) {
	for _, p := range g.priors {
		if now.After(p.until) {
			p.link.Close(mining.MinerGone)
		}
	}
	if c := g.candidate; c != nil && !g.hub.poolUp(c.pool, now) {
		c.link.Close(mining.PoolHandshakeTimeout)
	}
}

// wins waits until the candidate has taken over or failed, and says which.
func (c *candidate) wins() bool {
	<-c.settled
	return c.took
}

// login names a member to the candidate's pool. g.mu is held.
func (g *dedicated) login(c *candidate, m *member) {
	tag := reloginTag + uint64(len(c.logins))
	c.logins[tag] = m
	c.link.Authorize(g.nameAt(c.pool, m.worker), c.pool.password(g.route).Reveal(), tag)
}

// onCandidate takes what the candidate's pool said. g.mu is held.
func (g *dedicated) onCandidate(ev upstream.Event) {
	c := g.candidate
	switch ev.Kind { //nolint:exhaustive // the others do not matter yet
	case upstream.Subscribed, upstream.Extranonce:
		c.subscribed, c.en1, c.en2Size = true, ev.Extranonce1, ev.Extranonce2Size
		if _, fits := extranonce.Fits(g.layout, c.en2Size); !fits {
			c.pool.noRoomAt(c.link, c.en2Size)
			c.link.Close(mining.BadExtranonce)
			return
		}
	case upstream.Mask:
		c.masked, c.mask = true, ev.VersionMask
	case upstream.Job:
		c.job = ev.Job
	case upstream.Authorized:
		g.onRelogin(c, ev)
	}
	if _, in := c.names[g.first]; in && c.subscribed && c.masked && c.job != nil && c.route == g.route && g.movable() {
		g.takeOver(c)
	}
}

// onRelogin takes the answer to a member's login at the candidate's pool. Only
// the first one's has to be granted: a pool may know one worker a connection.
func (g *dedicated) onRelogin(c *candidate, ev upstream.Event) {
	m, ok := c.logins[ev.Tag]
	switch {
	case !ok:
	case ev.Verdict == mining.Accepted:
		c.names[m] = g.nameAt(c.pool, m.worker)
	case m == g.first && ev.Verdict == mining.Unanswered:
		c.link.Close(mining.PoolHandshakeTimeout)
	case m == g.first:
		g.hub.log.LogAttrs(context.Background(), warnOr(&c.pool.refused, time.Now()), "pool refused a worker",
			slog.String("pool", c.pool.Name), slog.String("worker", m.worker.Login), slog.Int("code", ev.Code), slog.String("text", ev.Text))
		c.link.Close(mining.PoolAuthorizeRefused)
	}
}
