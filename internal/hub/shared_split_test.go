package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// splitting divides the route of the pools by weight, the last two of three
// being one part.
func splitting(c *hub.Config) {
	names := c.Routes[0].Pools
	c.Routes[0].Parts = []hub.PartConfig{{Pools: names[:1], Weight: 70}, {Pools: names[1:], Weight: 30}}
}

// works has each guest find a share every ten seconds, for so many of them.
func works(t *testing.T, guests []*guest, rounds int, pools ...*fakePool) {
	t.Helper()
	for i := range rounds {
		for _, g := range guests {
			if a := g.mine(g.login()); a.Verdict != mining.Accepted {
				t.Errorf("a share: %v, closed with %q", a.Verdict, g.reason())
			}
			pass(10 * time.Second / time.Duration(len(guests)))
		}
		if i%3 == 0 {
			for _, p := range pools {
				p.job()
			}
		}
	}
}

// part is the share of the first pool since it and the second had so many.
func part(first, second *fakePool, before [2]int) (float64, [2]int) {
	a, _ := first.tally()
	b, _ := second.tally()
	return float64(a-before[0]) / float64(a-before[0]+b-before[1]), [2]int{a, b}
}

// The pools get their parts of the work, of many miners and of one, and nobody
// is flushed or refused for it.
func TestSplit(t *testing.T) {
	for _, n := range []int{1, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := buildShared(t, []*fakePool{first, second}, splitting)
			guests := h.crowd(n)
			works(t, guests, 60, first, second)
			_, before := part(first, second, [2]int{})
			works(t, guests, 360, first, second)
			got, _ := part(first, second, before)
			if got < 0.69 || got > 0.71 {
				t.Errorf("%d miners: %.3f of the work went to the first pool in an hour, want 0.7", n, got)
			}
			parts := h.hub.Routes()[0].Parts
			if len(parts) != 2 || parts[0].Target != 0.7 || parts[0].Miners+parts[1].Miners != n || parts[0].Work < parts[1].Work {
				t.Errorf("%d miners: parts %+v", n, parts)
			}
			flushed, moves := 0, 0
			for _, g := range guests {
				for i, a := range g.terms[1:] {
					if a.Work.Job.Pool != g.terms[i].Work.Job.Pool {
						moves++
						if a.Clean {
							flushed++
						}
					}
				}
			}
			if flushed > 0 || moves == 0 && n < 10 { // 7 and 3 of 10 are right as they are
				t.Errorf("%d miners: %d moves, %d of them flushed a miner", n, moves, flushed)
			}
			for _, p := range []*fakePool{first, second} {
				if _, refused := p.tally(); len(refused) > 0 {
					t.Errorf("%d miners: refused %q", n, refused)
				}
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}

// A part whose pools are dead is everybody else's for as long; within a part the
// next pool comes first.
func TestSplitWithDeadPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		main, a, b := sharedPool("main"), sharedPool("a"), sharedPool("b")
		h := buildShared(t, []*fakePool{main, a, b}, splitting)
		guests := h.crowd(10)
		works(t, guests, 60, main, a, b)
		if at := where(t, guests); at["main"] < 6 || at["a"] < 2 || at["b"] != 0 {
			t.Errorf("miners at the start: %v", at)
		}
		a.refuse.Store(true)
		a.closeAll()
		pass(2 * time.Second)
		if at := where(t, guests); at["main"] < 6 || at["b"] < 2 || at["a"] != 0 {
			t.Errorf("miners with a dead: %v", at)
		}
		b.refuse.Store(true)
		b.closeAll()
		pass(2 * time.Second)
		if at := where(t, guests); at["main"] != 10 {
			t.Errorf("miners with the part dead: %v", at)
		}
		works(t, guests, 30, main)
		a.refuse.Store(false)
		lives(4*time.Minute, main, a)
		works(t, guests, 60, main, a)
		_, before := part(main, a, [2]int{})
		works(t, guests, 180, main, a)
		if got, _ := part(main, a, before); got < 0.68 || got > 0.72 {
			t.Errorf("%.3f of the work went to main after all", got)
		}
		main.refuse.Store(true)
		main.closeAll()
		pass(2 * time.Second)
		if at := where(t, guests); at["a"] != 10 {
			t.Errorf("miners with main dead: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// Newcomers of whom nothing is known are divided by their number; a pinned route
// is not divided.
func TestSplitOfNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, splitting)
		pass(2 * time.Second)
		if parts := h.hub.Routes()[0].Parts; parts[0].Target != 0.7 {
			t.Errorf("before anybody has come: %+v", parts)
		}
		guests := h.crowd(10)
		if at := where(t, guests); at["first"] != 7 || at["second"] != 3 {
			t.Errorf("newcomers: %v", at)
		}
		h.hub.PinRoute("farm", "second")
		pass(2 * time.Second)
		if at := where(t, guests); at["second"] != 10 {
			t.Errorf("pinned: %v", at)
		}
		h.hub.PinRoute("farm", "")
		works(t, guests, 30, first, second)
		if at := where(t, guests); at["first"] < 6 || at["first"] > 8 {
			t.Errorf("not pinned any more: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A split is changed while it runs: other weights, and parts with other pools.
func TestSetSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools := []*fakePool{sharedPool("a"), sharedPool("b"), sharedPool("c")}
		h := buildShared(t, pools, splitting)
		guests := h.crowd(10)
		works(t, guests, 30, pools...)
		for _, c := range []struct {
			parts []hub.PartConfig
			want  map[string]int
		}{
			{[]hub.PartConfig{{Pools: []string{"a"}, Weight: 1}, {Pools: []string{"b", "c"}, Weight: 4}}, map[string]int{"a": 2, "b": 8}},
			{[]hub.PartConfig{{Pools: []string{"c"}, Weight: 1}}, map[string]int{"c": 10}},
			{[]hub.PartConfig{{Pools: []string{"c"}, Weight: 5}, {Pools: []string{"a"}, Weight: 5}}, map[string]int{"c": 5, "a": 5}},
		} {
			if err := h.hub.SetSplit("farm", c.parts); err != nil {
				t.Fatal(err)
			}
			works(t, guests, 30, pools...)
			at := where(t, guests)
			for pool, n := range c.want {
				if off := at[pool] - n; off < -1 || off > 1 || len(at) != len(c.want) {
					t.Errorf("%+v: miners %v, want about %v", c.parts, at, c.want)
				}
			}
		}
		for name, c := range map[string]struct {
			route string
			parts []hub.PartConfig
		}{
			"no such route": {"nosuch", []hub.PartConfig{{Pools: []string{"a"}, Weight: 1}}},
			"no pool":       {"farm", []hub.PartConfig{{Weight: 1}}},
			"no weight":     {"farm", []hub.PartConfig{{Pools: []string{"a"}}}},
			"own heir":      {"farm", []hub.PartConfig{{Pools: []string{"a"}, Weight: 1, OnDead: "a"}, {Pools: []string{"b"}, Weight: 1}}},
			"no heir":       {"farm", []hub.PartConfig{{Pools: []string{"a"}, Weight: 1, OnDead: "c"}, {Pools: []string{"b"}, Weight: 1}}},
			"for nobody":    {"farm", []hub.PartConfig{{Pools: []string{"a"}, Worker: "vip.*"}}},
			"both":          {"farm", []hub.PartConfig{{Pools: []string{"a"}, Weight: 1, Hashrate: 1}}},
			"below 0":       {"farm", []hub.PartConfig{{Pools: []string{"a"}, Weight: -1, Hashrate: 1}}},
			"foreign pool":  {"farm", []hub.PartConfig{{Pools: []string{"x"}, Weight: 1}}},
			"twice":         {"farm", []hub.PartConfig{{Pools: []string{"a"}, Weight: 1}, {Pools: []string{"a"}, Weight: 1}}},
		} {
			if h.hub.SetSplit(c.route, c.parts) == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if parts := h.hub.Routes()[0].Parts; len(parts) != 2 || parts[0].Weight != 5 {
			t.Errorf("after the errors: %+v", parts)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A route whose pools are in order is split while it runs, and its pools are put in
// order again; nobody is flushed or refused for it.
func TestSetSplitOfARouteInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		h := buildShared(t, []*fakePool{first, second, third}, nil)
		guests := h.crowd(10)
		works(t, guests, 12, first, second, third)
		if at := where(t, guests); at["first"] != 10 || h.hub.Routes()[0].Parts != nil {
			t.Errorf("in order: %v", at)
		}
		if err := h.hub.SetSplit("farm", []hub.PartConfig{{Pools: []string{"third"}, Weight: 7}, {Pools: []string{"second"}, Weight: 3}}); err != nil {
			t.Fatal(err)
		}
		works(t, guests, 60, first, second, third)
		if at := where(t, guests); at["first"] != 0 || at["third"] < 6 || at["second"] < 2 {
			t.Errorf("split: %v", at)
		}
		guests = append(guests, h.bring(100, "late"))
		if parts := h.hub.Routes()[0].Parts; len(parts) != 2 || parts[0].Miners+parts[1].Miners != 11 || parts[0].Work < parts[1].Work {
			t.Errorf("split: %+v", parts)
		}
		if err := h.hub.SetSplit("farm", nil); err != nil {
			t.Fatal(err)
		}
		works(t, guests, 3, first, second, third)
		if at := where(t, guests); at["first"] != 11 || h.hub.Routes()[0].Parts != nil {
			t.Errorf("in order again: %v", at)
		}
		for _, g := range guests {
			if a := g.mine(g.login()); a.Verdict != mining.Accepted {
				t.Errorf("%v, closed with %q", a.Verdict, g.reason())
			}
			g.leave()
		}
	})
}

// A part that has nothing for a miner keeps it from nothing that another part
// has.
func TestPartWithoutRoom(t *testing.T) {
	for name, c := range map[string]struct {
		// trouble comes to the second pool, which has 30 %.
		trouble func(h *house, first, second *fakePool)
	}{
		"it takes no connection in place of one of two": {func(_ *house, _, second *fakePool) {
			second.refuse.Store(true)
			_ = second.last().Close()
		}},
		"it becomes narrow": {func(_ *house, _, second *fakePool) {
			second.change(func() { second.en2Size = 5 })
			for _, c := range second.all() {
				c.setExtranonce("aabb", 5)
				c.notify(true)
			}
		}},
		"it is drained": {func(h *house, _, _ *fakePool) { h.hub.DrainPool("second", true) }},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := buildShared(t, []*fakePool{first, second}, func(c *hub.Config) {
				splitting(c)
				c.Routes[0].MaxMiners = 2
			})
			guests := h.crowd(10)
			works(t, guests, 12, first, second)
			c.trouble(h, first, second)
			lives(90*time.Second, first, second)
			for i := range 4 {
				guests = append(guests, h.bring(uint64(100+i), "late"))
			}
			lives(90*time.Second, first, second)
			for _, g := range guests {
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					t.Errorf("%s: %v, closed with %q", name, a.Verdict, g.reason())
				}
				g.leave()
			}
		})
	}
}

// What a part did not get while the route was pinned to another is not made up
// for.
func TestPinLeavesNoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, splitting)
		guests := h.crowd(10)
		works(t, guests, 30, first, second)
		h.hub.PinRoute("farm", "first")
		works(t, guests, 180, first, second)
		h.hub.PinRoute("farm", "")
		for i := range 12 {
			works(t, guests, 6, first, second)
			if at := where(t, guests); i > 0 && (at["first"] < 5 || at["second"] < 2) {
				t.Errorf("%d minutes after: %v", i+1, at)
			}
		}
		for _, g := range guests {
			g.leave()
		}
	})
}
