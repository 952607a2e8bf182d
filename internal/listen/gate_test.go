package listen

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// fixed is a connection with an address.
type fixed struct {
	net.Conn

	addr net.Addr
}

func (f fixed) RemoteAddr() net.Addr { return f.addr }

// queue is a listener of connections in memory.
type queue struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newQueue() *queue { return &queue{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error   { q.once.Do(func() { close(q.closed) }); return nil }
func (q *queue) Addr() net.Addr { return &net.TCPAddr{} }

// come connects from an address.
func (q *queue) come(addr string) net.Conn {
	near, far := testkit.Pipe()
	q.conns <- fixed{near, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))}
	return far
}

// underGate runs a listener in virtual time.
func underGate(t *testing.T, cfg Config, door *guard.Door, deps Deps, use func(q *queue)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		deps.Gate = NewGate(door)
		l := New(cfg, deps)
		l.ln = q
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		use(q)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if s := door.Stats(); s != (guard.Stats{}) {
			t.Errorf("left at the door: %+v", s)
		}
	})
}

// Connections that come at once start at the pace, and none is refused; meanwhile they
// cost no goroutine.
func TestGatePaces(t *testing.T) {
	counts := newTally()
	var mu sync.Mutex
	var at []time.Duration
	var begun time.Time
	serve := func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
		defer gone()
		mu.Lock()
		at = append(at, time.Since(begun))
		mu.Unlock()
		a.Guest.(*guard.Guest).Settled("x")
		echo(ctx, conn, preread)
	}
	door := guard.New(guard.Config{StartsPerSecond: 20}, guard.Deps{})
	underGate(t, Config{}, door, Deps{Serve: serve, Metrics: counts.metrics()}, func(q *queue) {
		begun = time.Now()
		for range 101 {
			c := q.come("192.0.2.1")
			_, _ = io.WriteString(c, "{}\n")
		}
		synctest.Wait()
		if s := door.Stats(); s.Waiting != 100 || s.Guests != 101 {
			t.Errorf("at once: %+v", s)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := door.Stats(); s.Waiting != 0 || s.Strangers != 0 {
			t.Errorf("at last: %+v", s)
		}
	})
	if len(at) != 101 {
		t.Fatalf("%d were served", len(at))
	}
	for i, d := range at {
		if want := time.Duration(i) * time.Second / 20; d < want-50*time.Millisecond || d > want+100*time.Millisecond {
			t.Errorf("the %d. was served after %v, not about %v", i, d, want)
		}
	}
	for range len(counts.events) {
		if reason := <-counts.events; reason != "accepted" && reason != mining.Shutdown {
			t.Errorf("one is refused as %s", reason)
		}
	}
}

// Whoever passes the gate starts all who may start: a connection can be handed on before
// the goroutine that accepted it has come back from the door.
func TestGateStartsWhoHasJustCome(t *testing.T) {
	handed := make(chan struct{}, 1)
	serve := func(ctx context.Context, conn net.Conn, preread []byte, _ mining.Arrival, gone func()) {
		defer gone()
		handed <- struct{}{}
		echo(ctx, conn, preread)
	}
	var others *Gate
	door := guard.New(guard.Config{}, guard.Deps{OnOpen: func(netip.Addr) {
		others.pass()
		<-handed
	}})
	others = NewGate(door)
	underGate(t, Config{}, door, Deps{Serve: serve, Metrics: newTally().metrics()}, func(q *queue) {
		for range 3 {
			c := q.come("192.0.2.1")
			say(t, c, "{}\n")
			hear(t, c, "{}\n")
			_ = c.Close()
		}
	})
}

// Who still waits when the listener stops is sent away.
func TestGateStops(t *testing.T) {
	counts := newTally()
	door := guard.New(guard.Config{StartsPerSecond: 1}, guard.Deps{})
	underGate(t, Config{}, door, Deps{Serve: never(t), Metrics: counts.metrics()}, func(q *queue) {
		for range 10 {
			q.come("192.0.2.1")
		}
		synctest.Wait()
		if s := door.Stats(); s.Waiting != 9 {
			t.Errorf("%+v", s)
		}
	})
	if n := counts.count(mining.Shutdown); n != 10 {
		t.Errorf("%d are sent away", n)
	}
}

// The first byte has a time of its own, and what follows the handshake's. Who says nothing
// ends for that where the handshake has no more time than the first byte, too: it is a
// health checker more likely than somebody who tries something.
func TestFirstByteTimeout(t *testing.T) {
	for _, want := range []struct {
		text      string
		handshake time.Duration
		reason    mining.Reason
		after     time.Duration
	}{
		{"", 15 * time.Second, mining.FirstByteTimeout, 10 * time.Second},
		{"GE", 15 * time.Second, mining.HandshakeTimeout, 15 * time.Second},
		{"", 10 * time.Second, mining.FirstByteTimeout, 10 * time.Second},
		{"", 5 * time.Second, mining.FirstByteTimeout, 5 * time.Second},
		{"GE", 5 * time.Second, mining.HandshakeTimeout, 5 * time.Second},
	} {
		text, counts := want.text, newTally()
		door := guard.New(guard.Config{}, guard.Deps{})
		cfg := Config{HandshakeTimeout: want.handshake, FirstByteTimeout: 10 * time.Second}
		underGate(t, cfg, door, Deps{Serve: never(t), Metrics: counts.metrics()}, func(q *queue) {
			_, _ = io.WriteString(q.come("192.0.2.1"), text)
			time.Sleep(want.after - time.Nanosecond)
			synctest.Wait()
			if counts.count(want.reason) != 0 {
				t.Errorf("%q: too early", text)
			}
			time.Sleep(2 * time.Nanosecond)
			synctest.Wait()
			if counts.count(want.reason) != 1 {
				t.Errorf("%q did not end as %s", text, want.reason)
			}
		})
	}
}

// Whose turn comes late has all its time still.
func TestWaitingCostsNoTime(t *testing.T) {
	door := guard.New(guard.Config{StartsPerSecond: 1}, guard.Deps{})
	served := make(chan struct{}, 100)
	serve := here(func(context.Context, net.Conn, []byte) { served <- struct{}{} })
	underGate(t, Config{HandshakeTimeout: 2 * time.Second}, door, Deps{Serve: serve}, func(q *queue) {
		for range 20 {
			_, _ = io.WriteString(q.come("192.0.2.1"), "{}\n")
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(served) != 20 {
			t.Errorf("%d are served", len(served))
		}
	})
}

// Strangers who take all the memory give way to others, at whatever they are; the log
// says so once.
func TestStrangersGiveWay(t *testing.T) {
	counts := newTally()
	var log bytes.Buffer
	door := guard.New(guard.Config{StrangersMemory: 40_000}, guard.Deps{})
	cfg := Config{StrangerCost: 1000, HandshakeTimeout: time.Hour}
	deps := Deps{
		Serve: here(echo), Metrics: counts.metrics(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Tunnel: func(mining.Arrival) mining.Reason { return "" },
	}
	underGate(t, cfg, door, deps, func(q *queue) {
		for i := range 40 {
			_, _ = io.WriteString(q.come("203.0.113.1"), []string{"", "GE", "CONNECT h:1"}[i%3])
		}
		time.Sleep(3 * time.Second)
		honest := q.come("192.0.2.1")
		_, _ = io.WriteString(honest, "{}\n")
		answer := make([]byte, 3)
		if _, err := io.ReadFull(honest, answer); err != nil {
			t.Errorf("an honest one: %v", err)
		}
		synctest.Wait()
		if n := counts.count(mining.GaveWay); n != 1 {
			t.Errorf("%d gave way", n)
		}
		if n := door.Evict(of(netip.MustParsePrefix("203.0.113.0/24"), mining.Banned)); n != 39 {
			t.Errorf("%d are evicted", n)
		}
		synctest.Wait()
		if n := counts.count(mining.Banned); n != 39 {
			t.Errorf("%d ended as banned", n)
		}
	})
	if n := strings.Count(log.String(), "reason=gave_way"); n != 1 {
		t.Errorf("the log says it %d times:\n%s", n, &log)
	}
}

// knock connects and waits for the end, which may come before the connection does.
func knock(t *testing.T, addr string) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a refused connection is open")
	}
}

// Those whom the door refuses are closed at once, each reason said once a minute.
func TestRefusedAtTheDoor(t *testing.T) {
	counts := newTally()
	var log bytes.Buffer
	door := guard.New(guard.Config{Mode: guard.Allow, MaxConnections: 100}, guard.Deps{})
	deps := Deps{Serve: never(t), Metrics: counts.metrics(), Gate: NewGate(door), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	t.Cleanup(func() {
		if n := strings.Count(log.String(), "reason=access_denied"); n != 1 || !strings.Contains(log.String(), "access.allow") {
			t.Errorf("the log says it %d times:\n%s", n, &log)
		}
	})
	addr := start(t, Config{}, deps)
	for range 5 {
		knock(t, addr)
		if got := counts.next(); got != mining.AccessDenied {
			t.Errorf("refused as %s", got)
		}
	}
}

// of judges guests by where they come from.
func of(prefix netip.Prefix, reason mining.Reason) func(netip.Addr, bool) mining.Reason {
	return func(addr netip.Addr, _ bool) mining.Reason {
		if prefix.Contains(addr) {
			return reason
		}
		return ""
	}
}
