package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

func (h *house) breaker() link.BreakerState {
	h.t.Helper()
	synctest.Wait()
	return h.hub.Pools()[0].Breaker
}

// A pool that takes no more connections, though it keeps its probe, is tried by
// one miner at a time; when it takes them again, all come.
func TestBreakerOfAFullPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := sharedPool("only")
		h := build(t, []*fakePool{pool}, func(c *hub.Config) { c.Routes[0].OutageGrace = time.Hour })
		guests := h.crowd(30)
		if got := h.breaker(); got != link.Closed {
			t.Errorf("with all well it is %s", got)
		}
		pool.refuse.Store(true)
		pool.mu.Lock()
		conns := pool.conns[1:] // the first is the probe's
		pool.mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
		pass(time.Second)
		before := pool.dials.Load()
		pass(time.Minute)
		if n := pool.dials.Load() - before; n < 20 || n > 60 {
			t.Errorf("%d connections were tried in a minute", n)
		}
		if got := h.breaker(); got != link.Open {
			t.Errorf("while none is taken it is %s", got)
		}
		if !h.hub.Ready() {
			t.Error("the probe was lost")
		}
		pool.refuse.Store(false)
		pass(3 * time.Second)
		if at := where(t, guests); at["only"] != 30 || h.hub.Pools()[0].Links != 30 || h.breaker() != link.Closed {
			t.Errorf("miners: %v, %d links, %s", at, h.hub.Pools()[0].Links, h.breaker())
		}
	})
}

// A shared connection waits for the breaker, too, and has not to wait for its own
// pause after it.
func TestBreakerOfSharedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := sharedPool("only")
		h := buildShared(t, []*fakePool{pool}, func(c *hub.Config) {
			c.Routes[0].OutageGrace = time.Hour
			c.Routes[0].MaxMiners = 2
		})
		guests := h.crowd(30)
		pool.refuse.Store(true)
		pool.mu.Lock()
		conns := pool.conns[1:]
		pool.mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
		pass(time.Second)
		before := pool.dials.Load()
		pass(10 * time.Second)
		if n := pool.dials.Load() - before; n > 11 || h.breaker() != link.Open {
			t.Errorf("%d connections were tried in 10 s, the breaker is %s", n, h.breaker())
		}
		pool.refuse.Store(false)
		pass(30 * time.Second)
		if at := where(t, guests); at["only"] != 30 || h.breaker() != link.Closed {
			t.Errorf("miners: %v, %s", at, h.breaker())
		}
	})
}

// Miners do not dial pools that are down, and hear of it at once.
func TestBreakerOfADownPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		first.refuse.Store(true)
		second.refuse.Store(true)
		h := build(t, []*fakePool{first, second}, nil)
		pass(10 * time.Millisecond)
		before := first.dials.Load() + second.dials.Load()
		for i := range uint64(20) {
			g := h.join(i + 1)
			g.open()
			g.authorize("rig")
			synctest.Wait()
			if g.reason() != mining.PoolUnreachable {
				t.Errorf("a miner was closed with %q", g.reason())
			}
		}
		synctest.Wait()
		if n := first.dials.Load() + second.dials.Load() - before; n > 0 {
			t.Errorf("%d connections were tried", n)
		}
	})
}
