package hub_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
)

// A pinned route's miners, and its new ones, are at the pool that it is pinned to
// while that is usable, and else where they would be without.
func TestPinRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools := []*fakePool{sharedPool("first"), sharedPool("second"), sharedPool("third")}
		var log logText
		h := buildHub(t, pools, hub.Deps{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(c *hub.Config) {
			shareAll(c)
			c.Routes[0].MaxMiners = 10
		})
		guests := h.crowd(25)
		pass(2 * time.Second)
		at := func(what, pool string) {
			t.Helper()
			pass(3 * time.Second)
			if got := where(t, guests); got[pool] != len(guests) {
				t.Errorf("%s: miners at %v", what, got)
			}
			if got := h.hub.Routes()[0]; got.Active != pool {
				t.Errorf("%s: a new one would be at %q", what, got.Active)
			}
		}
		pin := func(pool string) {
			t.Helper()
			if !h.hub.PinRoute("farm", pool) {
				t.Errorf("not pinned to %s", pool)
			}
			if got := h.hub.Routes()[0].Pinned; got != pool {
				t.Errorf("pinned to %q, want %q", got, pool)
			}
		}
		if h.hub.PinRoute("nosuch", "first") || h.hub.PinRoute("nosuch", "") || h.hub.PinRoute("farm", "nosuch") {
			t.Error("what is not there is pinned")
		}
		pin("third")
		pin("third")
		guests = append(guests, h.bring(100, "late"))
		at("pinned to the third", "third")
		if n := log.count("route is pinned to a pool"); n != 1 {
			t.Errorf("said %d times", n)
		}
		if log.count("their route is pinned") == 0 {
			t.Error("the log does not say why the miners were moved")
		}

		h.hub.DrainPool("third", true)
		at("drained", "first")
		h.hub.DrainPool("third", false)
		at("in use again", "third")

		pools[2].refuse.Store(true)
		pools[2].closeAll()
		at("the third is down", "first")
		pools[2].refuse.Store(false)
		for range 20 {
			lives(30*time.Second, pools...)
		}
		at("the third has been back for long", "third")

		pin("")
		at("the pin is taken back", "first")
		for _, g := range guests {
			g.leave()
		}
	})
}

// The pool that a pinned route would go to next is ready before it is needed.
func TestPinnedRouteIsKeptReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools := []*fakePool{sharedPool("a"), sharedPool("b"), sharedPool("c")}
		h := buildShared(t, pools, nil)
		if !h.hub.PinRoute("farm", "c") {
			t.Fatal("not pinned")
		}
		pass(3 * time.Second)
		g := h.bring(1, "alice")
		states := h.hub.Pools()
		if at := g.newest().Job.Pool; at != "c" || states[0].Links != 1 || states[2].Links != 1 {
			t.Errorf("at %s, links to a %d, to c %d", at, states[0].Links, states[2].Links)
		}
		g.leave()
	})
}

// Who comes while all that serves is drained gets work all the same.
func TestNewcomerWhereOnlyADrainedPoolServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		first.refuse.Store(true)
		h := buildShared(t, []*fakePool{first, second}, nil)
		h.hub.DrainPool("second", true)
		pass(30 * time.Second)
		if s := h.hub.Pools()[1]; !s.Drained || !h.hub.Ready() || h.hub.Routes()[0].Active != "second" {
			t.Errorf("drained %t, ready %t, active %q", s.Drained, h.hub.Ready(), h.hub.Routes()[0].Active)
		}
		g := h.bring(1, "alice")
		pass(time.Second)
		if at := where(t, []*guest{g}); at["second"] != 1 {
			t.Errorf("at %v", at)
		}
		first.refuse.Store(false)
		for range 10 {
			lives(30*time.Second, first, second)
		}
		if at := where(t, []*guest{g}); at["first"] != 1 {
			t.Errorf("with another pool: at %v", at)
		}
		if h.hub.Routes()[0].Active != "first" {
			t.Error("a drained pool is preferred")
		}
		g.leave()
	})
}

// A miner with a link of its own goes to the pool that its route is pinned to,
// and back.
func TestPinDedicatedRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		for _, c := range []struct{ pin, at string }{{"second", "second"}, {"", "first"}} {
			h.hub.PinRoute("farm", c.pin)
			lives(2*time.Minute, first, second)
			if at := where(t, []*guest{g}); at[c.at] != 1 || h.hub.Routes()[0].Active != c.at {
				t.Errorf("pinned to %q: at %v, active %q", c.pin, at, h.hub.Routes()[0].Active)
			}
		}
		g.leave()
	})
}
