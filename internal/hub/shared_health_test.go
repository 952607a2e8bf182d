package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/sv1"
)

// shun makes a pool refuse valid shares until its miners shun it, and then
// take them again.
func (g *guest) shun(p *fakePool) {
	g.house.t.Helper()
	p.change(func() { p.submit = func(sv1.Submit) string { return `[23,"Low difficulty share",null]` } })
	for range 10 {
		g.mine(g.login())
	}
	pass(3 * time.Second)
	p.change(func() { p.submit = nil })
}

// What goes wrong with one connection says nothing of a pool that serves others:
// newcomers go where everybody is.
func TestTroubleOfOneConnection(t *testing.T) {
	for name, c := range map[string]struct {
		miners int
		room   int // of a link
		begin  func(first *fakePool)
		// trouble comes every 70 s.
		trouble func(first *fakePool)
	}{
		"an idle probe is closed": {2, 20, nil, func(first *fakePool) {
			for _, c := range first.all() {
				c.mu.Lock()
				idle := len(c.came) == 0
				c.mu.Unlock()
				if idle {
					_ = c.Close()
				}
			}
		}},
		"one link of five is cut": {45, 10, nil, func(first *fakePool) {
			all := first.all()
			_ = all[len(all)-1].Close()
		}},
		"no further link is taken": {19, 20, func(first *fakePool) { first.refuse.Store(true) }, func(*fakePool) {}},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := buildShared(t, []*fakePool{first, second}, fewMiners(c.room))
			guests := h.crowd(min(c.miners, 10))
			pass(3 * time.Second)
			if c.begin != nil {
				c.begin(first)
			}
			for i := len(guests); i < c.miners; i++ {
				guests = append(guests, h.bring(uint64(i+1), fmt.Sprintf("rig%d", i)))
			}
			guests[0].mine(guests[0].login())
			for range 3 {
				c.trouble(first)
				lives(70*time.Second, first, second)
			}
			guests[0].leave() // there is room
			late := h.bring(999, "late")
			for range 20 {
				c.trouble(first)
				lives(70*time.Second, first, second)
				late.mine("late")
			}
			all := append(guests[1:], late)
			if at := where(t, all); at["first"] != len(all) {
				t.Errorf("%s: miners: %v", name, at)
			}
			for _, g := range all {
				g.leave()
			}
		})
	}
}

// A pool that is of no use is better than none, for miners that lose theirs and
// for newcomers.
func TestShunnedIsBetterThanNone(t *testing.T) {
	for _, shunned := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			pools := []*fakePool{sharedPool("first"), sharedPool("second")}
			h := buildShared(t, pools, func(c *hub.Config) {
				c.Pools[0].RefusalStreak, c.Pools[1].RefusalStreak = 10, 10
			})
			last, dead := pools[shunned], pools[1-shunned]
			g := h.bring(1, "alice")
			if shunned == 1 { // it is there because the first is dead
				dead.refuse.Store(true)
				dead.closeAll()
				pass(3 * time.Second)
			}
			g.shun(last)
			dead.refuse.Store(true)
			dead.closeAll()
			lives(30*time.Second, last)
			late := h.bring(2, "late")
			lives(30*time.Second, last)
			if at := where(t, []*guest{g, late}); at[last.name] != 2 || !h.hub.Pools()[shunned].Shunned {
				t.Errorf("pool %d is shunned, the other dead: miners %v", shunned, at)
			}
			for _, g := range []*guest{g, late} {
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					t.Errorf("%v", a.Verdict)
				}
				g.leave()
			}
		})
	}
}

// The same work is not given twice: firmware would search it again.
func TestWorkIsNotGivenTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		for range 20 { // to and fro within one job of each
			g.tried = 0 // as firmware begins anew with a job
			for range 5 {
				if a := g.mine("alice"); a.Verdict != mining.Accepted {
					t.Errorf("%v", a.Verdict)
				}
			}
			h.hub.DrainPool("first", g.newest().Job.Pool == "first")
			works := g.given()
			for g.given() == works {
				pass(time.Second)
			}
		}
		seen := map[mining.JobID]bool{}
		for _, w := range g.works {
			if seen[w.ID] {
				t.Errorf("work %v was given again", w.ID)
			}
			seen[w.ID] = true
		}
		g.leave()
	})
}

// Miners that are held are as busy as ever: their difficulty stays, and each
// work that they are given is another search.
func TestHeldMinersDifficulty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 256 * easy
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
			c.Routes[0].Hold = true
			c.Routes[0].Vardiff = func(string) vardiff.Config { return vardiff.Config{Start: 64 * easy} }
		})
		g := h.bring(1, "alice")
		hash := func(seconds int) (shares int) { // 85 H/s
			budget := 0.0
			for range seconds {
				pass(time.Second)
				budget += 85
				for cost := float64(g.assigned().Difficulty) * (1 << 32); budget >= cost; budget -= cost {
					g.mine("alice")
					shares++
				}
			}
			return shares
		}
		for range 10 {
			hash(30)
			p.job()
		}
		before := g.assigned().Difficulty
		p.refuse.Store(true)
		p.closeAll()
		for range 8 {
			if n := hash(150); n > 60 {
				t.Fatalf("%d shares in 150 s at %v, it was %v before", n, g.assigned().Difficulty, before)
			}
		}
		if s := h.hub.MinerState(g.miner); s.Rejected > 0 || s.Hashrate < 38 || s.Hashrate > 175 {
			t.Errorf("%+v", s)
		}
		works := g.given()
		pass(20 * time.Minute)
		for i, w := range g.works[works:] {
			if before := g.works[works+i-1]; w.NTime < before.NTime+61 {
				t.Fatalf("work %d of the hold has time %v after %v", i, w.NTime, before.NTime)
			}
		}
		g.leave()
	})
}

// Who comes, or was sent elsewhere in vain, while miners are held is held as
// well: there is work of before somewhere.
func TestEveryoneIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, func(c *hub.Config) { c.Routes[0].Hold = true })
		g := h.bring(1, "alice")
		first.refuse.Store(true)
		first.closeAll()
		lives(12*time.Minute, second)
		second.refuse.Store(true)
		second.closeAll()
		pass(time.Minute)
		late := h.bring(2, "late")
		pass(2 * time.Minute)
		if a := late.mine("late"); a.Verdict != mining.Unpaid {
			t.Errorf("a newcomer's share: %v", a.Verdict)
		}
		g.leave()
		late.leave()
	})
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, func(c *hub.Config) {
			c.Routes[0].Hold = true
			c.Routes[0].Worker, _ = mining.ParseTemplate("{user}.{worker}") // no link is ready for it
		})
		g := h.bring(1, "alice.rig")
		first.refuse.Store(true)
		first.closeAll()
		second.change(func() { second.noJob, second.slow = true, 10*time.Second })
		pass(1500 * time.Millisecond)
		second.refuse.Store(true)
		second.closeAll()
		pass(5 * time.Second)
		works := g.given()
		pass(3 * time.Minute)
		if g.given() < works+5 || g.reason() != "" {
			t.Errorf("given %d works in three minutes, closed with %q", g.given()-works, g.reason())
		}
		g.leave()
	})
}
