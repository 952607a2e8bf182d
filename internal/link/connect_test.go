package link_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
)

// How long it took to reach the pool is known of the connection, and of the pool
// while it is away.
func TestConnectTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const took = 30 * time.Millisecond
		pool, near := newFakePool(t)
		first := true
		k := link.NewKeeper(link.KeeperConfig{Link: testConfig(), Username: "acct"}, link.KeeperDeps{
			Dial: func(context.Context, dial.Endpoint) (net.Conn, error) {
				if !first {
					return nil, errNoRoute
				}
				first = false
				time.Sleep(took)
				return near, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			_ = k.Run(ctx)
			close(done)
		}()
		pool.want(subscribe1)
		if s := k.Status(); s.Connect != 0 {
			t.Errorf("before the pool has spoken it is %v", s.Connect)
		}
		pool.say(ckpool1)
		synctest.Wait()
		if s := k.Status(); s.Connect != took || s.State != link.Connecting {
			t.Errorf("status is %+v", s)
		}
		_ = pool.conn.Close()
		time.Sleep(time.Minute)
		if s := k.Status(); s.Connect != took || s.State != link.Down || s.Attempts < 2 {
			t.Errorf("status is %+v", s)
		}
		cancel()
		<-done
	})
}

// Of a link it is known as long as it lives.
func TestConnectTimeOfALink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool, near := newFakePool(t)
		r := newRig(t, testConfig(), func(d *link.Deps) {
			d.Dial = func(context.Context, dial.Endpoint) (net.Conn, error) {
				time.Sleep(time.Second)
				return near, nil
			}
		})
		if got := r.link.Info().Connect; got != 0 {
			t.Errorf("before it is reached it is %v", got)
		}
		pool.want(subscribe1)
		if got := r.link.Info().Connect; got != time.Second {
			t.Errorf("it is %v", got)
		}
		_ = pool.conn.Close()
		<-r.done
		r.cancel()
	})
}

// slow is a resolver that takes its time.
type slow struct{}

func (slow) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	time.Sleep(100 * time.Millisecond)
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// What the resolver takes is not the pool's time.
func TestConnectTimeIsNotTheResolvers(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	cfg := testConfig()
	cfg.Endpoint = dial.Endpoint{Host: "pool.example.com", Port: ln.Addr().(*net.TCPAddr).AddrPort().Port()}
	began := time.Now()
	r := &record{}
	l := link.New(cfg, link.Deps{Dial: dial.New(dial.Config{Resolver: slow{}}).Dial, Events: r})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		l.Run(ctx)
		close(done)
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Read(make([]byte, 1)) // it is there
	info := l.Info()
	if all := info.Since.Sub(began); info.Connect <= 0 || info.Connect > all-100*time.Millisecond {
		t.Errorf("it took %v of %v", info.Connect, all)
	}
	_ = conn.Close()
	cancel()
	<-done
}
