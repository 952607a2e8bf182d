package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
)

const (
	// linger is how long a refused HTTP client may take to read the answer.
	linger = time.Second
	// lingerBytes is how much of its request is read meanwhile.
	lingerBytes = 64 << 10
)

// visit is a connection before it is handed on or refused.
type visit struct {
	conn net.Conn
	// have is what was read and not used.
	have    []byte
	arrival mining.Arrival
	// err is what it ended with, if that says more than the reason.
	err error
}

// handle learns what a connection speaks and hands it on or refuses it.
func (l *Listener) handle(ctx context.Context, conn net.Conn) {
	v := &visit{conn: conn, arrival: mining.Arrival{Listener: l.address, Remote: remoteOf(conn)}}
	reason := l.receive(ctx, v)
	if reason == "" {
		l.deps.Serve(ctx, v.conn, v.have, v.arrival, func() { l.gone(conn) })
		return
	}
	defer l.gone(conn)
	l.refused(ctx, v, reason)
	if answer := httpAnswer(reason); answer != "" {
		answerHTTP(ctx, v.conn, answer)
	}
}

// receive reads until Stratum begins, within one deadline. reason is why the
// connection is refused; empty hands it on, without a deadline.
func (l *Listener) receive(ctx context.Context, v *visit) (reason mining.Reason) {
	cfg := l.cfg.Load()
	_ = v.conn.SetDeadline(time.Now().Add(cfg.HandshakeTimeout))
	stop := interruptible(ctx, v.conn)
	reason = l.peel(ctx, cfg, v)
	if stop(); reason == "" {
		_ = v.conn.SetDeadline(time.Time{})
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
		case p == connectRequest && v.arrival.Connect == "" && l.deps.Tunnel != nil:
			reason = v.tunnel(ctx, l.deps.Tunnel)
		case p == tlsHello && cfg.TLS != nil && !v.arrival.TLS:
			reason = v.secure(ctx, l.deps.Turns, cfg)
		default:
			reason = p.reason()
		}
	}
	return reason
}

// first reads until the protocol is known.
func (v *visit) first(ctx context.Context) (protocol, mining.Reason) {
	for {
		p := sniff(v.have)
		if p != undecided {
			return p, ""
		}
		if err := v.read(longestMethod - len(v.have)); err != nil {
			return p, v.failed(ctx, err)
		}
	}
}

// read adds at most n bytes to what there is. There is no error where something
// came.
func (v *visit) read(n int) error {
	chunk := make([]byte, n)
	n, err := v.conn.Read(chunk)
	v.have = append(v.have, chunk[:n]...)
	if n > 0 {
		return nil
	}
	return err //nolint:wrapcheck // for failed only
}

// failed is why a connection ended on which nothing was handed on.
func (v *visit) failed(ctx context.Context, err error) mining.Reason {
	switch op := (*net.OpError)(nil); {
	case ctx.Err() != nil:
		return mining.Shutdown
	case errors.Is(err, os.ErrDeadlineExceeded):
		return mining.HandshakeTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return mining.PeerClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return mining.PeerReset
	case errors.As(err, &op) && op.Op == tlsAlert:
		v.err = err
		return mining.TLSHandshakeFailed
	default:
		v.err = err
		return mining.ReadFailed
	}
}

// remoteOf reads a connection's address; one without an address of its own
// (in-memory ones) has the zero AddrPort.
func remoteOf(conn net.Conn) netip.AddrPort {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		a := tcp.AddrPort()
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	a, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.AddrPort{}
	}
	return a
}

// interruptible lets the end of ctx break off what is done with conn until stop
// is called.
func interruptible(ctx context.Context, conn net.Conn) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !cancel() {
			<-done
		}
	}
}
