package hub_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// Miners with links of their own change the pool as the others do: however it
// dies, at once, without a disconnect, and back when it has been well for long.
func TestDedicatedFailover(t *testing.T) {
	for name, c := range map[string]struct{ kill, revive func(p *fakePool) }{
		"closes": {
			func(p *fakePool) { p.refuse.Store(true); p.closeAll() },
			func(p *fakePool) { p.refuse.Store(false) },
		},
		"refuses the login": {
			func(p *fakePool) {
				p.change(func() { p.authorize = func(string) string { return `[24,"Unauthorized worker",null]` } })
				p.closeAll()
			},
			func(p *fakePool) { p.change(func() { p.authorize = nil }) },
		},
		"has no work": {
			func(p *fakePool) { p.change(func() { p.noJob = true }); p.closeAll() },
			func(p *fakePool) { p.change(func() { p.noJob = false }); p.job() },
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			second.en2Size = 12
			h := build(t, []*fakePool{first, second}, nil)
			guests := h.crowd(20)
			old := guests[0].newest()
			mine := func(what string, at *fakePool) {
				t.Helper()
				before, _ := at.tally()
				for _, g := range guests {
					if a := g.mine(g.login()); a.Verdict != mining.Accepted {
						t.Errorf("%s, %s: %v", name, what, a.Verdict)
					}
				}
				if n, refused := at.tally(); n != before+20 || len(refused) != 0 {
					t.Errorf("%s, %s: the pool took %d and refused %q", name, what, n-before, refused)
				}
			}
			mine("at the start", first)
			c.kill(first)
			pass(3 * time.Second)
			if at := where(t, guests); at["second"] != 20 {
				t.Errorf("%s: miners: %v", name, at)
			}
			for _, g := range guests {
				if a := g.assigned(); !a.Clean {
					t.Errorf("%s: the work of the other pool is not clean", name)
				}
			}
			mine("at the second pool", second)
			if a := guests[0].hand(guests[0].login(), guests[0].search(old, easy, impossible)); a.Verdict != mining.Stale {
				t.Errorf("%s: a share for the dead pool: %v", name, a.Verdict)
			}
			lives(5*time.Minute, second)
			c.revive(first)
			lives(3*time.Minute, first, second)
			lives(3*time.Minute, first, second)
			if at := where(t, guests); at["first"] != 20 {
				t.Errorf("%s: miners after the hold-down: %v", name, at)
			}
			mine("back at the first pool", first)
			for _, g := range guests {
				g.leave()
			}
			pass(10 * time.Second)
			if n := h.hub.Pools()[0].Links + h.hub.Pools()[1].Links; n != 0 || h.hub.Pending() != 0 {
				t.Errorf("%s: %d links are left, %d shares are due", name, n, h.hub.Pending())
			}
			for i, p := range h.books.Snapshot(time.Now()).Pools {
				want := []uint64{40, 20}[i]
				if got := p.Tally.Pools.Of(mining.Accepted); got != want {
					t.Errorf("%s: pool %d took %d shares in our book, %d in its own", name, i, got, want)
				}
			}
		})
	}
}

// A miner that is drained from its pool loses nothing: there is other work
// before its link goes, and what it found for the old work goes there.
func TestDedicatedDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		g.authorize("bob")
		old := g.newest()
		h.hub.DrainPool("first", true)
		pass(3 * time.Second)
		a := g.assigned()
		if a.Work.Job.Pool != "second" || a.Clean || g.reason() != "" {
			t.Fatalf("drained: %+v, closed with %q", a, g.reason())
		}
		for i, share := range []struct {
			login string
			of    *mining.Work
			at    *fakePool
			name  string
		}{
			{"alice", old, first, "ACC-first.alice"},
			{"bob", old, first, "ACC-first.bob"},
			{"alice", a.Work, second, "ACC-second.alice"},
			{"bob", a.Work, second, "ACC-second.bob"},
		} {
			got := g.hand(share.login, g.search(share.of, easy, impossible))
			names := share.at.names()
			if got.Verdict != mining.Accepted || len(names) == 0 || names[len(names)-1] != share.name {
				t.Errorf("share %d: %v, sent as %q", i, got.Verdict, names)
			}
		}
		lives(3*time.Minute, first, second) // the old link has had its time
		if n := h.hub.Pools()[0].Links; n != 0 {
			t.Errorf("%d links to the drained pool are left", n)
		}
		if got := g.hand("alice", g.search(old, easy, impossible)); got.Verdict != mining.Stale && got.Verdict != mining.JobNotFound {
			t.Errorf("a share of the old work now: %v", got.Verdict)
		}
		g.leave()
	})
}

// A pool that knows one worker a connection takes all of a miner's shares by
// its first worker's name.
func TestDedicatedFailoverToOneWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		g.authorize("bob")
		second.change(func() {
			second.authorize = func(user string) string {
				if user == "ACC-second.bob" {
					return ""
				}
				return "true"
			}
		})
		first.refuse.Store(true)
		first.closeAll()
		pass(3 * time.Second)
		for _, login := range []string{"alice", "bob"} {
			if a := g.mine(login); a.Verdict != mining.Accepted {
				t.Errorf("%s: %v", login, a.Verdict)
			}
		}
		if got := second.names(); !slices.Equal(got, []string{"ACC-second.alice", "ACC-second.alice"}) {
			t.Errorf("shares came as %q", got)
		}
		g.leave()
	})
}

// Many links that are lost at once are not dialled at once.
func TestDedicatedFailoverIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		const miners = 400
		guests := make([]*guest, 0, miners)
		for i := range miners {
			guests = append(guests, h.bring(uint64(i+1), fmt.Sprintf("rig%d", i)))
		}
		before := second.count()
		first.refuse.Store(true)
		first.closeAll()
		last, most := before, 0
		for range 50 {
			pass(100 * time.Millisecond)
			now := second.count()
			most, last = max(most, now-last), now
		}
		if most > 71 { // a burst of 50, and 200 a second
			t.Errorf("%d connections within 100 ms", most)
		}
		if at := where(t, guests); at["second"] != miners {
			t.Errorf("miners five seconds later: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// Each share goes to the link that its work came from, also after two moves
// within the time that a link stays, and its miner hears what became of it.
func TestDedicatedMovesTwice(t *testing.T) {
	for name, c := range map[string]struct {
		silent bool // the first pool says nothing to shares
		want   mining.Verdict
	}{
		"the pool answers":  {false, mining.Accepted},
		"the pool does not": {true, mining.Unanswered},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
			h := build(t, []*fakePool{first, second, third}, nil)
			g := h.bring(1, "alice")
			old := g.newest()
			if c.silent {
				first.change(func() { first.submit = func(sv1.Submit) string { return "" } })
			}
			h.hub.DrainPool("first", true)
			pass(3 * time.Second)
			g.authorize("bob")
			h.hub.DrainPool("second", true)
			pass(29 * time.Second)
			g.hand("bob", g.search(old, easy, impossible))
			early := g.ticket
			lives(10*time.Second, first, second, third)
			if at := g.newest().Job.Pool; at != "third" {
				t.Fatalf("%s: the miner is at %s", name, at)
			}
			g.hand("alice", g.search(old, easy, impossible))
			late := g.ticket
			lives(10*time.Minute, first, second, third)
			for _, ticket := range []uint64{early, late} {
				if a := g.answer(ticket); a.Verdict != c.want {
					t.Errorf("%s: a share of the first pool's work: %v", name, a.Verdict)
				}
			}
			// Bob came when the first pool's link had gone already.
			if got := first.names(); !slices.Equal(got, []string{"ACC-first.alice", "ACC-first.alice"}) {
				t.Errorf("%s: shares came as %q", name, got)
			}
			if n := len(second.submitted()); n != 0 || h.hub.Pending() != 0 {
				t.Errorf("%s: %d shares went to the second pool, %d are due", name, n, h.hub.Pending())
			}
			g.leave()
		})
	}
}

// A link that is lost while the one before is still there for late shares is
// replaced at once, and what was found for it goes to no other pool.
func TestDedicatedLossAfterMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		old := g.newest()
		h.hub.DrainPool("first", true)
		pass(3 * time.Second)
		moved, n := g.newest(), g.given()
		_ = second.last().Close()
		synctest.Wait()
		if a := g.hand("alice", g.search(moved, easy, impossible)); a.Verdict != mining.Stale {
			t.Errorf("a share of the lost link's work: %v", a.Verdict)
		}
		pass(3 * time.Second)
		if g.given() == n || g.newest().Job.Pool != "second" {
			t.Fatalf("no work of the second pool since its connection was lost; closed with %q", g.reason())
		}
		for _, c := range []struct {
			of   *mining.Work
			want mining.Verdict
		}{{old, mining.Accepted}, {moved, mining.Stale}, {g.newest(), mining.Accepted}} {
			if a := g.hand("alice", g.search(c.of, easy, impossible)); a.Verdict != c.want {
				t.Errorf("a share of work of %s: %v, want %v", c.of.Job.Pool, a.Verdict, c.want)
			}
		}
		if a, b := len(first.submitted()), len(second.submitted()); a != 1 || b != 1 {
			t.Errorf("the pools were sent %d and %d shares", a, b)
		}
		g.leave()
	})
}

// A better pool that is well and does not take a miner costs it nothing: not its
// place, however its own link is cut meanwhile, nor a pool that is good, too. And
// it is asked ever more seldom.
func TestDedicatedBetterPoolDoesNotTakeIt(t *testing.T) {
	const refused = `[24,"Unauthorized worker",null]`
	for name, c := range map[string]struct {
		reply string
		drops bool // it takes the miner, and drops it
	}{
		"refuses": {refused, false},
		"hangs":   {"", false},
		"drops":   {"true", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
			first.refuse.Store(true)
			second.refuse.Store(true)
			h := build(t, []*fakePool{first, second, third}, nil)
			g := h.bring(1, "alice")
			first.change(func() {
				first.authorize = func(user string) string {
					if user != "ACC-first.alice" {
						return "true"
					}
					if c.drops {
						conn := first.conns[len(first.conns)-1]
						time.AfterFunc(time.Second, func() { _ = conn.Close() })
					}
					return c.reply
				}
			})
			first.refuse.Store(false)
			lives(5*time.Minute, first, second, third)
			for range 5 {
				_ = third.last().Close()
				lives(25*time.Second, first, second, third)
				if at := where(t, []*guest{g}); at["third"] != 1 {
					t.Errorf("%s: it is at %v", name, at)
				}
			}
			second.refuse.Store(false)
			lives(time.Hour, first, second, third)
			if at := where(t, []*guest{g}); at["second"] != 1 {
				t.Errorf("%s: an hour later it is at %v", name, at)
			}
			if n := first.count(); n > 12 {
				t.Errorf("%s: %d connections to the first pool", name, n)
			}
			first.change(func() { first.authorize = nil })
			lives(time.Hour, first, second, third)
			if at := where(t, []*guest{g}); at["first"] != 1 {
				t.Errorf("%s: the first pool takes it again; it is at %v", name, at)
			}
			g.leave()
		})
	}
}

// A candidate at a better pool that takes over while the miner's own link is lost
// is the only one.
func TestDedicatedLossWhileCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		first.refuse.Store(true)
		h := build(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		first.refuse.Store(false)
		for first.count() == 0 {
			lives(time.Second, first, second)
		}
		first.slow = 4 * time.Second // longer than a sweep, shorter than a candidate in a hurry may take
		for h.hub.Pools()[0].Links == 0 {
			lives(time.Second, first, second)
		}
		_ = second.last().Close()
		lives(30*time.Second, first, second)
		if at := where(t, []*guest{g}); at["first"] != 1 || first.count() != 2 || h.hub.Pools()[0].Links != 1 {
			t.Errorf("it is at %v; connections to the first pool: %d, of miners %d", at, first.count(), h.hub.Pools()[0].Links)
		}
		g.leave()
	})
}

// A pool that is of no use is better than none, however long it takes to log in.
func TestDedicatedStaysAtTheOnlyPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		p.change(func() { p.submit = func(sv1.Submit) string { return "" } })
		for range 3 {
			g.mine("alice")
		}
		lives(40*time.Second, p)
		if !h.hub.Pools()[0].Shunned {
			t.Fatal("the pool answers no share and is of use")
		}
		p.slow = 1500 * time.Millisecond // longer than a sweep
		n := g.given()
		_ = p.last().Close()
		pass(5 * time.Second)
		if g.given() == n || g.reason() != "" {
			t.Errorf("no work after the cut, closed with %q", g.reason())
		}
		g.leave()
	})
}

// Miners that a better pool does not take keep none waiting whose link is lost.
func TestDedicatedReturnsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		first.refuse.Store(true)
		h := build(t, []*fakePool{first, second}, nil)
		const miners = 200
		guests := make([]*guest, 0, miners)
		for i := range miners {
			guests = append(guests, h.bring(uint64(i+1), fmt.Sprintf("rig%d", i)))
		}
		first.change(func() {
			first.authorize = func(user string) string {
				if user == "ACC-first.farm" {
					return "true"
				}
				return `[24,"Unauthorized worker",null]`
			}
		})
		first.refuse.Store(false)
		for first.count() < 2 {
			lives(time.Second, first, second)
		}
		last := guests[miners-1]
		n, before := last.given(), first.count()
		_ = second.last().Close()
		pass(500 * time.Millisecond)
		if last.given() == n {
			t.Error("a cut link is not replaced while others try a better pool")
		}
		lives(1500*time.Millisecond, first, second)
		if n := first.count() - before; n > 3*50 {
			t.Errorf("%d attempts at the better pool in two seconds", n)
		}
		lives(8*time.Second, first, second)
		if at := where(t, guests); at["second"] != miners {
			t.Errorf("miners: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A login that a pool has not answered is put to the pool that its miner goes to.
func TestDedicatedLoginAmidAMove(t *testing.T) {
	for name, leave := range map[string]func(h *house, p *fakePool){
		"its link is lost":    func(_ *house, p *fakePool) { p.refuse.Store(true); p.closeAll() },
		"its pool is drained": func(h *house, p *fakePool) { h.hub.DrainPool(p.name, true) },
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := build(t, []*fakePool{first, second}, nil)
			g := h.bring(1, "alice")
			first.change(func() { first.authorize = func(string) string { return "" } })
			g.authorize("bob")
			ticket := g.ticket
			leave(h, first)
			pass(3 * time.Second)
			if a := g.answer(ticket); a.Verdict != mining.Accepted || !slices.Contains(second.users(), "ACC-second.bob") {
				t.Errorf("%s: %v; the second pool was asked for %q", name, a.Verdict, second.users())
			}
			g.mine("bob")
			if got := second.names(); !slices.Equal(got, []string{"ACC-second.bob"}) {
				t.Errorf("%s: shares came as %q", name, got)
			}
			g.leave()
		})
	}
}

// A new miner's first link is to a pool that miners are not kept away from, if
// such a one is up, and to the pinned one of these.
func TestDedicatedFirstLink(t *testing.T) {
	for name, c := range map[string]struct {
		before func(h *house)
		want   string
	}{
		"the first":            {func(*house) {}, "first"},
		"the first is drained": {func(h *house) { h.hub.DrainPool("first", true) }, "second"},
		"the third is pinned":  {func(h *house) { h.hub.PinRoute("farm", "third") }, "third"},
		"only a drained one is up": {func(h *house) {
			h.hub.DrainPool("third", true)
			for _, p := range []string{"first", "second"} {
				h.pools[p].refuse.Store(true)
				h.pools[p].closeAll()
			}
		}, "third"},
	} {
		synctest.Test(t, func(t *testing.T) {
			pools := []*fakePool{sharedPool("first"), sharedPool("second"), sharedPool("third")}
			for _, p := range pools {
				p.en2Size = 3 // too narrow for a slot: such a miner is not moved later
			}
			h := build(t, pools, nil)
			c.before(h)
			pass(3 * time.Second)
			g := h.bring(1, "alice")
			if at := where(t, []*guest{g}); at[c.want] != 1 {
				t.Errorf("%s: it is at %v", name, at)
			}
			g.leave()
		})
	}
}

// A pool that answers late is slow, not silent.
func TestDedicatedLateAnswersCount(t *testing.T) {
	for name, c := range map[string]struct {
		late bool
		want string
	}{
		"late":  {true, "first"},
		"never": {false, "second"},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := build(t, []*fakePool{first, second}, nil)
			g := h.bring(1, "alice")
			first.change(func() { first.submit = func(sv1.Submit) string { return "" } })
			for range 3 {
				g.mine("alice")
				lives(40*time.Second, first, second)
				if all := first.submitted(); c.late {
					first.last().late(all[len(all)-1].Nonce, "true")
				}
				pass(3 * time.Second)
			}
			if at := where(t, []*guest{g}); at[c.want] != 1 {
				t.Errorf("%s: it is at %v", name, at)
			}
			g.leave()
		})
	}
}
