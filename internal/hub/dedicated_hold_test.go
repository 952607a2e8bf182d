package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

func holdAll(c *hub.Config) { c.Routes[0].Hold = true }

// A miner with a link of its own is held as others are: on work that nobody pays
// for, with its shares judged, told as accepted and booked as unpaid.
func TestDedicatedHoldThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, holdAll)
		g := h.bring(1, "alice")
		older := g.newest()
		p.job()
		paid := g.newest()
		p.refuse.Store(true)
		p.closeAll()
		pass(time.Second)
		s := g.search(paid, easy, impossible)
		for i, want := range []mining.Verdict{mining.Unpaid, mining.Duplicate} {
			if a := g.hand("alice", s); a.Verdict != want {
				t.Errorf("share %d of the last work: %v, want %v", i, a.Verdict, want)
			}
		}
		if a := g.hand("alice", g.search(paid, 2.3e-10, 4.6e-10)); a.Verdict != mining.LowDifficulty {
			t.Errorf("a share that is too low: %v", a.Verdict)
		}
		short := g.search(paid, easy, impossible)
		short.Extranonce2 = hex(t, "0000")
		if a := g.hand("alice", short); a.Verdict != mining.Invalid {
			t.Errorf("a share with a short extranonce2: %v", a.Verdict)
		}
		if a := g.hand("alice", g.search(older, easy, impossible)); a.Verdict != mining.Stale {
			t.Errorf("a share of the work before: %v", a.Verdict)
		}
		if a := g.hand("nobody", g.search(paid, easy, impossible)); a.Verdict != mining.Unauthorized {
			t.Errorf("a stranger's share: %v", a.Verdict)
		}
		// It is given again now and then, each time another search.
		works := g.given()
		pass(10 * time.Minute)
		if n := g.given() - works; n < 19 || n > 22 || g.reason() != "" {
			t.Errorf("given %d times in ten minutes, closed with %q", n, g.reason())
		}
		if a := g.assigned(); !a.Clean || a.Work.NTime == paid.NTime || a.Difficulty != paid.Job.Difficulty {
			t.Errorf("given as %+v", a)
		}
		if a := g.mine("alice"); a.Verdict != mining.Unpaid {
			t.Errorf("a share ten minutes later: %v", a.Verdict)
		}
		h.expectBooks("held", map[mining.Verdict]uint64{
			mining.Unpaid: 2, mining.Duplicate: 1, mining.LowDifficulty: 1, mining.Invalid: 1, mining.Stale: 1, mining.Unauthorized: 1,
		}, nil)
		if s := h.hub.Routes()[0]; s.Unpaid != 1 {
			t.Errorf("%d miners work for nothing, want 1", s.Unpaid)
		}
		if total := h.books.Snapshot(time.Now()).Total.Tally; total.Ours.Accepted() != 0 || total.WorkAccepted() != 0 {
			t.Errorf("%d accepted, work %v; unpaid ones are not", total.Ours.Accepted(), total.WorkAccepted())
		}
		held := g.newest()
		p.refuse.Store(false)
		pass(2 * time.Minute)
		if s := h.hub.Routes()[0]; s.Unpaid != 0 || s.Connections != 1 {
			t.Errorf("after the outage: %+v", s)
		}
		if a := g.mine("alice"); a.Verdict != mining.Accepted || g.reason() != "" {
			t.Errorf("a share after the outage: %v, closed with %q", a.Verdict, g.reason())
		}
		if a := g.hand("alice", g.search(held, easy, impossible)); a.Verdict != mining.Stale && a.Verdict != mining.JobNotFound {
			t.Errorf("a share of the held work after the outage: %v", a.Verdict)
		}
		if n, refused := p.tally(); n != 1 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		g.leave()
	})
}

// A pool that serves others and does not take a held miner is not asked at every
// turn, and takes it when it will.
func TestHeldMinerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, holdAll)
		probe := p.users()[0]
		g := h.bring(1, "alice")
		p.change(func() {
			p.authorize = func(user string) string {
				if user == probe {
					return "true"
				}
				return `[24,"Unauthorized worker",null]`
			}
		})
		_ = p.last().Close()
		lives(2*time.Minute, p)
		asked := p.count()
		lives(20*time.Minute, p)
		if n := p.count() - asked; n < 30 || n > 45 {
			t.Errorf("%d connections in 20 minutes, want one each half minute", n)
		}
		if g.reason() != "" || h.hub.Routes()[0].Unpaid != 1 {
			t.Errorf("closed with %q, %+v", g.reason(), h.hub.Routes()[0])
		}
		p.change(func() { p.authorize = nil })
		lives(time.Minute, p)
		if a := g.mine("alice"); a.Verdict != mining.Accepted {
			t.Errorf("a share when it is taken again: %v", a.Verdict)
		}
		g.leave()
	})
}

// Who cannot be served by another link is not held, and nobody is past the hub's
// end or its own.
func TestWhoIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.en2Size = 3
		h := build(t, []*fakePool{p}, holdAll)
		g := h.bring(1, "alice")
		p.refuse.Store(true)
		p.closeAll()
		pass(time.Second)
		if got := g.reason(); got != mining.PoolDisconnected {
			t.Errorf("with the pool's own extranonce: closed with %q", got)
		}
		g.leave()
	})
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, holdAll)
		leaves, stays := h.bring(1, "alice"), h.bring(2, "bob")
		p.refuse.Store(true)
		p.closeAll()
		pass(time.Hour)
		leaves.leave()
		pass(2 * time.Second)
		if s := h.hub.Routes()[0]; s.Miners != 1 || s.Unpaid != 1 || stays.reason() != "" {
			t.Errorf("%+v, closed with %q", s, stays.reason())
		}
	}) // the hub ends with one that is held
}

// Shares of the link before that still lives are its pool's, and paid, though the
// miner is held meanwhile.
func TestHeldMinersSharesOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, holdAll)
		g := h.bring(1, "alice")
		before := g.newest()
		h.hub.DrainPool("first", true)
		pass(3 * time.Second)
		if at := g.newest().Job.Pool; at != "second" {
			t.Fatalf("the miner is at %s", at)
		}
		first.refuse.Store(true)
		second.refuse.Store(true)
		second.closeAll()
		pass(time.Second)
		if a := g.hand("alice", g.search(before, easy, impossible)); a.Verdict != mining.Accepted {
			t.Errorf("a share of the pool before: %v", a.Verdict)
		}
		if a := g.mine("alice"); a.Verdict != mining.Unpaid {
			t.Errorf("a share of what it is held on: %v", a.Verdict)
		}
		h.expectBooks("held", map[mining.Verdict]uint64{mining.Accepted: 1, mining.Unpaid: 1}, map[mining.Verdict]uint64{mining.Accepted: 1})
		g.leave()
	})
}

// A route that holds its miners no more lets go of those that it holds.
func TestHoldIsTakenBack(t *testing.T) {
	for name, change := range map[string]func(*hub.Config){"shared": shareAll, "dedicated": func(*hub.Config) {}} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			h := build(t, []*fakePool{p}, func(c *hub.Config) { change(c); holdAll(c) })
			g := h.bring(1, "alice")
			p.refuse.Store(true)
			p.closeAll()
			pass(time.Minute)
			if g.reason() != "" {
				t.Errorf("%s: closed with %q", name, g.reason())
			}
			if err := h.apply(func(c *hub.Config) { c.Routes[0].Hold = false }); err != nil {
				t.Error(err)
			}
			pass(3 * time.Second)
			if g.reason() != mining.PoolUnreachable {
				t.Errorf("%s: closed with %q", name, g.reason())
			}
			g.leave()
		})
	}
}
