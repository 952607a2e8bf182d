package listen

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

const (
	// tlsAlert is the operation of the error by which package tls tells what the
	// other side objects to.
	tlsAlert = "remote error"
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
}

// Read gives what there was first.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.have) == 0 {
		return b.Conn.Read(p) //nolint:wrapcheck // a connection's own errors
	}
	n := copy(p, b.have)
	if b.have = b.have[n:]; len(b.have) == 0 {
		b.have = nil
	}
	return n, nil
}

// NetConn is the connection below.
func (b *begun) NetConn() net.Conn { return b.Conn }

// secure answers a TLS hello. Its goroutine ends when the connection is handed
// on, and the stack goes with it that a handshake has needed.
func (v *visit) secure(ctx context.Context, config *tls.Config) mining.Reason {
	c := tls.Server(&begun{Conn: v.conn, have: v.have}, config)
	v.have = nil
	// The end of ctx breaks it off by the connection's deadline already.
	if err := c.HandshakeContext(context.WithoutCancel(ctx)); err != nil {
		reason := v.failed(ctx, err)
		if reason == mining.ReadFailed {
			reason = mining.TLSHandshakeFailed
		}
		return reason
	}
	v.conn, v.arrival.TLS = c, true
	if name := c.ConnectionState().ServerName; len(name) <= maxServerName {
		v.arrival.ServerName = strings.ToLower(name)
	}
	return ""
}
