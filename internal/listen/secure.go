package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
)

const (
	// tlsAlert is the operation of the error by which package tls tells what the
	// other side objects to.
	tlsAlert = "remote error"
	// oldest stands for all versions that are older than those with a number.
	oldest = 1
	// maxServerName is the longest name in a hello that is looked at, in bytes
	// (RFC 1035).
	maxServerName = 253
)

// begun is a connection of which something was read already. It is no
// *net.TCPConn, so that wire reads and writes a TLS connection over it in the
// ordinary way.
type begun struct {
	net.Conn

	have []byte
	// newest is the newest version of TLS that the hello offers; 0 until there is one.
	newest uint16
	// from is the place of whom it is for.
	from netip.Prefix
	// turn is held by who computes; nil once the handshake is over.
	turn *turn
	// said counts the bytes that came since the last that were for us.
	said int
	// ours counts the writes under way of what we say, and tells them from those of
	// package tls itself. Of these answered counts the ones since a time.
	ours     atomic.Int32
	answered int
	since    time.Time
}

const (
	// mostSaid bounds, in bytes, what a TLS peer may say at a time that is not for us: a
	// whole record, and what is read with it. Package tls alone would gather a message of
	// the handshake of 64 KiB, of certificates 256 KiB, before and after the handshake.
	mostSaid = 24 << 10
	// readAhead is how much may be read at a time, however much room there is.
	readAhead = 4 << 10
	// mostAnswers bounds, in answersFor, the answers that package tls gives by itself once
	// the handshake is over: to those who ask for new keys, each of which costs as much as
	// twenty records. Who needs new keys does so after millions of records.
	mostAnswers = 32
	answersFor  = time.Minute
)

// errSaidTooMuch is more than mostSaid, errAskedTooMuch what takes more than mostAnswers.
var (
	errSaidTooMuch  = errors.New("the message is too long")
	errAskedTooMuch = errors.New("it asks for new keys again and again")
)

// Read gives what there was first.
func (b *begun) Read(p []byte) (n int, err error) {
	switch {
	case b.said >= mostSaid:
		return 0, errSaidTooMuch
	case b.answered > mostAnswers:
		return 0, errAskedTooMuch
	}
	switch p = p[:min(len(p), readAhead)]; {
	case len(b.have) > 0:
		n = copy(p, b.have)
		if b.have = b.have[n:]; len(b.have) == 0 {
			b.have = nil
		}
	case b.turn != nil:
		n, err = b.turn.without(b.Conn.Read, p)
	default:
		n, err = b.Conn.Read(p)
	}
	b.said += n
	return n, err //nolint:wrapcheck // a connection's own errors
}

// Write writes.
func (b *begun) Write(p []byte) (int, error) {
	switch {
	case b.turn != nil:
		return b.turn.without(b.Conn.Write, p)
	case b.ours.Load() == 0 && !b.answers(time.Now()):
		return 0, errAskedTooMuch
	}
	return b.Conn.Write(p) //nolint:wrapcheck // a connection's own errors
}

// answers counts an answer of package tls, which gives it to who reads, and says whether
// there may be one more.
func (b *begun) answers(now time.Time) bool {
	if now.Sub(b.since) >= answersFor {
		b.since, b.answered = now, 0
	}
	b.answered++
	return b.answered <= mostAnswers
}

// NetConn is the connection below.
func (b *begun) NetConn() net.Conn { return b.Conn }

// encrypted is TLS over a connection of which it counts what is for us.
type encrypted struct {
	*tls.Conn

	below *begun
}

// Read reads what is for us.
func (e *encrypted) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if n > 0 {
		e.below.said = 0
	}
	if err != nil && e.below.answered > mostAnswers { // package tls has another word for it
		err = errAskedTooMuch
	}
	return n, err //nolint:wrapcheck // a connection's own errors
}

// Write writes what we say.
func (e *encrypted) Write(p []byte) (int, error) {
	e.below.ours.Add(1)
	defer e.below.ours.Add(-1)
	return e.Conn.Write(p) //nolint:wrapcheck // a connection's own errors
}

// secure answers a TLS hello. Its goroutine ends when the connection is handed
// on, and the stack goes with it that a handshake has needed.
func (v *visit) secure(ctx context.Context, handshakes *Handshakes, cfg *Config) mining.Reason {
	below := &begun{Conn: v.conn, have: v.have, from: guard.PartyOf(v.arrival.Remote.Addr())}
	c := tls.Server(below, cfg.TLS)
	v.have = nil
	waits, done := v.breakable(ctx)
	// What ends it breaks a read or write off by the connection's deadline already.
	v.turn.Give()
	err := handshakes.shake(waits, v.until, below, func() error { return c.HandshakeContext(context.WithoutCancel(ctx)) })
	v.takeTurn()
	if done(); err != nil {
		return v.unshaken(ctx, below, err)
	}
	below.said = 0
	v.conn, v.arrival.TLS = &encrypted{c, below}, true
	state := c.ConnectionState()
	if len(state.ServerName) <= maxServerName {
		v.arrival.ServerName = strings.ToLower(state.ServerName)
	}
	v.arrival.ClientName = certs.ClientName(&state)
	return ""
}

// unshaken is why a handshake came to nothing.
func (v *visit) unshaken(ctx context.Context, below *begun, err error) mining.Reason {
	if reason := v.ends(); reason != "" {
		return reason
	}
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case ctx.Err() != nil:
		return mining.Shutdown
	case unverified, errors.Is(err, certs.ErrNoClientCertificate):
		v.err = err
		return mining.TLSClientCertificate
	case below.newest != 0 && below.newest < tls.VersionTLS12:
		v.err = err
		return mining.TLSTooOld
	case errors.Is(err, context.DeadlineExceeded):
		return mining.HandshakeTimeout
	}
	reason := v.failed(ctx, err)
	if reason == mining.ReadFailed {
		reason = mining.TLSHandshakeFailed
	}
	return reason
}

// noting is a configuration by which each connection learns what its hello offers.
// It is a copy: the same for all that connect, for it has the keys of their sessions.
func noting(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	c := config.Clone()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if below, ok := hello.Conn.(*begun); ok {
			below.newest = slices.Max(append([]uint16{oldest}, hello.SupportedVersions...))
		}
		if config.GetConfigForClient == nil {
			return nil, nil //nolint:nilnil // c itself holds
		}
		return config.GetConfigForClient(hello)
	}
	return c
}
