package hub

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/upstream"
)

const (
	// maxHops is how many times within hopsWithin a pool may send a trail's
	// connections on.
	maxHops, hopsWithin = 3, 10 * time.Minute
	// maxRedirectWait bounds how long a pool may ask us to wait.
	maxRedirectWait = time.Minute
)

// trail is how often of late a pool has sent on what goes from one link to the
// next: a probe, a miner, or a group and those that come after it. It counts what
// follows a link that the pool has dropped, too: else a pool that sends each link
// on and drops it would get ever more of them.
type trail struct {
	since time.Time
	hops  int
}

// goesOn says whether there may be one more hop.
func (t *trail) goesOn(now time.Time) bool {
	if now.Sub(t.since) >= hopsWithin {
		*t = trail{since: now}
	}
	return t.hops < maxHops
}

// redirect decides on a pool's wish that one of its links go elsewhere, counts it
// and logs it.
func (h *Hub) redirect(p *pool, t *trail, l *link.Link, ev upstream.Event) (to link.Redirection, ok bool) {
	remote, _ := netip.ParseAddrPort(l.Info().Remote)
	to.Wait = min(ev.Wait, maxRedirectWait)
	var outcome dial.RedirectOutcome
	to.Endpoint, outcome = p.Redirects.Follow(p.Endpoint, l.Endpoint(), remote.Addr().Unmap(), ev.Host, ev.Port)
	if ok = outcome == dial.Followed && t.goesOn(time.Now()) && l.Redirect(); ok {
		t.hops++
	} else if outcome == dial.Followed { // or it is on its way
		outcome = dial.RefusedTooOften
	}
	h.tellRedirect(p, outcome, slog.String("link", l.ID().String()), slog.String("host", ev.Host), slog.Int("port", int(ev.Port)), slog.Duration("wait", ev.Wait))
	return to, ok
}

// tellRedirect counts and logs what becomes of a pool's wish.
func (h *Hub) tellRedirect(p *pool, outcome dial.RedirectOutcome, attrs ...slog.Attr) {
	if h.deps.Metrics.Redirects != nil {
		h.deps.Metrics.Redirects(p.Name, outcome).Inc()
	}
	level := slog.LevelDebug
	switch now := time.Now(); {
	case outcome == dial.Followed && p.redirected.Due(now):
		level = slog.LevelInfo
	case outcome != dial.Followed && p.astray.Due(now):
		level = slog.LevelWarn
	}
	attrs = append([]slog.Attr{slog.String("pool", p.Name), slog.String("outcome", string(outcome))}, attrs...)
	h.log.LogAttrs(context.Background(), level, "pool asks a connection to reconnect", attrs...)
}

// dialer dials for the links of a pool, unless that is disabled, and measures how
// long that takes, the resolver aside. That a host has private addresses only is
// known then, not before.
func (h *Hub) dialer(p *pool) link.Dial {
	return func(ctx context.Context, to dial.Endpoint) (net.Conn, error) {
		if err := p.closed(to); err != nil {
			return nil, err
		}
		began := time.Now()
		conn, err := h.deps.Dial(dial.OnNamed(ctx, func() { began = time.Now() }), to)
		if err == nil {
			p.quality.Connected(time.Since(began))
			h.tellPlain(p, &to, conn)
		}
		if failed, ok := errors.AsType[*dial.Error](err); ok && failed.Problem == dial.NotPublic {
			h.tellRedirect(p, dial.RefusedAddress, slog.String("host", to.Host), slog.Int("port", int(to.Port)))
		}
		return conn, err
	}
}

// sentOn has another group opened where the pool has sent this one's link, and
// its members sent there once it has work. g.mu is held.
func (g *group) sentOn(l *link.Link, ev upstream.Event) {
	h := g.hub
	to, ok := h.redirect(g.pool, &g.trail, l, ev)
	if !ok {
		return
	}
	goesOn := g.trail
	time.AfterFunc(to.Wait, func() {
		h.packMu.Lock()
		defer h.packMu.Unlock()
		if !g.over() {
			g.successor = h.openGroupAt(g.key, g.who, &to, goesOn)
		}
	})
}

// succeeded says that the group's members are to go to its successor, which has
// work. h.packMu is held.
func (g *group) succeeded() bool { return g.successor != nil && g.successor.serves() }

// sentOn has a candidate where the pool has sent the miner's link. g.mu is held.
func (g *dedicated) sentOn(l *link.Link, ev upstream.Event) {
	p := g.pool
	if to, ok := g.hub.redirect(p, &g.trail, l, ev); ok {
		// A pool sends all its miners at once, and they have a link meanwhile.
		turn := g.hub.sends.Reserve().Delay()
		time.AfterFunc(to.Wait+turn, func() { g.offerAt(p, l, &to) })
	}
}

// sent is a link's configuration where the pool has sent it; a nil to changes
// nothing. Whether anybody is there says nothing of the pool: there is no breaker.
func (p *pool) sent(cfg link.Config, to *link.Redirection) (link.Config, *link.Breaker) {
	if to == nil {
		return cfg, p.breaker
	}
	cfg.Endpoint, cfg.Sent = to.Endpoint, true
	return cfg, nil
}
