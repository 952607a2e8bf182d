package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"time"
)

// Config is how to dial. A zero field takes its default.
type Config struct {
	// ConnectTimeout bounds name lookup and TCP connect together; 10 s.
	ConnectTimeout time.Duration
	// HandshakeTimeout bounds the TLS handshake; 10 s.
	HandshakeTimeout time.Duration
	// RootCAs verifies certificates; nil is the system's.
	RootCAs *x509.CertPool
}

// Dialer opens connections. It may be used by any number of goroutines.
type Dialer struct{ cfg Config }

// New makes a dialer.
func New(cfg Config) *Dialer {
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = 10 * time.Second
	}
	return &Dialer{cfg}
}

// Dial connects to the endpoint. Of a name's addresses each is tried, those
// of the two IP versions side by side. A TLS endpoint's certificate is always
// verified. Any error is an [*Error].
func (d *Dialer) Dial(ctx context.Context, to Endpoint) (net.Conn, error) {
	connectCtx, cancel := context.WithTimeout(ctx, d.cfg.ConnectTimeout)
	defer cancel()
	// Who runs the connection sets the keepalive that it wants.
	dialer := net.Dialer{KeepAlive: -1}
	conn, err := dialer.DialContext(connectCtx, "tcp", to.Address())
	if err != nil {
		return nil, connectError(ctx, to, err)
	}
	if !to.TLS {
		return conn, nil
	}
	encrypted := tls.Client(conn, &tls.Config{
		ServerName: serverName(to.Host),
		RootCAs:    d.cfg.RootCAs,
		MinVersion: tls.VersionTLS12,
	})
	handshakeCtx, cancel := context.WithTimeout(ctx, d.cfg.HandshakeTimeout)
	defer cancel()
	if err := encrypted.HandshakeContext(handshakeCtx); err != nil {
		_ = conn.Close()
		return nil, handshakeError(ctx, to, err)
	}
	return encrypted, nil
}

// serverName is the name that the certificate must have: an IPv6 address is
// there without its zone.
func serverName(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.WithZone("").String()
	}
	return host
}
