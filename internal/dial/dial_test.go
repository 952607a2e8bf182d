package dial

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) sign(t *testing.T, until time.Time, names []string, addresses ...net.IP) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: until.Add(-2 * time.Hour), NotAfter: until,
		DNSNames: names, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve accepts and says "hi" by means of talk.
func serve(t *testing.T, address string, talk func(conn net.Conn)) netip.AddrPort {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func hi(conn net.Conn) { _, _ = io.WriteString(conn, "hi") }

func hiTLS(cert tls.Certificate) func(net.Conn) {
	return func(conn net.Conn) {
		encrypted := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
		hi(encrypted)
		_ = encrypted.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
}

// silent never says anything.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestDial(t *testing.T) {
	ca := newAuthority(t)
	local := net.IPv4(127, 0, 0, 1)
	cert := ca.sign(t, time.Now().Add(time.Hour), []string{"localhost"}, local, net.IPv6loopback)
	for name, tt := range map[string]struct {
		listen, host string
		tls          bool
	}{
		"IPv4":     {"127.0.0.1:0", "127.0.0.1", false},
		"IPv6":     {"[::1]:0", "::1", false},
		"name":     {"127.0.0.1:0", "localhost", false},
		"TLS name": {"127.0.0.1:0", "localhost", true},
		"TLS IPv4": {"127.0.0.1:0", "127.0.0.1", true},
		"TLS IPv6": {"[::1]:0", "::1", true},
	} {
		t.Run(name, func(t *testing.T) {
			talk := hi
			if tt.tls {
				talk = hiTLS(cert)
			}
			addr := serve(t, tt.listen, talk)
			conn, err := New(Config{RootCAs: ca.pool()}).Dial(t.Context(), Endpoint{TLS: tt.tls, Host: tt.host, Port: addr.Port()})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if got, err := io.ReadAll(conn); string(got) != "hi" || err != nil {
				t.Errorf("heard %q, %v", got, err)
			}
		})
	}
}

// A pool's certificate is taken by its own roots, or by its fingerprint whatever
// else it says.
func TestTrust(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	local := net.IPv4(127, 0, 0, 1)
	good := ca.sign(t, time.Now().Add(time.Hour), nil, local)
	odd := ca.sign(t, time.Now().Add(-time.Hour), []string{"elsewhere"})
	digest := func(c tls.Certificate) [sha256.Size]byte { return sha256.Sum256(c.Certificate[0]) }
	for name, c := range map[string]struct {
		cert  tls.Certificate
		trust *Trust
		want  Problem // empty: it is taken
	}{
		"the dialer's roots":                {good, nil, ""},
		"no trust of its own":               {good, &Trust{}, ""},
		"other roots":                       {good, &Trust{Roots: stranger.pool()}, CertificateUntrusted},
		"its roots":                         {good, &Trust{Roots: ca.pool()}, ""},
		"its fingerprint":                   {odd, &Trust{Fingerprints: [][sha256.Size]byte{digest(good), digest(odd)}}, ""},
		"its fingerprint, whatever roots":   {odd, &Trust{Roots: stranger.pool(), Fingerprints: [][sha256.Size]byte{digest(odd)}}, ""},
		"another one's":                     {odd, &Trust{Fingerprints: [][sha256.Size]byte{digest(good)}}, CertificateUnexpected},
		"another one's, though it is right": {good, &Trust{Fingerprints: [][sha256.Size]byte{digest(odd)}}, CertificateUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1:0", hiTLS(c.cert))
			conn, err := New(Config{RootCAs: ca.pool()}).Dial(t.Context(), Endpoint{TLS: true, Host: "127.0.0.1", Port: addr.Port(), Trust: c.trust})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				return
			}
			var failed *Error
			if !errors.As(err, &failed) || failed.Problem != c.want || failed.Reason != mining.TLSFailed {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if failed.Advice() == "" {
				t.Errorf("no advice for %s", failed.Problem)
			}
			if c.want == CertificateUnexpected && !strings.Contains(err.Error(), fmt.Sprintf("%x", digest(c.cert))) {
				t.Errorf("%q does not name the fingerprint", err)
			}
		})
	}
}

func TestDialErrors(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	now := time.Now()
	names := []string{"localhost"}
	closed := serve(t, "127.0.0.1:0", hi) // its port with another address is free
	for name, tt := range map[string]struct {
		talk    func(net.Conn)
		to      Endpoint
		reason  mining.Reason
		problem Problem
	}{
		"nobody there": {
			hi, Endpoint{Host: "127.0.0.2", Port: closed.Port()}, mining.DialFailed, Refused,
		},
		"no such name": {
			hi, Endpoint{Host: "pool.invalid"}, mining.DialFailed, NoSuchHost,
		},
		"expired": {
			hiTLS(ca.sign(t, now.Add(-time.Minute), names)),
			Endpoint{TLS: true, Host: "localhost"},
			mining.TLSFailed, CertificateExpired,
		},
		"not yet valid": {
			hiTLS(ca.sign(t, now.Add(100*time.Hour), names)),
			Endpoint{TLS: true, Host: "localhost"},
			mining.TLSFailed, CertificateNotYetValid,
		},
		"wrong name": {
			hiTLS(ca.sign(t, now.Add(time.Hour), []string{"pool.example.com"})),
			Endpoint{TLS: true, Host: "localhost"},
			mining.TLSFailed, CertificateWrongName,
		},
		"wrong address": {
			hiTLS(ca.sign(t, now.Add(time.Hour), names)),
			Endpoint{TLS: true, Host: "127.0.0.1"},
			mining.TLSFailed, CertificateWrongName,
		},
		"untrusted": {
			hiTLS(stranger.sign(t, now.Add(time.Hour), names)),
			Endpoint{TLS: true, Host: "localhost"},
			mining.TLSFailed, CertificateUntrusted,
		},
		"signs itself": {
			hiTLS(selfSigned(t)),
			Endpoint{TLS: true, Host: "localhost"},
			mining.TLSFailed, CertificateUntrusted,
		},
		"TLS 1.1 only": {
			func(conn net.Conn) {
				_ = tls.Server(conn, &tls.Config{
					Certificates: []tls.Certificate{ca.sign(t, now.Add(time.Hour), names)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
				}).HandshakeContext(t.Context())
			},
			Endpoint{TLS: true, Host: "localhost"},
			mining.TLSFailed, HandshakeFailed,
		},
		"not TLS": {
			func(conn net.Conn) { _, _ = io.WriteString(conn, "{\"id\":null}\n"); silent(conn) }, Endpoint{TLS: true, Host: "localhost"}, mining.TLSFailed, NotTLS,
		},
		"closed in the handshake": {
			func(net.Conn) {}, Endpoint{TLS: true, Host: "localhost"}, mining.TLSFailed, HandshakeFailed,
		},
		"silent in the handshake": {
			silent, Endpoint{TLS: true, Host: "localhost"}, mining.TLSFailed, Timeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1:0", tt.talk)
			if tt.to.Port == 0 {
				tt.to.Port = addr.Port()
			}
			cfg := Config{RootCAs: ca.pool(), HandshakeTimeout: time.Minute}
			if tt.problem == Timeout {
				cfg.HandshakeTimeout = time.Second
			}
			conn, err := New(cfg).Dial(t.Context(), tt.to)
			if conn != nil {
				t.Fatal("a connection came with an error")
			}
			var e *Error
			if !errors.As(err, &e) || e.Reason != tt.reason || e.Problem != tt.problem || e.Endpoint != tt.to {
				t.Fatalf("error %v (%+v), want %s, %s", err, e, tt.reason, tt.problem)
			}
			if !strings.Contains(err.Error(), tt.to.String()) {
				t.Errorf("%q does not say where to", err)
			}
			if certificate := tt.reason == mining.TLSFailed && tt.problem != Timeout; (e.Advice() != "") != certificate {
				t.Errorf("advice for %s: %q", tt.problem, e.Advice())
			}
		})
	}
}

// selfSigned is a certificate that nobody else has signed.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	cert, key, err := testkit.KeyPair(time.Now().Add(time.Hour), false, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestSystemRootsDoNotTrustOurs(t *testing.T) {
	ca := newAuthority(t)
	addr := serve(t, "127.0.0.1:0", hiTLS(ca.sign(t, time.Now().Add(time.Hour), []string{"localhost"})))
	_, err := New(Config{}).Dial(t.Context(), Endpoint{TLS: true, Host: "localhost", Port: addr.Port()})
	var e *Error
	if !errors.As(err, &e) || e.Reason != mining.TLSFailed {
		t.Fatalf("error %v", err)
	}
}

func TestConnectTimeout(t *testing.T) {
	err := &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	if e := connectError(t.Context(), Endpoint{}, err); e.Problem != Timeout || e.Reason != mining.DialFailed {
		t.Errorf("a connect that takes too long is %s, %s", e.Reason, e.Problem)
	}
	_, dialErr := New(Config{ConnectTimeout: time.Nanosecond}).Dial(t.Context(), Endpoint{Host: "127.0.0.1", Port: 9})
	var e *Error
	if !errors.As(dialErr, &e) || e.Problem != Timeout {
		t.Errorf("error %v", dialErr)
	}
}

// gone is a cause with a reason.
type gone struct{}

func (gone) Error() string         { return "the miner left" }
func (gone) Reason() mining.Reason { return mining.MinerGone }

func TestCancelled(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", silent)
	for _, encrypted := range []bool{false, true} {
		for cause, want := range map[error]mining.Reason{nil: mining.Shutdown, gone{}: mining.MinerGone} {
			ctx, cancel := context.WithCancelCause(t.Context())
			if encrypted {
				time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
			} else {
				cancel(cause)
			}
			_, err := New(Config{}).Dial(ctx, Endpoint{TLS: encrypted, Host: "127.0.0.1", Port: addr.Port()})
			var e *Error
			if !errors.As(err, &e) || e.Reason != want || e.Problem != Cancelled {
				t.Errorf("TLS %v, cause %v: error %v (%+v)", encrypted, cause, err, e)
			}
			if cause == nil && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v is not context.Canceled", err)
			}
			cancel(nil)
		}
	}
}
