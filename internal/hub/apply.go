package hub

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/watch"
)

// ErrEnded is why nothing can be applied any more.
var ErrEnded = errors.New("the hub is ending")

// Apply puts other pools and routes in the place of those there are. Miners stay
// connected: those whose pool is not configured any more, or otherwise, go on
// there until another one of their route has work for them, and then go to that;
// those whom another route takes go to it. Only who is taken by none, or cannot be
// told the extranonce that it would need, is closed. On an error nothing is
// changed. What else cfg has counts at the start only.
func (h *Hub) Apply(cfg Config) error {
	cfg = cfg.withDefaults()
	now := time.Now()
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	if h.ctx.Err() != nil {
		return ErrEnded
	}
	n, err := draft(&cfg, h.roster())
	if err != nil {
		return err
	}
	h.take(n, now)
	h.termsMu.Lock()
	clear(h.rulings)
	h.termsMu.Unlock()
	if h.running { // else Run starts them all
		for _, p := range n.added {
			h.startProbe(p)
		}
	}
	for _, s := range h.all() {
		s.rematch(&n.roster, now)
	}
	h.counted.Store(nil) // it is of the pools and routes there were
	h.poolChanged()
	return nil
}

// take puts a roster in place. h.applyMu is held, or nobody knows h yet.
func (h *Hub) take(n *next, now time.Time) {
	for _, p := range n.added {
		p.book, p.jobs = h.deps.Ledger.Pool(p.Name, now), h.deps.Metrics.jobs(p.Name)
		h.makeProbe(p, n.routeOf(p))
	}
	for i, p := range n.pools {
		if p.leaving.Swap(false) { // what was said meanwhile was said of the one in its place
			p.inherit(h.roster().byName[p.Name])
		}
		p.revise(&n.configs[i], now)
		p.watch.Configure(n.watch, n.configs[i].Watch)
		p.varies.Store(slices.ContainsFunc(n.confs, func(c *routeConf) bool { return slices.Contains(c.varies, p) }))
	}
	for _, p := range n.leaving {
		p.leaving.Store(true)
	}
	n.disableLeaving()
	for i, r := range n.routes {
		if r.book == nil {
			r.book = h.deps.Ledger.Route(r.Name, now)
		}
		r.all.Store(n.confs[i])
		r.pin.Store(n.pins[i])
		if s := n.splits[i]; r.split.Swap(s) != s && s != nil {
			s.aim(steer.Targets(s.usable(h, make([]bool, len(s.parts)), now), 0))
		}
	}
	h.listed.Store(&n.roster)
}

// routeOf is the first route of a pool, or nil.
func (n *next) routeOf(p *pool) *route {
	for i, r := range n.routes {
		if slices.Contains(n.confs[i].pools, p) {
			return r
		}
	}
	return nil
}

// makeProbe gives a pool the connection that is kept all the time: it tells
// whether the pool can serve and what its extranonce is like. It logs in as a route
// of the pool's does; nil is none.
func (h *Hub) makeProbe(p *pool, r *route) {
	username, password := p.Account, p.Password
	if r != nil {
		username, password = p.loginOf(r, nil), p.password(r)
	}
	var t trail // of the goroutine that the probe runs in
	p.breaker, p.events = link.NewBreaker(h.poolChanged), h.deps.Events
	p.probe = link.NewKeeper(link.KeeperConfig{
		Link:     h.linkConfig(p),
		Username: username,
		Password: password,
	}, link.KeeperDeps{
		Dial: h.dialer(p), Logger: h.log,
		Metrics: h.linkMetrics(p), Quota: &p.quota, Breaker: p.breaker, Wire: h.deps.Wire,
		Redirect: func(l *link.Link, ev upstream.Event) (link.Redirection, bool) { return h.redirect(p, &t, l, ev) },
		OnChange: func(s link.Status) {
			now := time.Now()
			p.probed(s.State, now)
			if s.State == link.Down {
				p.quality.Ended(s.Reason, now)
			}
			h.poolChanged()
		},
		OnJob: func(before, job *mining.Job) {
			h.compare(p, before, job)
			h.tellJob(p, before, job)
		},
		Watch: func() link.Watcher { return h.watcher(p, watch.Probe) },
	})
}

// startProbe runs a pool's probe until it is ended, or all are. h.applyMu is held.
func (h *Hub) startProbe(p *pool) {
	ctx, cancel := context.WithCancel(h.probes)
	p.endProbe = cancel
	h.probing.Go(func() { _ = p.probe.Run(ctx) }) // it ends with its context only
}

// letGo ends the probes of pools that are not configured any more and have no link
// besides.
func (h *Hub) letGo() {
	if len(h.roster().leaving) == 0 {
		return
	}
	h.applyMu.Lock()
	defer h.applyMu.Unlock()
	used := make(map[*pool]bool)
	for _, g := range h.allGroups() {
		used[g.pool] = true
	}
	ro := *h.roster()
	ro.leaving = slices.DeleteFunc(slices.Clone(ro.leaving), func(p *pool) bool {
		if used[p] || p.links.Load() > 0 {
			return false
		}
		if p.endProbe != nil { // else it left before Run
			p.endProbe()
		}
		h.log.LogAttrs(context.Background(), slog.LevelInfo, "pool that is not configured any more is let go", slog.String("pool", p.Name))
		h.tellRemoved(p)
		return true
	})
	h.listed.Store(&ro)
}
