package listen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// serverTLS is with what the tests' listeners answer: with RSA a key of that kind.
func serverTLS(t *testing.T, withRSA bool) *tls.Config {
	t.Helper()
	cert, key, err := testkit.KeyPair(time.Now().Add(time.Hour), withRSA, "farm.example.com")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// client shakes hands over a connection.
func client(t *testing.T, conn net.Conn, cfg *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(conn, cfg)
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// anything takes any certificate.
func anything(name string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: name}
}

// trickle writes a byte at a time.
type trickle struct{ net.Conn }

func (c trickle) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// One port takes plain and encrypted connections, and a CONNECT around either or
// in it; what is known of each is handed on with it.
func TestTLS(t *testing.T) {
	served := make(chan mining.Arrival, 10)
	serve := func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
		served <- a
		defer gone()
		echo(ctx, conn, preread)
	}
	const connect, line = "CONNECT pool.example.com:3333 HTTP/1.1\r\n\r\n", "{\"id\":1}\n"
	for _, withRSA := range []bool{false, true} {
		addr := start(t, Config{TLS: serverTLS(t, withRSA)}, Deps{Serve: serve, Tunnel: func(mining.Arrival) mining.Reason { return "" }})
		for name, c := range map[string]struct {
			open func(conn net.Conn) net.Conn
			want mining.Arrival
		}{
			"plain":     {func(conn net.Conn) net.Conn { return conn }, mining.Arrival{}},
			"encrypted": {func(conn net.Conn) net.Conn { return client(t, conn, anything("")) }, mining.Arrival{TLS: true}},
			"with a name": {
				func(conn net.Conn) net.Conn { return client(t, conn, anything("Farm.Example.COM")) },
				mining.Arrival{TLS: true, ServerName: "farm.example.com"},
			},
			"TLS 1.2": {func(conn net.Conn) net.Conn {
				cfg := anything("")
				cfg.MaxVersion = tls.VersionTLS12
				return client(t, conn, cfg)
			}, mining.Arrival{TLS: true}},
			"byte by byte": {func(conn net.Conn) net.Conn { return client(t, trickle{conn}, anything("")) }, mining.Arrival{TLS: true}},
			"CONNECT inside": {func(conn net.Conn) net.Conn {
				c := client(t, conn, anything(""))
				say(t, c, connect)
				hear(t, c, established)
				return c
			}, mining.Arrival{TLS: true, Connect: "pool.example.com:3333"}},
			"CONNECT around": {func(conn net.Conn) net.Conn {
				say(t, conn, connect)
				hear(t, conn, established)
				return client(t, conn, anything("pool.example.com"))
			}, mining.Arrival{TLS: true, ServerName: "pool.example.com", Connect: "pool.example.com:3333"}},
		} {
			conn := c.open(dial(t, addr))
			say(t, conn, line)
			hear(t, conn, line)
			got := <-served
			if !got.Remote.IsValid() || got.Listener != "127.0.0.1:0" {
				t.Errorf("%s: %+v", name, got)
			}
			if got.Listener, got.Remote = "", c.want.Remote; got != c.want {
				t.Errorf("%s: came as %+v, want %+v", name, got, c.want)
			}
		}
	}
}

// A listener that takes TLS only says so by name, whatever stands around.
func TestTLSRequired(t *testing.T) {
	counts := newTally()
	addr := start(t, Config{TLS: serverTLS(t, false), TLSRequired: true}, Deps{
		Metrics: counts.metrics(), Serve: here(echo), Tunnel: func(mining.Arrival) mining.Reason { return "" },
	})
	for _, text := range []string{"{\"id\":1}\n", "CONNECT h:1 HTTP/1.1\r\n\r\n{\"id\":1}\n"} {
		conn := dial(t, addr)
		say(t, conn, text)
		if got := counts.next(); got != mining.TLSRequired {
			t.Errorf("%q: refused as %s", text, got)
		}
	}
	c := client(t, dial(t, addr), anything(""))
	say(t, c, "{}\n")
	hear(t, c, "{}\n")

	plain := dial(t, addr)
	say(t, plain, "CONNECT h:1 HTTP/1.1\r\n\r\n")
	hear(t, plain, established)
	c = client(t, plain, anything(""))
	say(t, c, "{}\n")
	hear(t, c, "{}\n")

	web := client(t, dial(t, addr), anything(""))
	say(t, web, "GET / HTTP/1.1\r\n\r\n")
	answer, err := bufio.NewReader(web).ReadString('\n')
	if answer != "HTTP/1.1 400 Bad Request\r\n" {
		t.Errorf("a GET is answered %q, %v", answer, err)
	}
	if got := counts.next(); got != mining.HTTPRequest {
		t.Errorf("a GET is refused as %s", got)
	}
}

// A handshake that fails, or does not end, is closed by name and keeps nobody
// else waiting.
func TestTLSFails(t *testing.T) {
	var log bytes.Buffer
	counts := newTally()
	deps := Deps{
		Metrics: counts.metrics(), Serve: here(echo),
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	t.Cleanup(func() { // when the listener has ended
		for _, want := range []string{"bad certificate", "exceeds maximum"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q:\n%s", want, &log)
			}
		}
	})
	config := serverTLS(t, false)
	hasty := start(t, Config{TLS: config, HandshakeTimeout: heardWithin}, deps)
	patient := start(t, Config{TLS: config, HandshakeTimeout: time.Hour}, deps)
	refusing := func(version uint16) func(conn *net.TCPConn) {
		return func(conn *net.TCPConn) {
			c := tls.Client(conn, &tls.Config{
				InsecureSkipVerify: true, MaxVersion: version,
				VerifyConnection: func(tls.ConnectionState) error { return errors.New("no") },
			})
			if err := c.HandshakeContext(t.Context()); err == nil {
				t.Error("the client takes the certificate")
			}
		}
	}
	for name, tt := range map[string]struct {
		talk func(conn *net.TCPConn)
		want mining.Reason
	}{
		"huge": {func(conn *net.TCPConn) {
			say(t, conn, "\x16\x03\x01\x40\x00\x01\xff\xff\xff"+strings.Repeat("x", 1<<14))
		}, mining.TLSHandshakeFailed},
		"of many records": {func(conn *net.TCPConn) { // it says that it is of 64 KiB, and ends before
			say(t, conn, "\x16\x03\x01\x00\x04\x01\x01\x00\x00"+strings.Repeat("\x16\x03\x01\x00\x01x", 1000))
		}, mining.HandshakeTimeout},
		"of SSL 3": {func(conn *net.TCPConn) {
			hello := "\x03\x00" + strings.Repeat("r", 32) + "\x00" + "\x00\x02\x00\x2f" + "\x01\x00"
			say(t, conn, "\x16\x03\x00\x00"+string(rune(len(hello)+4))+"\x01\x00\x00"+string(rune(len(hello)))+hello)
		}, mining.TLSTooOld},
		"nonsense":            {func(conn *net.TCPConn) { say(t, conn, "\x16\x03\x01\x00\x05hello") }, mining.TLSHandshakeFailed},
		"client refuses, 1.2": {refusing(tls.VersionTLS12), mining.TLSHandshakeFailed},
		"client refuses, 1.3": {refusing(tls.VersionTLS13), mining.TLSHandshakeFailed},
		"stops":               {func(conn *net.TCPConn) { say(t, conn, "\x16\x03\x01\x02\x00\x01") }, mining.HandshakeTimeout},
		"leaves":              {func(conn *net.TCPConn) { say(t, conn, "\x16\x03\x01\x02\x00\x01"); _ = conn.CloseWrite() }, mining.PeerClosed},
		"says nothing more": {func(conn *net.TCPConn) {
			_ = tls.Client(conn, anything("")).HandshakeContext(t.Context()) // which may be what takes too long
		}, mining.HandshakeTimeout},
		"TLS in TLS": {func(conn *net.TCPConn) {
			say(t, client(t, conn, anything("")), "\x16\x03\x01\x02\x00\x01")
		}, mining.TLSNotEnabled},
	} {
		t.Run(name, func(t *testing.T) {
			addr := patient
			if tt.want == mining.HandshakeTimeout {
				addr = hasty
			}
			tt.talk(dial(t, addr))
			if got := counts.next(); got != tt.want {
				t.Errorf("refused as %s, want %s", got, tt.want)
			}
		})
	}
	hung := dial(t, patient)
	say(t, hung, "\x16\x03\x01\x02\x00\x01")
	c := client(t, dial(t, patient), anything(""))
	say(t, c, "{}\n")
	hear(t, c, "{}\n")
	_ = hung.CloseWrite()
	if got := counts.next(); got != mining.PeerClosed {
		t.Errorf("the hung one is refused as %s", got)
	}
}

// The end of the listener breaks a handshake off.
func TestTLSGracefulStop(t *testing.T) {
	counts := newTally()
	l := New(Config{Address: "127.0.0.1:0", TLS: serverTLS(t, false), HandshakeTimeout: time.Hour}, Deps{
		Metrics: counts.metrics(), Serve: never(t), Tunnel: func(mining.Arrival) mining.Reason { return "" },
	})
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	conns := []*net.TCPConn{dial(t, l.Addr().String()), dial(t, l.Addr().String())}
	say(t, conns[0], "\x16\x03\x01\x02\x00\x01")
	say(t, conns[1], "CONNECT h:1 HTTP/1.1\r\n")
	for l.gate.door.Stats().Strangers != 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for range conns {
		if got := counts.next(); got != mining.Shutdown {
			t.Errorf("refused as %s", got)
		}
	}
	if _, err := io.Copy(io.Discard, conns[0]); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}
