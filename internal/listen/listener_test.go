package listen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
)

func TestMain(m *testing.M) {
	if isChild() {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// tally counts what a listener counts.
type tally struct {
	mu      sync.Mutex
	refused map[mining.Reason]int
	events  chan mining.Reason
}

func newTally() *tally {
	return &tally{refused: map[mining.Reason]int{}, events: make(chan mining.Reason, 1000)}
}

type countReason struct {
	t      *tally
	reason mining.Reason
}

func (c countReason) Inc() {
	c.t.mu.Lock()
	c.t.refused[c.reason]++
	c.t.mu.Unlock()
	c.t.events <- c.reason
}

func (t *tally) metrics() Metrics {
	return Metrics{
		Accepted:     countReason{t, "accepted"},
		AcceptErrors: countReason{t, "errors"},
		Refused:      func(reason mining.Reason) Counter { return countReason{t, reason} },
	}
}

// count is how often something was counted.
func (t *tally) count(reason mining.Reason) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused[reason]
}

// next waits for the next event that is not an acceptance.
func (t *tally) next() mining.Reason {
	for {
		if reason := <-t.events; reason != "accepted" {
			return reason
		}
	}
}

// echo answers lines until the peer leaves or ctx ends.
// here drives a connection in the goroutine that hands it on.
func here(drive func(ctx context.Context, conn net.Conn, preread []byte)) Serve {
	return func(ctx context.Context, conn net.Conn, preread []byte, _ mining.Arrival, gone func()) {
		defer gone()
		drive(ctx, conn, preread)
	}
}

func echo(ctx context.Context, conn net.Conn, preread []byte) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	reader := bufio.NewReader(io.MultiReader(bytes.NewReader(preread), conn))
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(conn, line); err != nil {
			return
		}
	}
}

// start runs a listener for the test's time and returns its address.
func start(t *testing.T, cfg Config, deps Deps) string {
	t.Helper()
	cfg.Address = "127.0.0.1:0"
	l := New(cfg, deps)
	if l.Addr() != nil {
		t.Error("an address before Listen")
	}
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); string(got) != want {
		t.Fatalf("heard %q, %v, want %q", got[:n], err, want)
	}
}

func TestStratumIsHandedOn(t *testing.T) {
	addr := start(t, Config{}, Deps{Serve: here(echo)})
	for _, text := range []string{
		"{\"id\":1}\n", "[1]\n", " \t{\"id\":1}\n", "\r\n\n{}\n", "{}\n", "{\n",
		"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n{\"id\":2}\n",
	} {
		whole := dial(t, addr)
		say(t, whole, text)
		hear(t, whole, text)
		slow := dial(t, addr)
		for i := range text {
			say(t, slow, text[i:i+1])
		}
		hear(t, slow, text)
	}
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]mining.Reason{
		"\x16\x03\x01\x02\x00": mining.TLSNotEnabled,
		"PROXY TCP4 192.0.2.1": mining.ProxyHeaderUntrusted,
		"\x0f\xff\x00\x00":     mining.UnknownProtocol,
		"hello\n":              mining.UnknownProtocol,
		"\x00":                 mining.UnknownProtocol,
	} {
		counts := newTally()
		addr := start(t, Config{}, Deps{Metrics: counts.metrics(), Serve: never(t)})
		conn := dial(t, addr)
		say(t, conn, text)
		if got := counts.next(); got != want {
			t.Errorf("%q is refused as %s, want %s", text, got, want)
		}
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%q: the connection is open", text)
		}
	}
}

func never(t *testing.T) Serve {
	t.Helper()
	return here(func(context.Context, net.Conn, []byte) { t.Error("a refused connection was handed on") })
}

// heardWithin is a time limit of who says something, which must be heard within it: else it
// has said nothing.
const heardWithin = 2 * time.Second

func TestNothingSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(conn *net.TCPConn)
		want mining.Reason
	}{
		"silent":          {func(*net.TCPConn) {}, mining.FirstByteTimeout},
		"half a method":   {func(c *net.TCPConn) { _, _ = c.Write([]byte("GE")) }, mining.HandshakeTimeout},
		"closes":          {func(c *net.TCPConn) { _ = c.Close() }, mining.PeerClosed},
		"says and leaves": {func(c *net.TCPConn) { _, _ = c.Write([]byte("P")); _ = c.Close() }, mining.PeerClosed},
		"resets":          {func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }, mining.PeerReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counts := newTally()
			cfg := Config{HandshakeTimeout: time.Hour}
			switch tt.want { //nolint:exhaustive // the others have all the time there is
			case mining.FirstByteTimeout:
				cfg.HandshakeTimeout = 200 * time.Millisecond
			case mining.HandshakeTimeout:
				cfg.HandshakeTimeout = heardWithin
			}
			addr := start(t, cfg, Deps{Metrics: counts.metrics(), Serve: never(t)})
			tt.end(dial(t, addr))
			if got := counts.next(); got != tt.want {
				t.Errorf("refused as %s, want %s", got, tt.want)
			}
		})
	}
}

func TestHTTPGetsAnAnswer(t *testing.T) {
	counts := newTally()
	addr := start(t, Config{}, Deps{Metrics: counts.metrics(), Serve: never(t)})
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		body := strings.NewReader(strings.Repeat("x", 20<<10))
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+"/status", body)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || err != nil || !strings.Contains(string(text), "Stratum") {
			t.Errorf("%s: %s, %q, %v", method, resp.Status, text, err)
		}
		if got := counts.next(); got != mining.HTTPRequest {
			t.Errorf("refused as %s", got)
		}
	}
	conn := dial(t, addr)
	say(t, conn, "CONNECT pool.example.com:3333 HTTP/1.1\r\n\r\n")
	hear(t, conn, "HTTP/1.1 400 Bad Request\r\n")
}

func TestOneDoesNotBlockAnother(t *testing.T) {
	release := make(chan struct{})
	addr := start(t, Config{}, Deps{Serve: here(func(ctx context.Context, conn net.Conn, preread []byte) {
		if bytes.HasPrefix(preread, []byte("{stuck")) {
			<-release
			return
		}
		echo(ctx, conn, preread)
	})})
	defer close(release)
	for range 20 {
		say(t, dial(t, addr), "{stuck}\n") // in its handler
		dial(t, addr)                      // silent
		say(t, dial(t, addr), "GE")        // in the middle of its first word
		say(t, dial(t, addr), "GET / HTTP/1.1\r\n")
	}
	conn := dial(t, addr)
	say(t, conn, "{}\n")
	hear(t, conn, "{}\n")
}

func TestLimiter(t *testing.T) {
	counts := newTally()
	door := guard.New(guard.Config{MaxConnections: 2}, guard.Deps{})
	var log bytes.Buffer
	deps := Deps{Serve: here(echo), Gate: NewGate(door), Metrics: counts.metrics(), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	t.Cleanup(func() {
		if n := strings.Count(log.String(), "connection limit reached"); n != 1 {
			t.Errorf("the limit is logged %d times, want once:\n%s", n, &log)
		}
	})
	addr := start(t, Config{}, deps)
	inside := make([]*net.TCPConn, 0, 2)
	for range 2 {
		conn := dial(t, addr)
		say(t, conn, "{}\n")
		hear(t, conn, "{}\n")
		inside = append(inside, conn)
	}
	for range 3 {
		knock(t, addr)
		if got := counts.next(); got != mining.MaxConnections {
			t.Errorf("refused as %s", got)
		}
	}
	if n := door.Stats().Guests; n != 2 {
		t.Errorf("the door has let in %d", n)
	}
	_ = inside[0].Close()
	for door.Stats().Guests != 1 {
		time.Sleep(time.Millisecond)
	}
	conn := dial(t, addr)
	say(t, conn, "{}\n")
	hear(t, conn, "{}\n")
}

func TestGracefulStop(t *testing.T) {
	entered := make(chan struct{})
	l := New(Config{Address: "127.0.0.1:0"}, Deps{Serve: here(func(ctx context.Context, conn net.Conn, _ []byte) {
		close(entered)
		<-ctx.Done()
		_, _ = io.WriteString(conn, "bye")
	})})
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	serving, silent := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	say(t, serving, "{")
	<-entered
	for l.gate.door.Stats().Strangers != 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	hear(t, serving, "bye")
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the silent one heard %v", err)
	}
	var d net.Dialer
	if conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the port is open after Run")
	}
	if n := l.gate.door.Stats().Guests; n != 0 {
		t.Errorf("%d places are taken after Run", n)
	}
}

func TestStopTimeout(t *testing.T) {
	release := make(chan struct{})
	entered, gone := make(chan struct{}), make(chan struct{})
	l := New(Config{Address: "127.0.0.1:0", StopTimeout: 50 * time.Millisecond}, Deps{
		Serve: here(func(context.Context, net.Conn, []byte) {
			close(entered)
			<-release
			close(gone)
		}),
	})
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	say(t, dial(t, l.Addr().String()), "{")
	<-entered
	cancel()
	var stop *StopError
	if err := <-ended; !errors.As(err, &stop) || stop.Left != 1 {
		t.Errorf("Run returned %v", err)
	}
	close(release)
	<-gone
}

func TestListenErrors(t *testing.T) {
	l := New(Config{Address: "127.0.0.1:0"}, Deps{})
	if err := l.Run(t.Context()); err == nil {
		t.Error("Run before Listen is no error")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := New(Config{Address: l.Addr().String()}, Deps{})
	if err := other.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("a taken address: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run of a closed listener: %v", err)
	}
}
