package dial

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Config is how to dial. A zero field takes its default.
type Config struct {
	// ConnectTimeout bounds all before the TLS handshake with the pool: name
	// lookup, TCP connect and what a proxy needs; 10 s.
	ConnectTimeout time.Duration
	// HandshakeTimeout bounds the TLS handshake; 10 s.
	HandshakeTimeout time.Duration
	// RootCAs verifies certificates; nil is the system's.
	RootCAs *x509.CertPool
	// Resolver finds the addresses of names; nil is the system's.
	Resolver Resolver
	// Logger is told of names that are not resolved any more; it may be nil.
	Logger *slog.Logger
}

// Dialer opens connections. It may be used by any number of goroutines.
type Dialer struct {
	cfg   Config
	names names
	// tcp connects to one address.
	tcp func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// New makes a dialer.
func New(cfg Config) *Dialer {
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = 10 * time.Second
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Dialer{
		cfg:   cfg,
		names: names{resolver: cfg.Resolver, log: cfg.Logger, known: make(map[string]*answer)},
		tcp:   connectTCP,
	}
}

// Dial connects to the endpoint, by way of its proxy if it has one. Of a name's
// addresses each is tried, those of the two IP versions by turns; while its
// resolver fails, those that it gave last. A TLS endpoint's certificate is always
// verified. Any error is an [*Error].
func (d *Dialer) Dial(ctx context.Context, to Endpoint) (net.Conn, error) {
	conn, err := d.connect(ctx, to)
	if err != nil || !to.TLS {
		return conn, err
	}
	encrypted := tls.Client(conn, d.tlsConfig(to))
	handshakeCtx, cancel := context.WithTimeout(ctx, d.cfg.HandshakeTimeout)
	defer cancel()
	if err := encrypted.HandshakeContext(handshakeCtx); err != nil {
		_ = conn.Close()
		return nil, handshakeError(ctx, to, err)
	}
	return encrypted, nil
}

// connect opens the way to the pool, in clear text.
func (d *Dialer) connect(ctx context.Context, to Endpoint) (net.Conn, error) {
	connecting, cancel := context.WithTimeout(ctx, d.cfg.ConnectTimeout)
	defer cancel()
	if to.Proxy != nil {
		conn, err := d.through(connecting, *to.Proxy, to.Address())
		if err != nil {
			return nil, proxyError(ctx, to, err)
		}
		return conn, nil
	}
	conn, err := d.reach(connecting, to.Host, to.Port, to.PublicOnly)
	if err != nil {
		return nil, connectError(ctx, to, err)
	}
	return conn, nil
}

// namedKey is of a context's function that hears when a name is resolved.
type namedKey struct{}

// OnNamed has [Dialer.Dial] call named, in its own goroutine, once it knows where
// to connect to: what a resolver takes says nothing of the pool.
func OnNamed(ctx context.Context, named func()) context.Context {
	return context.WithValue(ctx, namedKey{}, named)
}

// errNotPublic is a host without an address on the Internet.
var errNotPublic = errors.New("the host has no public address, and a public pool sent us there")

// reach connects to a host of any number of addresses, or of public ones.
func (d *Dialer) reach(ctx context.Context, host string, port uint16, public bool) (net.Conn, error) {
	addrs, err := d.names.lookup(ctx, host, !public)
	if err != nil {
		return nil, err
	}
	if public {
		addrs = slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return !Public(a) })
	}
	if len(addrs) == 0 {
		return nil, errNotPublic
	}
	if named, ok := ctx.Value(namedKey{}).(func()); ok {
		named()
	}
	return d.race(ctx, addrs, port)
}

// tlsConfig verifies certificates as the endpoint has it.
func (d *Dialer) tlsConfig(to Endpoint) *tls.Config {
	cfg := &tls.Config{ServerName: serverName(to.Host), RootCAs: d.cfg.RootCAs, MinVersion: tls.VersionTLS12}
	if to.Trust == nil {
		return cfg
	}
	if to.Trust.Roots != nil {
		cfg.RootCAs = to.Trust.Roots
	}
	if pins := to.Trust.Fingerprints; len(pins) > 0 {
		cfg.InsecureSkipVerify = true // its fingerprint is verified instead
		cfg.VerifyConnection = func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); !slices.Contains(pins, got) {
				return &fingerprintError{got}
			}
			return nil
		}
	}
	return cfg
}

// fingerprintError is a certificate that is none of the expected.
type fingerprintError struct{ got [sha256.Size]byte }

// Error names the certificate's fingerprint, so that it can be compared.
func (e *fingerprintError) Error() string {
	return fmt.Sprintf("the certificate's SHA-256 fingerprint is %x, which is none of the configured ones", e.got)
}

// serverName is the name that the certificate must have: an IPv6 address is
// there without its zone.
func serverName(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.WithZone("").String()
	}
	return host
}
