package hub_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
)

func TestMinersOutliveTheirLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		guests := h.crowd(3)
		old := guests[0].newest()
		_ = p.shared().Close()
		pass(2 * time.Second)
		for i, g := range guests {
			if a := g.assigned(); g.reason() != "" || a.Work == old || !a.Clean {
				t.Errorf("miner %d: closed with %q, work %+v", i, g.reason(), a)
			}
			if a := g.hand(g.login(), g.search(old, easy, impossible)); a.Verdict != mining.Stale {
				t.Errorf("miner %d: a share of the old link: %v", i, a.Verdict)
			}
			if a := g.mine(g.login()); a.Verdict != mining.Accepted {
				t.Errorf("miner %d: a share of the new link: %v", i, a.Verdict)
			}
		}
		if n, refused := p.tally(); n != 3 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

func TestSecondPoolTakesTheMinersOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		second.en2Size = 12
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		first.refuse.Store(true)
		for _, c := range first.conns {
			_ = c.Close()
		}
		pass(3 * time.Second)
		if a := g.mine("alice"); a.Verdict != mining.Accepted || g.newest().Job.Pool != "second" {
			t.Errorf("%v, at %s", a.Verdict, g.newest().Job.Pool)
		}
		if n, refused := second.tally(); n != 1 || len(refused) != 0 {
			t.Errorf("the second pool took %d and refused %q", n, refused)
		}
		if s := h.hub.Pools(); s[0].Miners != 0 || s[1].Miners != 1 || s[0].Links != 0 || s[1].Links != 1 {
			t.Errorf("pools: %+v", s)
		}
		g.leave()
	})
}

func TestNoPoolWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		p.refuse.Store(true)
		for _, c := range p.conns {
			_ = c.Close()
		}
		pass(10 * time.Second)
		late := h.join(2)
		if a := late.open(); a.Verdict == mining.Accepted {
			late.authorize("bob")
			if late.given() != 0 || late.reason() != "" {
				t.Errorf("a miner that comes meanwhile: %d works, closed with %q", late.given(), late.reason())
			}
		} else if late.reason() != mining.PoolUnreachable {
			t.Errorf("a miner that comes meanwhile: %v, closed with %q", a.Verdict, late.reason())
		}
		if g.reason() != "" {
			t.Errorf("closed with %q after 10 s", g.reason())
		}
		pass(12 * time.Second)
		if g.reason() != mining.PoolUnreachable {
			t.Errorf("closed with %q after 22 s", g.reason())
		}
		g.leave()
		late.leave()
		p.refuse.Store(false)
		lives(2*time.Minute, p) // a pool that says nothing for 90 s is lost again
		g = h.bring(3, "alice")
		if a := g.mine("alice"); a.Verdict != mining.Accepted {
			t.Errorf("after the outage: %v", a.Verdict)
		}
		g.leave()
	})
}

// A pool that comes within the grace costs nobody a connection.
func TestShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		// The pauses between attempts are drawn: each may be 60 s long.
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].OutageGrace = 2 * time.Minute })
		g := h.bring(1, "alice")
		p.refuse.Store(true)
		for _, c := range p.conns {
			_ = c.Close()
		}
		time.AfterFunc(5*time.Second, func() { p.refuse.Store(false) })
		lives(100*time.Second, p) // a pool that says nothing for 90 s is lost again
		if a := g.mine("alice"); g.reason() != "" || a.Verdict != mining.Accepted {
			t.Errorf("closed with %q, a share: %v", g.reason(), a.Verdict)
		}
		g.leave()
	})
}

// What a pool says before its link may serve is neither lost nor taken for
// newer than it is.
func TestJobBeforeTheLoginIsGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 64 * easy
		p.authorize = func(string) string {
			time.Sleep(time.Second)
			p.last().setDifficulty(4 * easy)
			return "true"
		}
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Vardiff = nil })
		pass(5 * time.Second)
		g := h.bring(1, "alice")
		if d := g.assigned().Difficulty; d != 4*easy {
			t.Errorf("given at %v, want the pool's newest, %v", d, 4*easy)
		}
		g.leave()
	})
}

// Joining, leaving and the hub's end meet a group that is just being dialed.
func TestHubEndsAmidAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		p.slow = 30 * time.Second
		_ = p.shared().Close()
		pass(5 * time.Second)
		if s := h.hub.Pools()[0]; s.Probe.State != link.Active || len(s.Shared) != 1 {
			t.Errorf("pool: %+v", s)
		}
		if a := g.hand("alice", mining.Share{Job: g.newest().ID, Known: true, Extranonce2: hex(t, "00000000"), NTime: g.newest().NTime}); a.Verdict != mining.Stale {
			t.Errorf("a share meanwhile: %v", a.Verdict)
		}
	})
}

// No miner is left for long without new work, however often others need it.
func TestNoMinerOfManyIsLeftLongerThanThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 1
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
			c.Routes[0].Vardiff = func(string) vardiff.Config { return vardiff.Config{Start: easy} }
		})
		quiet := h.bring(1, "quiet")
		last, seen := quiet.newest(), time.Now()
		for i := range uint64(40) {
			g := h.join(i + 2)
			g.open()
			g.ask(mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("x"), Password: "d=0.5"}) // it should not wait
			pass(3 * time.Second)
			if w := quiet.newest(); w != last {
				last, seen = w, time.Now()
			}
			if age := time.Since(seen); age > 32*time.Second {
				t.Fatalf("no new work for %v", age)
			}
			if i < 5 && g.assigned().Difficulty != 0.5 { // later ones wait: works of a job must differ
				t.Errorf("miner %d was left at %v", i+2, g.assigned().Difficulty)
			}
			g.leave()
		}
		quiet.leave()
	})
}

// Where miners are held they stay through any outage, on work that nobody pays
// for; what they find is judged, told as accepted and booked as unpaid.
func TestHoldThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Hold = true })
		g := h.bring(1, "alice")
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
		// It is given again now and then, and no longer counts before.
		works := g.given()
		pass(10 * time.Minute)
		if n := g.given() - works; n < 19 || n > 22 || g.reason() != "" {
			t.Errorf("given %d times in ten minutes, closed with %q", n, g.reason())
		}
		if a := g.mine("alice"); a.Verdict != mining.Unpaid {
			t.Errorf("a share ten minutes later: %v", a.Verdict)
		}
		if a := g.hand("alice", g.search(paid, easy, impossible)); a.Verdict != mining.JobNotFound {
			t.Errorf("a share of the work of before: %v", a.Verdict)
		}
		late := h.bring(2, "bob")
		if a := late.mine("bob"); a.Verdict != mining.Unpaid {
			t.Errorf("a newcomer's share: %v", a.Verdict)
		}
		h.expectBooks("held", map[mining.Verdict]uint64{mining.Unpaid: 3, mining.Duplicate: 1, mining.LowDifficulty: 1, mining.JobNotFound: 1}, nil)
		if s := h.hub.Routes()[0]; s.Unpaid != 2 {
			t.Errorf("%d miners work for nothing, want 2", s.Unpaid)
		}
		if total := h.books.Snapshot(time.Now()).Total.Tally; total.Ours.Rejected() != 3 || total.Ours.Accepted() != 0 || total.WorkAccepted() != 0 {
			t.Errorf("%d rejected, %d accepted, work %v; unpaid ones are neither", total.Ours.Rejected(), total.Ours.Accepted(), total.WorkAccepted())
		}
		held, back := g.newest(), time.Now()
		p.refuse.Store(false)
		pass(2 * time.Minute)
		if s := h.hub.Routes()[0]; s.Unpaid != 0 {
			t.Errorf("%d miners work for nothing after the outage", s.Unpaid)
		}
		for _, one := range []*guest{g, late} {
			first := slices.IndexFunc(one.terms, func(a mining.Assignment) bool { return !a.Work.Job.Received.Before(back) })
			if first < 0 || !one.terms[first].Clean || one.reason() != "" {
				t.Errorf("after the outage: %d works of %+v, closed with %q", first, one.terms, one.reason())
			}
			if a := one.mine(one.login()); a.Verdict != mining.Accepted {
				t.Errorf("a share after the outage: %v", a.Verdict)
			}
		}
		if a := g.hand("alice", g.search(held, easy, impossible)); a.Verdict != mining.Stale {
			t.Errorf("a share of the held work after the outage: %v", a.Verdict)
		}
		if n, refused := p.tally(); n != 2 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		g.leave()
		late.leave()
	})
}
