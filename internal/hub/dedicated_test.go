package hub_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

func goodPool(name string) *fakePool {
	return &fakePool{name: name, en1: "aabbccdd", en2Size: 8, mask: 0x1fffe000, diff: 1024}
}

// The coinbase that the miner builds is the one that the pool builds, at
// every size of extranonce.
func TestExtranonceAtEverySize(t *testing.T) {
	for size := 2; size <= 16; size++ {
		for _, en1 := range []string{"", "aa", "aabbccdd", strings.Repeat("5a", 32)} {
			for _, floor := range []int{0, 4, 8} {
				synctest.Test(t, func(t *testing.T) {
					p := goodPool("main")
					p.en1, p.en2Size = en1, size
					h := build(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Extranonce2Size = floor })
					g := h.join(1)
					told := g.open()
					if told.Verdict != mining.Accepted {
						t.Fatalf("open: %v", told.Verdict)
					}
					if a := g.authorize("alice.rig1"); a.Verdict != mining.Accepted {
						t.Fatalf("authorize: %v", a.Verdict)
					}
					en2 := hex(t, strings.Repeat("c7", told.Extranonce2Size))
					if a := g.submit("alice.rig1", 7, en2); a.Verdict != mining.Accepted {
						t.Fatalf("submit: %v", a.Verdict)
					}
					sent := p.submitted()[0]
					if sent.Extranonce2.Len() != size {
						t.Fatalf("the pool was sent %d bytes of extranonce2, want %d", sent.Extranonce2.Len(), size)
					}
					w := g.newest()
					ours := work.AppendCoinbase(nil, w.Prefix, told.Extranonce1, en2, w.Job.CoinbaseSuffix)
					theirs := work.AppendCoinbase(nil, []byte("coinbase one "), hex(t, en1), sent.Extranonce2, []byte(" coinbase two"))
					if !bytes.Equal(ours, theirs) {
						t.Errorf("en1 %q, size %d, floor %d: the miner hashes\n%x, the pool\n%x", en1, size, floor, ours, theirs)
					}
					if floor <= size && told.Extranonce2Size < floor {
						t.Errorf("size %d, floor %d: the miner got %d bytes", size, floor, told.Extranonce2Size)
					}
					g.leave()
				})
			}
		}
	}
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
			if string(a.Password) != "pool-secret" {
				t.Errorf("%s came with password %q, want the pool's", a.User, a.Password)
			}
		}
		if a := g.authorize("rig2"); a.Verdict != mining.Accepted || len(p.users()) != 4 {
			t.Errorf("a repeated authorize: %v, the pool was asked %d times", a.Verdict, len(p.users()))
		}
		g.leave()
	})
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
			if ours, pools := snap.Total.Ours.Of(v), snap.Total.Pools.Of(v); ours != pools || ours == 0 {
				t.Errorf("%v: booked %d as ours, %d as the pool's", v, ours, pools)
			}
		}
		if snap.Total.WorkAccepted != 1024 || snap.Total.PoolWorkAccepted != 1024 {
			t.Errorf("work %g and %g, want the pool's difficulty of the one accepted share", snap.Total.WorkAccepted, snap.Total.PoolWorkAccepted)
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
		if ours, pools := snap.Total.Ours, snap.Total.Pools; ours.Of(mining.Unanswered) != 1 || ours.Of(mining.Accepted) != 0 || pools.Of(mining.Accepted) != 1 {
			t.Errorf("ours %v, the pool's %v", ours, pools)
		}
		g.leave()
	})
}

func TestNoPoolClosesTheMinerByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.refuse.Store(true)
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := g.reason(); got != mining.PoolUnreachable {
			t.Errorf("closed with %q", got)
		}
		if h.hub.Ready() {
			t.Error("ready without a pool")
		}
		g.leave()
	})
}

func TestPoolComesWhileTheMinerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.refuse.Store(true)
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		if a := g.open(); a.Verdict != mining.Pending {
			t.Fatalf("open without a pool: %v", a.Verdict)
		}
		p.refuse.Store(false)
		time.Sleep(8 * time.Second)
		synctest.Wait()
		if a := g.answer(1); a.Verdict != mining.Accepted || a.Extranonce2Size != 4 {
			t.Errorf("open once the pool is there: %+v", a)
		}
		g.leave()
	})
}

func TestSecondPoolTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := goodPool("first"), goodPool("second")
		first.refuse.Store(true)
		h := build(t, []*fakePool{first, second}, nil)
		g := h.join(1)
		g.open()
		if a := g.authorize("alice"); a.Verdict != mining.Accepted {
			t.Fatalf("authorize: %v", a.Verdict)
		}
		if got := h.hub.MinerState(g.miner); got.Pool != "second" || got.Route != "farm" {
			t.Errorf("the miner is at %+v", got)
		}
		if got := second.users(); got[len(got)-1] != "ACC-second.alice" {
			t.Errorf("authorized as %q", got)
		}
		g.leave()
	})
}

// The probe still believes in the first pool when the miner's own dial fails.
func TestDialFailsAfterTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := goodPool("first"), goodPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		first.refuse.Store(true)
		g := h.join(1)
		g.open()
		if a := g.authorize("alice"); a.Verdict != mining.Accepted {
			t.Fatalf("authorize: %v", a.Verdict)
		}
		if got := h.hub.MinerState(g.miner); got.Pool != "second" {
			t.Errorf("the miner is at %+v", got)
		}
		g.leave()
	})
}

func TestLinkLostAnswersWhatIsDueAndClosesTheMiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		g.submit("alice", 1, hex(t, "00000001"))
		_ = p.last().Close()
		synctest.Wait()
		if a := g.answer(g.ticket); a.Verdict != mining.Unanswered {
			t.Errorf("the share that was due: %v", a.Verdict)
		}
		if got := g.reason(); got != mining.PoolDisconnected {
			t.Errorf("closed with %q", got)
		}
		if a := g.submit("alice", 2, hex(t, "00000001")); a.Verdict != mining.Unanswered {
			t.Errorf("a share after the link's end: %v", a.Verdict)
		}
		g.leave()
		if h.hub.Pending() != 0 {
			t.Errorf("%d shares are due", h.hub.Pending())
		}
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
		time.Sleep(95 * time.Second)
		synctest.Wait()
		if n := len(g.works); n != 4 {
			t.Fatalf("%d works in 95 s, want the pool's and three refreshed", n)
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

func TestPoolChangesItsExtranonce(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after int
		follows       bool
		sets          int
		closed        mining.Reason
	}{
		{"too narrow now, to a miner that cannot follow", 8, 6, false, 0, mining.ExtranonceChanged},
		{"same size: the miner hears nothing", 8, 8, false, 0, ""},
		{"wider: the miner hears nothing", 8, 12, false, 0, ""},
		{"passed on, to a miner that follows", 3, 3, true, 1, ""},
		{"passed on, to a miner that cannot follow", 3, 3, false, 0, mining.ExtranonceChanged},
		{"too narrow now, to a miner that follows", 8, 3, true, 1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := goodPool("main")
			p.en2Size = c.before
			h := build(t, []*fakePool{p}, nil)
			g := h.join(1)
			g.follows = c.follows
			told := g.open()
			g.authorize("alice")
			p.last().setExtranonce("0102030405", c.after)
			p.last().notify(false)
			synctest.Wait()
			if g.sets != c.sets || g.reason() != c.closed {
				t.Fatalf("%s: told %d times, closed with %q", c.name, g.sets, g.reason())
			}
			if c.closed != "" {
				g.leave()
				return
			}
			size := told.Extranonce2Size
			if g.sets > 0 {
				size = g.en2Size
				told.Extranonce1 = g.en1
				if w := g.newest(); !w.Clean {
					t.Errorf("%s: the work after a changed extranonce is not clean", c.name)
				}
			}
			en2 := hex(t, strings.Repeat("01", size))
			if a := g.submit("alice", 1, en2); a.Verdict != mining.Accepted {
				t.Fatalf("%s: submit: %v", c.name, a.Verdict)
			}
			w := g.newest()
			ours := work.AppendCoinbase(nil, w.Prefix, told.Extranonce1, en2, nil)
			theirs := work.AppendCoinbase(nil, []byte("coinbase one "), hex(t, "0102030405"), p.submitted()[0].Extranonce2, nil)
			if !bytes.Equal(ours, theirs) {
				t.Errorf("%s: the miner hashes\n%x, the pool\n%x", c.name, ours, theirs)
			}
			g.leave()
		})
	}
}

func TestDifficultyAndMaskRideInTheNextWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		p.last().setDifficulty(256)
		p.last().say(string((&sv1.SetVersionMask{Mask: 0x00c00000}).Append(nil)))
		synctest.Wait()
		if n := len(g.works); n != 1 {
			t.Fatalf("a difficulty alone made %d works", n)
		}
		p.last().notify(false)
		synctest.Wait()
		if w := g.newest(); w.Difficulty != 256 || w.VersionMask != 0x00c00000 || w.Clean {
			t.Errorf("next work: difficulty %v, mask %08x, clean %t", w.Difficulty, uint32(w.VersionMask), w.Clean)
		}
		if g.works[0].Difficulty != 1024 {
			t.Errorf("the first work's difficulty became %v", g.works[0].Difficulty)
		}
		g.leave()
	})
}

func TestLinkOutlivesItsMinerWhileVerdictsAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		g.submit("alice", 5, hex(t, "00000001"))
		g.leave()
		time.Sleep(2 * time.Second)
		p.last().late(5, "true")
		synctest.Wait()
		if snap := h.books.Snapshot(time.Now()); snap.Total.Pools.Accepted() != 1 {
			t.Errorf("%d shares booked by the pool's word", snap.Total.Pools.Accepted())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := h.hub.Pools()[0].Links; got != 0 {
			t.Errorf("%d links are left", got)
		}
		// A miner whose pool stays silent does not keep its link for long.
		g = h.join(2)
		g.open()
		g.authorize("bob")
		g.submit("bob", 6, hex(t, "00000001"))
		g.leave()
		time.Sleep(8 * time.Second)
		synctest.Wait()
		if got := h.hub.Pools()[0].Links; got != 0 {
			t.Errorf("%d links are left of a silent pool", got)
		}
		if h.hub.Pending() != 0 {
			t.Errorf("%d shares are due", h.hub.Pending())
		}
	})
}

func TestScannersCostNoPoolConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		probes := p.count()
		g := h.join(1)
		g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0xffffffff})
		g.open()
		if got := p.count() - probes; got != 0 {
			t.Errorf("%d connections to the pool before a worker is named", got)
		}
		g.leave()
		if r := h.hub.Routes()[0]; r.Miners != 0 || r.Active != "main" {
			t.Errorf("route: %+v", r)
		}
	})
}

func TestRoutesByWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home, rental := goodPool("home"), goodPool("rental")
		rental.en2Size = 5
		h := build(t, []*fakePool{home, rental}, func(c *hub.Config) {
			all := c.Routes[0]
			rent := all
			rent.Name, rent.Pools, rent.Rule = "rent", []string{"rental"}, steer.Rule{Worker: "rent.*"}
			all.Pools, all.Rule = []string{"home"}, anyone
			c.Routes = []hub.RouteConfig{rent, all}
		})
		for i, c := range []struct{ login, pool string }{{"rent.1", "rental"}, {"alice.1", "home"}} {
			g := h.join(uint64(i + 1))
			a := g.open()
			if a.Extranonce1.Len() != 1 || a.Extranonce2Size != 4 {
				t.Errorf("%s was told %d+%d bytes; both pools must fit until it names itself", c.login, a.Extranonce1.Len(), a.Extranonce2Size)
			}
			if v := g.authorize(c.login).Verdict; v != mining.Accepted {
				t.Fatalf("%s: %v", c.login, v)
			}
			if got := h.hub.MinerState(g.miner).Pool; got != c.pool {
				t.Errorf("%s went to %q, want %q", c.login, got, c.pool)
			}
			g.leave()
		}
	})
}

func TestHubEndsWithEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		var g *guest
		t.Cleanup(func() { // registered first: it runs after build's, which ends the hub
			if got := g.reason(); got != mining.Shutdown {
				t.Errorf("closed with %q", got)
			}
		})
		h := build(t, []*fakePool{p}, nil)
		if s := h.hub.Pools()[0]; s.Probe.State != link.Active || s.Links != 0 {
			t.Errorf("pool: %+v", s)
		}
		g = h.join(1)
		g.open()
		g.authorize("alice")
		if s := h.hub.Pools()[0]; s.Links != 1 {
			t.Errorf("%d links with one miner", s.Links)
		}
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	if _, err := hub.New(hub.Config{}, hub.Deps{}); err == nil {
		t.Error("a hub without pools")
	}
}
