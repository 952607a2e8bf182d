package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/certs"
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
	// turn is held by who computes; nil once the handshake is over.
	turn *turn
}

// Read gives what there was first.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.have) == 0 {
		if b.turn != nil {
			return b.turn.without(b.Conn.Read, p)
		}
		return b.Conn.Read(p) //nolint:wrapcheck // a connection's own errors
	}
	n := copy(p, b.have)
	if b.have = b.have[n:]; len(b.have) == 0 {
		b.have = nil
	}
	return n, nil
}

// Write writes.
func (b *begun) Write(p []byte) (int, error) {
	if b.turn != nil {
		return b.turn.without(b.Conn.Write, p)
	}
	return b.Conn.Write(p) //nolint:wrapcheck // a connection's own errors
}

// NetConn is the connection below.
func (b *begun) NetConn() net.Conn { return b.Conn }

// secure answers a TLS hello. Its goroutine ends when the connection is handed
// on, and the stack goes with it that a handshake has needed.
func (v *visit) secure(ctx context.Context, turns *Turns, cfg *Config) mining.Reason {
	below := &begun{Conn: v.conn, have: v.have}
	c := tls.Server(below, cfg.TLS)
	v.have = nil
	// The end of ctx breaks it off by the connection's deadline already.
	err := turns.shake(ctx, cfg.HandshakeTimeout, below, func() error { return c.HandshakeContext(context.WithoutCancel(ctx)) })
	if err != nil {
		return v.unshaken(ctx, below, err)
	}
	v.conn, v.arrival.TLS = c, true
	state := c.ConnectionState()
	if len(state.ServerName) <= maxServerName {
		v.arrival.ServerName = strings.ToLower(state.ServerName)
	}
	v.arrival.ClientName = certs.ClientName(&state)
	return ""
}

// unshaken is why a handshake came to nothing.
func (v *visit) unshaken(ctx context.Context, below *begun, err error) mining.Reason {
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
