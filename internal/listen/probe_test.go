package listen

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/guard"
)

// probing is a listener that runs until the test ends.
func probing(t *testing.T, address string, deps Deps) *Listener {
	t.Helper()
	l := New(Config{Address: address}, deps)
	if err := l.Listen(t.Context()); err != nil {
		if strings.Contains(address, "::") {
			t.Skipf("this machine has no IPv6: %v", err)
		}
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
	return l
}

// TestProbe has every kind of listener prove that it accepts; nobody takes the
// connection for a miner: neither the door, which has no place and is told of nothing,
// nor the counters, the log or who serves.
func TestProbe(t *testing.T) {
	addresses := []string{"127.0.0.1:0", "0.0.0.0:0", ":0", "[::1]:0", "[::]:0"}
	if runtime.GOOS == "linux" { // one which is not what the kernel would connect from
		addresses = append(addresses, "127.77.1.2:0")
	}
	for _, address := range append(addresses, linkLocal(t)...) {
		t.Run(address, func(t *testing.T) {
			var log bytes.Buffer
			counts := newTally()
			door := guard.New(guard.Config{MaxConnections: 1}, guard.Deps{
				OnOpen: func(netip.Addr) { t.Error("the door was told of a probe") },
			})
			l := probing(t, address, Deps{
				Gate: NewGate(door), Metrics: counts.metrics(), Serve: never(t),
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				err := l.Probe(ctx)
				cancel()
				if err != nil {
					t.Fatal(err)
				}
			}
			if n := counts.count("accepted"); n != 0 || log.Len() > 0 {
				t.Errorf("%d probes were counted, and this was logged: %s", n, &log)
			}
		})
	}
}

// linkLocal is an address of this machine that needs a zone, where it has one.
func linkLocal(t *testing.T) []string {
	t.Helper()
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		addrs, err := link.Addrs()
		if err != nil {
			continue // it is gone again
		}
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if err == nil && prefix.Addr().Is6() && prefix.Addr().IsLinkLocalUnicast() {
				return []string{net.JoinHostPort(prefix.Addr().WithZone(link.Name).String(), "0")}
			}
		}
	}
	return nil
}

// TestProbeNotListening names a listener that is not bound, one that is closed, and one
// whose socket takes connections while nobody accepts them.
func TestProbeNotListening(t *testing.T) {
	l := New(Config{Address: "127.0.0.1:0"}, Deps{})
	if err := l.Probe(t.Context()); !errors.Is(err, errNotListening) {
		t.Errorf("not bound: %v", err)
	}
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Probe(ctx); !errors.Is(err, ErrNotAccepted) {
		t.Errorf("nobody accepts: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("closed: %v", err)
	}
}

// TestProbeIsNobodyElse lets miners of this machine in while a probe is under way: only
// the port tells them apart.
func TestProbeIsNobodyElse(t *testing.T) {
	counts := newTally()
	l := probing(t, "127.0.0.1:0", Deps{Metrics: counts.metrics(), Serve: here(echo)})
	test := &selfTest{accepted: make(chan struct{})}
	test.port.Store(1)
	l.probe.Store(test)
	if err := l.Probe(t.Context()); err == nil {
		t.Error("two probes at a time")
	}
	conn := dial(t, l.Addr().String())
	say(t, conn, "{}\n")
	hear(t, conn, "{}\n")
	if l.probe.Load() != test {
		t.Error("a miner was taken for the probe")
	}
	l.probe.Store(nil)
	if err := l.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if n := counts.count("accepted"); n != 1 {
		t.Errorf("%d are counted, want the miner alone", n)
	}
}

// TestProbeFromElsewhere does not take a connection for the probe that has its port and
// not its address.
func TestProbeFromElsewhere(t *testing.T) {
	l := New(Config{Address: "127.0.0.1:0"}, Deps{})
	test := &selfTest{accepted: make(chan struct{})}
	test.port.Store(4444)
	l.probe.Store(test)
	for remote, want := range map[string]bool{"192.0.2.1:4444": false, "127.0.0.1:4443": false, "127.0.0.1:4444": true} {
		l.probe.Store(test)
		test.accepted = make(chan struct{})
		if got := l.isProbe(between{remote: remote}); got != want {
			t.Errorf("%s: %v", remote, got)
		}
	}
}

// between is a connection that has only addresses.
type between struct {
	net.Conn

	remote string
}

func (b between) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(b.remote))
}

func (between) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:3333"))
}
