package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
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

// Accounts that wait for a pool which takes no connections take nothing of the pace
// of those that have somewhere to go.
func TestAccountsThatWaitHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, good := sharedPool("full"), sharedPool("good")
		h := build(t, []*fakePool{full, good}, func(c *hub.Config) {
			own := c.Routes[0]
			own.Name, own.Pools, own.Rule = "own", []string{"good"}, steer.Rule{Worker: "own.*"}
			shareAll(c)
			c.Routes[0].Pools, c.Routes[0].OutageGrace = []string{"full"}, time.Hour
			c.Routes[0].Rule = steer.Rule{Worker: "farm*"}
			c.Routes[0].Worker, _ = mining.ParseTemplate("{user}.{worker}")
			c.Routes = append(c.Routes, own)
		})
		for i := range uint64(300) { // more than try while the test lasts
			h.bring(i+1, fmt.Sprintf("farm%d.rig", i))
		}
		g := h.bring(1000, "own.rig")
		full.refuse.Store(true)
		full.mu.Lock()
		conns := full.conns[1:] // the first is the probe's
		full.mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
		for range 10 {
			pass(10 * time.Second)
			full.job()
			good.job()
			_ = good.last().Close()
			pass(1500 * time.Millisecond)
			if !h.hub.Ready() || h.hub.Pools()[1].Links != 1 {
				t.Errorf("a miner waits for its link, the breaker of others is %s", h.breaker())
			}
		}
		g.leave()
	})
}
