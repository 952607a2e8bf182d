package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// endings is a hub with one pool, and counts how links end.
type endings struct {
	t    *testing.T
	pool *fakePool
	h    *house
	g    *guest
	stop context.CancelFunc
	// shared makes many miners share a link, and closes one soon that has none.
	shared bool
	// dial replaces the pool's own dialing; what it returns nil for is dialed.
	dial func() (net.Conn, error)
	// ours is our end of the newest connection. All reads of our ends fail
	// with the broken errno unless it is 0.
	ours   *testkit.Conn
	broken atomic.Uintptr

	mu sync.Mutex
	// probe and miners count ends by reason.
	probe, miners map[mining.Reason]int
}

// tally counts into one of the maps.
type tally struct {
	e      *endings
	counts map[mining.Reason]int
	reason mining.Reason
}

func (c tally) Inc() {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.counts[c.reason]++
}

// metrics counts every reason there is, so that one of the wrong side shows.
func (e *endings) metrics(counts map[mining.Reason]int) *link.Metrics {
	m := &link.Metrics{Closed: make(map[mining.Reason]link.Counter)}
	for _, side := range []mining.Side{mining.Upstream, mining.Downstream} {
		for _, reason := range mining.Reasons(side) {
			m.Closed[reason] = tally{e, counts, reason}
		}
	}
	return m
}

// faulty is a connection whose reads can be made to fail.
type faulty struct {
	net.Conn

	broken *atomic.Uintptr
}

func (f faulty) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if errno := f.broken.Load(); errno != 0 {
		return 0, syscall.Errno(errno)
	}
	return n, err
}

// start runs the hub.
func (e *endings) start() {
	text := mining.DefaultTemplate
	if e.shared {
		text = "{login}" // no link is kept warm then
	}
	template, err := mining.ParseTemplate(text)
	if err != nil {
		e.t.Fatal(err)
	}
	e.h = &house{t: e.t, books: ledger.New(ledger.Config{}, time.Now())}
	links := 0
	e.h.hub, err = hub.New(hub.Config{
		UserAgent: "loka/test", VersionMask: work.MaskBIP320, IdleLink: 10 * time.Second,
		Pools:  []hub.PoolConfig{{Name: "main", Endpoint: dial.Endpoint{Host: "main", Port: 3333}, Account: "ACC", Password: "p", Redirects: dial.Redirects{SameDomain: true}}},
		Routes: []hub.RouteConfig{{Name: "farm", Rule: anyone, Pools: []string{"main"}, Worker: template, Shared: e.shared}},
	}, hub.Deps{
		Ledger: e.h.books, Wire: wire.Config{MaxLine: 64 << 10}, Dial: e.dialed,
		Metrics: hub.Metrics{Link: func(string) *link.Metrics {
			links++
			if links == 1 {
				return e.metrics(e.probe)
			}
			return e.metrics(e.miners)
		}},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.h.hub.Run(ctx) }()
	e.stop = func() {
		cancel()
		if done == nil {
			return
		}
		if err := <-done; err != nil {
			e.t.Errorf("hub: %v", err)
		}
		done = nil
	}
	synctest.Wait()
}

func (e *endings) dialed(context.Context, dial.Endpoint) (net.Conn, error) {
	if e.dial != nil {
		if conn, err := e.dial(); conn != nil || err != nil {
			return conn, err
		}
	}
	conn, err := e.pool.dial()
	if err != nil {
		return nil, err
	}
	ours, isPipe := conn.(*testkit.Conn)
	if !isPipe {
		return nil, errors.New("not a pipe")
	}
	e.ours = ours
	return faulty{conn, &e.broken}, nil
}

// theirs is the pool's end of the newest connection.
func (e *endings) theirs() *testkit.Conn {
	theirs, isPipe := e.pool.last().Conn.(*testkit.Conn)
	if !isPipe {
		e.t.Fatal("not a pipe")
	}
	return theirs
}

// deaf makes the pool take connections and say nothing.
func (e *endings) deaf() {
	e.dial = func() (net.Conn, error) {
		ours, theirs := testkit.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, theirs)
			_ = theirs.Close()
		}()
		return ours, nil
	}
}

// refuses makes the pool answer its second request, mining.subscribe, so.
func (e *endings) refuses(answer string) {
	e.dial = func() (net.Conn, error) {
		ours, theirs := testkit.Pipe()
		go func() {
			r := sv1.NewReader(theirs, 1<<16)
			for {
				line, err := r.ReadLine()
				if err != nil {
					_ = theirs.Close()
					return
				}
				var m sv1.Message
				if m.Scan(line) == nil && sv1.ParseMethod(m.Method) == sv1.MethodSubscribe {
					_, _ = fmt.Fprintf(theirs, `{"id":%s,%s}`+"\n", m.ID, answer)
				}
			}
		}()
		return ours, nil
	}
}

// fail makes the next read of the newest connection fail.
func (e *endings) fail(errno syscall.Errno) {
	e.broken.Store(uintptr(errno))
	e.pool.last().say("\n")
	synctest.Wait()
	e.broken.Store(0)
}

// submit makes the link of the miner write.
func (e *endings) submit() {
	e.g.submit("alice", 1, hex(e.t, "000001"))
}
