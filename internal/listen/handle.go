package listen

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/mining"
)

const (
	// linger is how long a refused HTTP client may take to read the answer.
	linger = time.Second
	// lingerBytes is how much of its request is read meanwhile.
	lingerBytes = 64 << 10
)

// handle learns what a connection speaks and hands it on or refuses it, or has it wait
// for the turn of the address that it is for.
func (l *Listener) handle(ctx context.Context, v *visit) {
	v.takeTurn()
	ours := true
	defer func() {
		if ours {
			v.turn.Give()
		}
	}()
	cfg := l.cfg.Load()
	remote := v.arrival.Remote
	reason := l.receive(ctx, cfg, v)
	if reason == "" && v.arrival.Remote != remote {
		v.turn.Give() // who waits at the gate has none
		if reason = l.requeue(ctx, v); reason == "" {
			ours = false // it is another goroutine's
			return
		}
	}
	if reason == "" {
		reason = v.ends()
	}
	if reason == "" {
		v.turn.Give() // who it is handed to takes its own
		ours = false
		l.handOn(ctx, cfg, v)
		return
	}
	defer l.gone(v)
	l.refused(ctx, v, reason)
	if answer := httpAnswer(reason); answer != "" {
		v.turn.Give()
		v.answerHTTP(ctx, answer)
	}
}

// requeue has a connection wait for its turn under the address that a proxy has named.
func (l *Listener) requeue(ctx context.Context, v *visit) mining.Reason {
	g := v.guest.Load()
	if reason := g.Known(v.arrival.Remote.Addr(), time.Now()); reason != "" {
		return reason
	}
	if ctx.Err() != nil && l.gate.door.Withdraw(g) {
		return mining.Shutdown // those who wait were sent away before
	}
	l.gate.pass()
	return ""
}

// handOn gives a connection that speaks Stratum to whom it is for.
func (l *Listener) handOn(ctx context.Context, cfg *Config, v *visit) {
	g := v.guest.Load()
	if cfg.TLS != nil && !v.arrival.TLS {
		g.Relieve(cfg.TLSCost)
	}
	if !l.gate.private {
		v.arrival.Guest = g
	}
	o := v.opening
	v.opening = nil
	l.deps.Serve(ctx, o.conn, o.have, o.arrival, func() { l.gone(v) })
}

// receive reads until Stratum begins, or to the end of a proxy's header, within one
// deadline. reason is why the connection is refused; empty hands it on, without a
// deadline.
func (l *Listener) receive(ctx context.Context, cfg *Config, v *visit) (reason mining.Reason) {
	now := time.Now()
	v.until = now.Add(cfg.HandshakeTimeout)
	v.hasty = !v.heard && cfg.FirstByteTimeout < cfg.HandshakeTimeout
	if v.hasty {
		v.patience(now.Add(cfg.FirstByteTimeout))
	} else {
		v.patience(v.until)
	}
	stop := v.heed(ctx)
	reason = l.peel(ctx, cfg, v)
	if stop(); reason == "" {
		v.patience(time.Time{})
	}
	return reason
}

// peel takes off what stands around Stratum, layer by layer.
func (l *Listener) peel(ctx context.Context, cfg *Config, v *visit) (reason mining.Reason) {
	for reason == "" {
		var p protocol
		if p, reason = v.first(ctx); reason != "" {
			break
		}
		switch {
		case p == stratum && cfg.TLSRequired && !v.arrival.TLS:
			reason = mining.TLSRequired
		case p == stratum:
			return ""
		case p == proxyHeader && v.announces():
			remote := v.arrival.Remote
			if reason = v.announced(ctx); reason != "" || v.arrival.Remote != remote {
				return reason
			}
		case p == proxyHeader && v.behind:
			reason = mining.ProxyHeaderMalformed // a second one, or within something
		case p == connectRequest && v.arrival.Connect == "" && l.deps.Tunnel != nil:
			reason = v.tunnel(ctx, l.deps.Tunnel)
		case p == tlsHello && cfg.TLS != nil && !v.arrival.TLS:
			reason = v.secure(ctx, l.deps.Handshakes, cfg)
		default:
			reason = p.reason()
		}
	}
	return reason
}
