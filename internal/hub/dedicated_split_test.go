package hub_test

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
)

// crossings counts how often each guest went to another pool, and fails where that was
// twice within ten minutes, or flushed it.
func crossings(t *testing.T, guests []*guest) (all int) {
	t.Helper()
	for _, g := range guests {
		last := time.Time{}
		for i, a := range g.terms[1:] {
			if a.Work.Job.Pool == g.terms[i].Work.Job.Pool {
				continue
			}
			all++
			if at := a.Work.Job.Received; at.Sub(last) < 9*time.Minute { // a job may have come before the move
				t.Errorf("miner %d was moved again after %v", g.miner.ID, at.Sub(last))
			} else {
				last = at
			}
			if a.Clean {
				t.Errorf("miner %d was flushed by a move", g.miner.ID)
			}
		}
	}
	return all
}

// Miners with links of their own are divided, too: when they come by number, then by
// what they do, each moved once in ten minutes at the most.
func TestDedicatedSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, splitting)
		guests := h.crowd(20)
		if at := where(t, guests); at["first"] != 14 || at["second"] != 6 {
			t.Errorf("newcomers: %v", at)
		}
		works(t, guests, 90, first, second)
		_, before := part(first, second, [2]int{})
		works(t, guests, 180, first, second)
		if got, _ := part(first, second, before); got < 0.69 || got > 0.71 {
			t.Errorf("%.3f of the work went to the first pool in half an hour, want 0.7", got)
		}
		if n := crossings(t, guests); n > 4 {
			t.Errorf("%d moves of miners who are right where they are", n)
		}
		parts := h.hub.Routes()[0].Parts
		if parts[0].Target != 0.7 || parts[0].Miners+parts[1].Miners != 20 || parts[0].Rate < 2*parts[1].Rate || parts[0].Work < 2*parts[1].Work {
			t.Errorf("parts %+v", parts)
		}
		// Half of those at the first pool go: some of the second's come for them.
		stay := make([]*guest, 0, len(guests))
		for i, gone := 0, 0; i < len(guests); i++ {
			if guests[i].newest().Job.Pool == "first" && gone < 10 {
				guests[i].leave()
				gone++
				continue
			}
			stay = append(stay, guests[i])
		}
		works(t, stay, 120, first, second)
		_, before = part(first, second, [2]int{})
		works(t, stay, 360, first, second)
		if got, _ := part(first, second, before); got < 0.68 || got > 0.72 {
			t.Errorf("%.3f of the work of fewer went to the first pool in an hour, want 0.7", got)
		}
		if n := crossings(t, stay); n < 3 {
			t.Errorf("%d moves", n)
		}
		for _, p := range []*fakePool{first, second} {
			if _, refused := p.tally(); len(refused) > 0 {
				t.Errorf("refused %q", refused)
			}
		}
		for _, g := range stay {
			g.leave()
		}
		pass(10 * time.Second)
		if n := h.hub.Pools()[0].Links + h.hub.Pools()[1].Links; n != 0 || h.hub.Pending() != 0 {
			t.Errorf("%d links are left, %d shares are due", n, h.hub.Pending())
		}
	})
}

// What cannot wait is done at once: a part that is for a worker has it, one whose
// window ends or whose pool dies has nobody, and another split holds.
func TestDedicatedSplitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		window, err := steer.ParseWindow("* 0 * * *", time.UTC) // the first hour of the bubble
		if err != nil {
			t.Fatal(err)
		}
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		pools := []*fakePool{first, second, third}
		h := build(t, pools, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{
				{Pools: []string{"first"}, Weight: 1},
				{Pools: []string{"second"}, Weight: 1, Window: window},
				{Pools: []string{"third"}, Worker: "vip.*"},
			}
		})
		guests := append(h.crowd(10), h.bring(50, "vip.1"), h.bring(51, "vip.2"))
		pass(3 * time.Second)
		expect := func(what string, want map[string]int) {
			t.Helper()
			for _, g := range guests {
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					t.Errorf("%s: a share: %v", what, a.Verdict)
				}
			}
			if at := where(t, guests); fmt.Sprint(at) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", what, at, want)
			}
		}
		expect("in the window", map[string]int{"first": 5, "second": 5, "third": 2})
		for _, p := range h.hub.Routes()[0].Parts[2:] {
			if p.Miners != 2 || p.OwnWork != p.Work || p.Work == 0 || p.Target != 0 {
				t.Errorf("the vips' part: %+v", p)
			}
		}
		lives(time.Until(time.Date(2000, 1, 1, 1, 0, 10, 0, time.UTC)), pools...)
		expect("10 s after the window", map[string]int{"first": 10, "third": 2})
		third.refuse.Store(true)
		third.closeAll()
		pass(3 * time.Second)
		expect("without the vips' pool", map[string]int{"first": 12})
		third.refuse.Store(false)
		lives(4*time.Minute, pools...)
		expect("with it again", map[string]int{"first": 10, "third": 2})
		first.refuse.Store(true)
		first.closeAll()
		pass(3 * time.Second)
		if at := where(t, guests); at["first"] != 0 {
			t.Errorf("without the first pool: %v", at)
		}
		first.refuse.Store(false)
		lives(4*time.Minute, pools...)
		expect("with it again", map[string]int{"first": 10, "third": 2})
		if err := h.hub.SetSplit("farm", nil); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		expect("in order", map[string]int{"first": 12})
		if err := h.hub.SetSplit("farm", []hub.PartConfig{{Pools: []string{"third"}, Weight: 1}}); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		expect("split anew", map[string]int{"third": 12})
		h.hub.PinRoute("farm", "second")
		pass(3 * time.Second)
		expect("pinned", map[string]int{"second": 12})
		for _, g := range guests {
			g.leave()
		}
	})
}

// Those whose pool dies go to the others in their proportions, each by one connection.
func TestDedicatedSplitWithADeadPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		pools := []*fakePool{first, second, third}
		h := build(t, pools, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{
				{Pools: []string{"first"}, Weight: 50}, {Pools: []string{"second"}, Weight: 30}, {Pools: []string{"third"}, Weight: 20},
			}
		})
		guests := h.crowd(20)
		works(t, guests, 90, pools...)
		if at := where(t, guests); at["first"] != 10 || at["second"] != 6 || at["third"] != 4 {
			t.Errorf("at the start: %v", at)
		}
		before := second.count() + third.count()
		first.refuse.Store(true)
		first.closeAll()
		pass(3 * time.Second)
		works(t, guests, 60, second, third)
		if at, n := where(t, guests), second.count()+third.count()-before; at["second"] != 12 || at["third"] != 8 || n != 10 {
			t.Errorf("without the first: %v, by %d connections", at, n)
		}
		first.refuse.Store(false)
		lives(3*time.Minute, pools...)
		works(t, guests, 90, pools...)
		if at := where(t, guests); at["first"] < 9 || at["first"] > 11 {
			t.Errorf("with it again: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// So they do where they are so many that they have to wait for their turns.
func TestDedicatedSplitWithADeadPartOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		h := build(t, []*fakePool{first, second, third}, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{
				{Pools: []string{"first"}, Weight: 50}, {Pools: []string{"second"}, Weight: 30}, {Pools: []string{"third"}, Weight: 20},
			}
		})
		guests := h.crowd(600)
		pass(2 * time.Second)
		before := second.count() + third.count()
		first.refuse.Store(true)
		first.closeAll()
		pass(5 * time.Second)
		at, n := where(t, guests), second.count()+third.count()-before
		if at["second"] != 360 || at["third"] != 240 || n != 300 {
			t.Errorf("without the first: %v, by %d connections", at, n)
		}
		for _, g := range guests {
			h.hub.Leave(g.miner)
		}
	})
}

// A pool that takes no more miners has those it has: each is sent there once, and
// nobody is without work for it.
func TestDedicatedSplitToAPoolThatIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, splitting)
		second.refuse.Store(true)
		guests := h.crowd(10)
		if at := where(t, guests); at["first"] != 10 {
			t.Errorf("with a pool that takes nobody: %v", at)
		}
		works(t, guests, 150, first, second)
		if at := where(t, guests); at["first"] != 10 {
			t.Errorf("with a pool that takes nobody: %v", at)
		}
		second.refuse.Store(false)
		works(t, guests, 150, first, second)
		if at := where(t, guests); at["first"] < 6 || at["first"] > 8 {
			t.Errorf("with one that does: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// Miners that were told a pool's own extranonce come to the part that misses most, and
// stay there.
func TestSplitOfThoseWhoCannotMove(t *testing.T) {
	for _, shared := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			first.en2Size, second.en2Size = 3, 3
			said := new(logText)
			h := buildWith(t, []*fakePool{first, second}, slog.New(slog.NewTextHandler(said, nil)), func(c *hub.Config) {
				splitting(c)
				c.Routes[0].Shared = shared
			})
			guests := h.crowd(10)
			works(t, guests, 12, first, second)
			if at := where(t, guests); at["first"] != 7 || at["second"] != 3 {
				t.Errorf("shared %t: %v", shared, at)
			}
			if err := h.hub.SetSplit("farm", []hub.PartConfig{{Pools: []string{"first"}, Weight: 1}, {Pools: []string{"second"}, Weight: 9}}); err != nil {
				t.Fatal(err)
			}
			works(t, guests, 120, first, second)
			if at := where(t, guests); at["first"] != 7 || at["second"] != 3 {
				t.Errorf("shared %t, after 20 minutes of another split: %v", shared, at)
			}
			guests = append(guests, h.bring(100, "late"))
			if at := where(t, guests); at["second"] != 4 {
				t.Errorf("shared %t, a newcomer: %v", shared, at)
			}
			if said.count("stays at the part that it came to") == 0 {
				t.Errorf("shared %t: nothing was said of it", shared)
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}
