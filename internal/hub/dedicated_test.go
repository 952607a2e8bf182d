package hub_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

func goodPool(name string) *fakePool {
	return &fakePool{name: name, en1: "aabbccdd", en2Size: 8, mask: 0x1fffe000, diff: 1024}
}

func TestIdentityAndPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		for _, login := range []string{"alice.rig1", "rig2", "ACC-main.rig3"} {
			if a := g.authorize(login); a.Verdict != mining.Accepted {
				t.Fatalf("%s: %v", login, a.Verdict)
			}
			if a := g.submit(login, 1, hex(t, "00000001")); a.Verdict != mining.Accepted {
				t.Fatalf("submit of %s: %v", login, a.Verdict)
			}
		}
		want := []string{"ACC-main.farm", "ACC-main.alice_rig1", "ACC-main.rig2", "ACC-main.rig3"}
		if got := p.users(); !slices.Equal(got, want) {
			t.Errorf("authorized as %q, want %q", got, want)
		}
		for i, s := range p.submitted() {
			if got := string(s.Worker); got != want[i+1] {
				t.Errorf("submit %d came as %q, want %q", i, got, want[i+1])
			}
		}
		for _, a := range p.logins {
			if string(a.Password) != poolSecret {
				t.Errorf("%s came with password %q, want the pool's", a.User, a.Password)
			}
		}
		if a := g.authorize("rig2"); a.Verdict != mining.Accepted || len(p.users()) != 4 {
			t.Errorf("a repeated authorize: %v, the pool was asked %d times", a.Verdict, len(p.users()))
		}
		g.leave()
	})
}

// A pool gets its own password from everybody, and where it has none that of the
// route whose miners log in, in both modes; its probe has the first route's.
func TestWhosePassword(t *testing.T) {
	for _, isShared := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			own, open := goodPool("own"), goodPool("open")
			h := build(t, []*fakePool{own, open}, func(c *hub.Config) {
				c.Pools[1].Password = ""
				all := c.Routes[0]
				all.Shared = isShared
				c.Routes = nil
				for name, pool := range map[string]string{"a-own": "own", "b-open": "open", "c-open": "open"} {
					one := all
					one.Name, one.Pools, one.Rule = name, []string{pool}, steer.Rule{Worker: name + ".*"}
					if name != "c-open" {
						one.Password = mining.Secret("of-" + name)
					}
					c.Routes = append(c.Routes, one)
				}
				slices.SortFunc(c.Routes, func(a, b hub.RouteConfig) int { return strings.Compare(a.Name, b.Name) })
			})
			for i, route := range []string{"a-own", "b-open", "c-open"} {
				g := h.join(uint64(i + 1))
				g.open()
				if v := g.authorizeBy(route+".rig", "miner-secret").Verdict; v != mining.Accepted {
					t.Fatalf("%s: %v", route, v)
				}
				g.submit(route+".rig", 1, hex(t, "00000001"))
				time.Sleep(time.Second)
				g.leave()
			}
			check := func(p *fakePool, password func(user string) string) {
				p.mu.Lock()
				defer p.mu.Unlock()
				if len(p.logins) < 2 {
					t.Errorf("%s has seen the logins %q", p.name, p.logins)
				}
				for _, a := range p.logins {
					if got := string(a.Password); got != password(string(a.User)) {
						t.Errorf("shared %t: %s at %s came with password %q", isShared, a.User, p.name, got)
					}
				}
			}
			check(own, func(string) string { return poolSecret })
			check(open, func(user string) string {
				if strings.Contains(user, "b-open") {
					return "of-b-open"
				}
				return "x"
			})
		})
	}
}

func TestVersionMaskIsWhatAllAllow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wide, narrow := goodPool("wide"), goodPool("narrow")
		narrow.mask = 0x00ffe000
		h := build(t, []*fakePool{wide, narrow}, nil)
		g := h.join(1)
		a := g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0xffffffff})
		if a.Verdict != mining.Accepted || a.VersionMask != 0x00ffe000 {
			t.Errorf("granted %08x (%v), want 00ffe000", uint32(a.VersionMask), a.Verdict)
		}
		a = g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0x00c00000})
		if a.VersionMask != 0x00c00000 {
			t.Errorf("granted %08x, want what was asked for, 00c00000", uint32(a.VersionMask))
		}
		g.leave()
	})
}

func TestPoolRefusesWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.authorize = func(user string) string {
			if strings.HasSuffix(user, "mallory") {
				return `[24,"Unauthorized worker",null]`
			}
			return "true"
		}
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		if a := g.authorize("mallory"); a.Verdict != mining.Unauthorized {
			t.Errorf("mallory: %v", a.Verdict)
		}
		if a := g.submit("mallory", 1, hex(t, "00000001")); a.Verdict != mining.Unauthorized {
			t.Errorf("mallory's share: %v", a.Verdict)
		}
		if a := g.authorize("alice"); a.Verdict != mining.Accepted {
			t.Errorf("alice: %v", a.Verdict)
		}
		g.leave()
	})
}

func TestVerdictsAreThePools(t *testing.T) {
	replies := map[work.Nonce]struct {
		reply string
		want  mining.Verdict
	}{
		1: {"true", mining.Accepted},
		2: {`[21,"Job not found",null]`, mining.Stale},
		3: {`[22,"Duplicate share",null]`, mining.Duplicate},
		4: {`{"code":23,"message":"low difficulty share"}`, mining.LowDifficulty},
		5: {`"Stale"`, mining.Stale},
		6: {`[20,"whatever",null]`, mining.Invalid},
	}
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.submit = func(s sv1.Submit) string { return replies[s.Nonce].reply }
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		for nonce, c := range replies {
			if a := g.submit("alice", nonce, hex(t, "00000001")); a.Verdict != c.want {
				t.Errorf("reply %s: verdict %v, want %v", c.reply, a.Verdict, c.want)
			}
		}
		snap := h.books.Snapshot(time.Now())
		for _, v := range []mining.Verdict{mining.Accepted, mining.Stale, mining.Duplicate, mining.LowDifficulty, mining.Invalid} {
			if ours, pools := snap.Total.Tally.Ours.Of(v), snap.Total.Tally.Pools.Of(v); ours != pools || ours == 0 {
				t.Errorf("%v: booked %d as ours, %d as the pool's", v, ours, pools)
			}
		}
		if best := snap.Workers[0].Best; best <= 0 {
			t.Errorf("best share %v after an accepted one", best)
		}
		if snap.Total.Tally.WorkAccepted() != 1024 || snap.Total.Tally.PoolWorkAccepted() != 1024 {
			t.Errorf("work %g and %g, want the pool's difficulty of the one accepted share", snap.Total.Tally.WorkAccepted(), snap.Total.Tally.PoolWorkAccepted())
		}
		g.leave()
	})
}

// A pool that refuses a share which is worth its difficulty is not the miner's fault,
// unless it is one twice.
func TestRefusedThoughWorthIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.diff = 64 * easy
		reply := ""
		p.submit = func(sv1.Submit) string { return reply }
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		for _, c := range []struct {
			reply   string
			worth   bool
			excused bool
		}{
			{`[20,"whatever",null]`, true, true},
			{`[23,"low difficulty share",null]`, true, true},
			{`[24,"unauthorized worker",null]`, true, true},
			{`[22,"Duplicate share",null]`, true, true},
			{`[21,"Job not found",null]`, true, false}, // it is stale, which is no fault anyway
			{"true", true, false},
			{`[20,"whatever",null]`, false, false},
			{`[23,"low difficulty share",null]`, false, false},
		} {
			reply = c.reply
			least, below := p.diff, impossible
			if !c.worth {
				least, below = easy, p.diff
			}
			if a := g.hand("alice", g.search(g.newest(), least, below)); a.Excused != c.excused || (a.Verdict == mining.Accepted) != (c.reply == "true") {
				t.Errorf("reply %s to a share that is worth it %t: %+v", c.reply, c.worth, a)
			}
		}
		twice := g.search(g.newest(), p.diff, impossible)
		for i, excused := range []bool{true, false} { // it is handed in again
			reply = `[22,"Duplicate share",null]`
			if a := g.hand("alice", twice); a.Excused != excused {
				t.Errorf("time %d: %+v", i+1, a)
			}
		}
		g.leave()
	})
}

func TestShareOfNoWorkOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		a := g.ask(mining.Request{Kind: mining.Submit, Worker: g.workers["alice"], Share: mining.Share{
			Job: g.newest().ID + 1000, Known: true, Extranonce2: hex(t, "00000001"), NTime: 1,
		}})
		if a.Verdict != mining.JobNotFound || len(p.submitted()) != 0 {
			t.Errorf("verdict %v, %d shares reached the pool", a.Verdict, len(p.submitted()))
		}
		if a := g.submit("alice", 1, hex(t, "0001")); a.Verdict != mining.Invalid {
			t.Errorf("an extranonce2 of the wrong width: %v", a.Verdict)
		}
		snap := h.books.Snapshot(time.Now())
		if w := snap.Workers[0]; w.Name != "alice" || w.Tally.Ours.Of(mining.JobNotFound) != 1 || w.Tally.Ours.Of(mining.Invalid) != 1 {
			t.Errorf("booked: %+v", snap.Workers)
		}
		g.leave()
	})
}

func TestUnansweredShareAndItsLateVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		if a := g.submit("alice", 9, hex(t, "00000001")); a.Verdict != mining.Pending {
			t.Fatalf("verdict %v before the pool said anything", a.Verdict)
		}
		ticket := g.ticket
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if a := g.answer(ticket); a.Verdict != mining.Pending {
			t.Fatalf("verdict %v after 29 s", a.Verdict)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if a := g.answer(ticket); a.Verdict != mining.Unanswered {
			t.Fatalf("verdict %v after 31 s, want unanswered", a.Verdict)
		}
		p.last().late(9, "true")
		synctest.Wait()
		snap := h.books.Snapshot(time.Now())
		if ours, pools := snap.Total.Tally.Ours, snap.Total.Tally.Pools; ours.Of(mining.Unanswered) != 1 || ours.Of(mining.Accepted) != 0 || pools.Of(mining.Accepted) != 1 {
			t.Errorf("ours %v, the pool's %v", ours, pools)
		}
		g.leave()
	})
}

func TestFreshWorkEveryThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		first := g.newest()
		time.Sleep(85 * time.Second)
		synctest.Wait()
		if n := len(g.works); n != 3 {
			t.Fatalf("%d works in 85 s, want the pool's and two refreshed", n)
		}
		seen := map[mining.JobID]bool{}
		for i, w := range g.works {
			if seen[w.ID] {
				t.Errorf("work %d repeats id %v", i, w.ID)
			}
			seen[w.ID] = true
			if i > 0 && (w.Clean || w.Job != first.Job || w.NTime <= g.works[i-1].NTime) {
				t.Errorf("refreshed work %d: clean %t, ntime %v after %v", i, w.Clean, w.NTime, g.works[i-1].NTime)
			}
		}
		if a := g.submit("alice", 1, hex(t, "00000001")); a.Verdict != mining.Accepted {
			t.Errorf("a share of refreshed work: %v", a.Verdict)
		}
		if got := string(p.submitted()[0].JobID); got != first.Job.Ref {
			t.Errorf("it reached the pool as job %q, want %q", got, first.Job.Ref)
		}
		g.leave()
	})
}

func TestAuthorizeBeforeSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		if a := g.authorize("alice"); a.Verdict != mining.Accepted {
			t.Fatalf("authorize: %v", a.Verdict)
		}
		if len(g.works) != 0 {
			t.Fatal("work before the miner has an extranonce")
		}
		a := g.open()
		if a.Verdict != mining.Accepted || a.Extranonce1.Len() != 4 {
			t.Fatalf("open: %+v", a)
		}
		if w := g.newest(); !w.Clean {
			t.Error("the first work is not clean")
		}
		if again := g.open(); again.Extranonce1 != a.Extranonce1 || again.Extranonce2Size != a.Extranonce2Size {
			t.Errorf("a second open: %+v, the first: %+v", again, a)
		}
		g.leave()
	})
}

func TestPoolThatKnowsOneWorkerAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.authorize = func(user string) string {
			if strings.HasSuffix(user, "second") {
				return ""
			}
			return "true"
		}
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("first")
		g.authorize("second")
		ticket := g.ticket
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if a := g.answer(ticket); a.Verdict != mining.Accepted {
			t.Fatalf("the second worker: %v", a.Verdict)
		}
		g.submit("second", 1, hex(t, "00000001"))
		if got := string(p.submitted()[0].Worker); got != "ACC-main.first" {
			t.Errorf("its share came as %q", got)
		}
		if got := h.books.Snapshot(time.Now()).Workers; len(got) != 2 || got[1].Name != "second" || got[1].Tally.Ours.Accepted() != 1 {
			t.Errorf("booked %+v", got)
		}
		g.leave()
	})
}
