package hub

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/watch"
)

// booksEvery is how often the books are looked at for what is watched of pools.
const booksEvery = 10 * time.Second

// ErrNoPayout is why there is nothing to accept.
var ErrNoPayout = errors.New("the pool has given no job whose payout could be remembered")

// watcher tells what is said on one link to who watches its pool.
type watcher struct {
	hub    *Hub
	pool   *pool
	stream *watch.Stream
}

func (h *Hub) watcher(p *pool, role watch.Role) watcher {
	return watcher{h, p, p.watch.Stream(role, role == watch.Probe || !p.varies.Load())}
}

// Said implements [link.Watcher].
func (w watcher) Said(ev upstream.Event) {
	switch ev.Kind { //nolint:exhaustive // the others say nothing of the pool
	case upstream.Job:
		before := w.pool.watch.Leave()
		w.stream.Job(ev.Job, time.Now())
		if !before && w.pool.watch.Leave() {
			w.hub.poolChanged() // its miners are not to wait for the clock
		}
	case upstream.Extranonce:
		w.stream.Extranonce(time.Now())
	case upstream.Verdict:
		if !ev.Local && ev.Verdict != mining.Unanswered {
			w.stream.Answered()
		}
	}
}

// Unasked implements [link.Watcher].
func (w watcher) Unasked() { w.stream.Unasked(time.Now()) }

// tickWatch looks what pools do, and tells what has begun and ended.
func (h *Hub) tickWatch(now time.Time) {
	pools := h.roster().pools
	all := make([]*watch.Pool, 0, len(pools))
	for _, p := range pools {
		p.watch.Connected(p.probe.State() == link.Active)
		all = append(all, p.watch)
	}
	h.tips.Judge(all, now)
	for _, p := range pools {
		p.quality.Astray(p.watch.Astray(now))
	}
	books := h.watchedBooks(now)
	for _, p := range pools {
		if p.disabled.Load() && p.links.Load() == 0 { // its probe rests, too
			for _, c := range p.watch.Rest(now) {
				h.tellSignal(p, &c)
			}
			continue
		}
		left := p.watch.Leave()
		b := books[p.Name]
		b.Answered, b.RefusedValid = p.asked.Count(now), p.disagreed.Count(now)
		for _, c := range p.watch.Tick(&b, now) {
			h.tellSignal(p, &c)
		}
		if stays := !p.watch.Leave(); left && stays {
			p.since.Store(now.UnixNano()) // it is to be well for a while before miners return
			h.poolChanged()
		}
	}
}

// watchedBooks are those of all pools by name, none where it is not time to look.
func (h *Hub) watchedBooks(now time.Time) map[string]watch.Books {
	if now.Sub(h.booked) < booksEvery {
		return nil
	}
	h.booked = now
	books := make(map[string]watch.Books)
	for _, a := range h.deps.Ledger.Pools(now) {
		t := &a.Tally
		books[a.Name] = watch.Books{Known: true, Sent: t.Sent.Shares, SentWork: t.Sent.Work, AcceptedWork: t.PoolWorkAccepted()}
	}
	return books
}

// tellSignal logs that a signal has begun or ended.
func (h *Hub) tellSignal(p *pool, c *watch.Change) {
	d := watch.Describe(c.Kind)
	attrs := []slog.Attr{
		slog.String("pool", p.Name), slog.String("signal", string(c.Kind)), slog.Float64("value", c.Value), slog.Float64("threshold", c.Threshold),
	}
	if !c.Begun {
		h.log.LogAttrs(context.Background(), slog.LevelInfo, "pool signal ended", append(attrs, slog.Duration("lasted", c.Lasted))...)
		return
	}
	level := slog.LevelWarn
	if d.Severity == watch.Critical {
		level = slog.LevelError
	}
	attrs = append(attrs, slog.String("detail", c.Detail), slog.String("means", d.Means), slog.String("do", d.Do), slog.Bool("miners_leave", p.watch.Leave()))
	h.log.LogAttrs(context.Background(), level, "pool signal", attrs...)
}

// AcceptPayout takes what a pool pays, and how it signs, as right from now on. The
// error is [ErrNoPool] or [ErrNoPayout].
func (h *Hub) AcceptPayout(name string) error {
	p := h.roster().byName[name]
	if p == nil {
		return ErrNoPool
	}
	now := time.Now()
	left := p.watch.Leave()
	if !p.watch.Accept(now) {
		return ErrNoPayout
	}
	h.log.Info("payout of pool is accepted by the operator", "pool", name)
	if left && !p.watch.Leave() {
		p.since.Store(now.UnixNano())
	}
	h.poolChanged()
	return nil
}

// tellPlain says once of a pool that it is spoken to in the clear over the internet.
func (h *Hub) tellPlain(p *pool, to *dial.Endpoint, conn net.Conn) {
	if to.TLS || p.plain.Load() || !overInternet(to, conn.RemoteAddr()) || p.plain.Swap(true) {
		return
	}
	h.log.LogAttrs(context.Background(), slog.LevelWarn, "pool is spoken to without encryption over the internet: "+
		"whoever is in between can read the login, and take the hashrate by giving other jobs; write stratum+ssl:// in its url, if the pool has that",
		slog.String("pool", p.Name), slog.String("address", to.Address()))
}

// overInternet says whether a connection goes to a public address, as far as is known
// behind a proxy.
func overInternet(to *dial.Endpoint, remote net.Addr) bool {
	if to.Proxy == nil {
		if remote == nil {
			return false
		}
		at, err := netip.ParseAddrPort(remote.String())
		return err == nil && dial.Public(at.Addr().Unmap())
	}
	host := strings.ToLower(strings.TrimSuffix(to.Host, "."))
	if at, err := netip.ParseAddr(host); err == nil {
		return dial.Public(at.Unmap())
	}
	for _, inside := range []string{".onion", ".local", ".internal", ".lan", ".home.arpa"} { // the first is encrypted by itself
		if strings.HasSuffix(host, inside) {
			return false
		}
	}
	return host != "localhost" && strings.Contains(host, ".")
}
