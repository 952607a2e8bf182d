package hub_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/sv1"
)

func TestNoPoolClosesTheMinerByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.refuse.Store(true)
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		if got := g.reason(); got != mining.PoolUnreachable {
			t.Errorf("closed with %q; a pool that is down is not waited for", got)
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
		p.slow = 4 * time.Second
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		if a := g.open(); a.Verdict != mining.Pending || g.reason() != "" {
			t.Fatalf("open while the pool is being connected: %v, closed with %q", a.Verdict, g.reason())
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if a := g.answer(1); a.Verdict != mining.Accepted || a.Extranonce2Size != 4 {
			t.Errorf("open once the pool is there: %+v", a)
		}
		g.leave()
	})
}

func TestPoolFailsWhileTheMinerWaits(t *testing.T) {
	for _, c := range []struct {
		slow time.Duration
		wait time.Duration // until the miner is closed
	}{{4 * time.Second, 5 * time.Second}, {time.Minute, 11 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			p := goodPool("main")
			p.slow = c.slow
			p.refuse.Store(true)
			h := build(t, []*fakePool{p}, nil)
			g := h.join(1)
			g.open()
			time.Sleep(c.wait)
			synctest.Wait()
			if got := g.reason(); got != mining.PoolUnreachable {
				t.Errorf("a dial of %v that fails: closed with %q after %v", c.slow, got, c.wait)
			}
			g.leave()
		})
	}
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

func TestLinkLostAnswersWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		old := g.newest()
		g.submit("alice", 1, hex(t, "00000001"))
		p.refuse.Store(true)
		_ = p.last().Close()
		synctest.Wait()
		if a := g.answer(g.ticket); a.Verdict != mining.Unanswered {
			t.Errorf("the share that was due: %v", a.Verdict)
		}
		if a := g.submit("alice", 2, hex(t, "00000001")); a.Verdict != mining.Stale {
			t.Errorf("a share after the link's end: %v", a.Verdict)
		}
		pass(5 * time.Second)
		p.refuse.Store(false)
		pass(5 * time.Second)
		if a := g.assigned(); a.Work == old || !a.Clean || g.reason() != "" {
			t.Errorf("after the outage: %+v, closed with %q", a, g.reason())
		}
		g.leave()
		pass(10 * time.Second)
		if h.hub.Pending() != 0 {
			t.Errorf("%d shares are due", h.hub.Pending())
		}
	})
}

// A miner whose pools are away for longer than its route's grace is closed.
func TestDedicatedWithoutPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		p.refuse.Store(true)
		p.closeAll()
		pass(18 * time.Second)
		if got := g.reason(); got != "" {
			t.Errorf("closed with %q after 18 s", got)
		}
		pass(4 * time.Second)
		if got := g.reason(); got != mining.PoolUnreachable {
			t.Errorf("closed with %q after 22 s", got)
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
		h.books.Look(time.Now(), func(w *ledger.Glance) {
			if n := w.Holders(); n != 0 {
				t.Errorf("%s, who is gone, is on %d connections", w.Name(), n)
			}
		})
		if n := h.hub.Workers(); n != 0 {
			t.Errorf("%d workers are here", n)
		}
		time.Sleep(2 * time.Second)
		p.last().late(5, "true")
		synctest.Wait()
		snap := h.books.Snapshot(time.Now())
		if len(snap.Workers) != 1 || snap.Workers[0].Name != "alice" || snap.Workers[0].Tally.Pools.Accepted() != 1 || snap.Total.Tally.Pools.Accepted() != 1 {
			t.Errorf("%d shares booked by the pool's word, of %d workers", snap.Total.Tally.Pools.Accepted(), len(snap.Workers))
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

// A marketplace's prober subscribes and wants a job at once; whoever does not
// even subscribe costs no connection to the pool.
func TestSubscribeAloneBringsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		probes := p.count()
		g := h.join(1)
		g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0xffffffff})
		if got := p.count() - probes; got != 0 {
			t.Errorf("%d connections to the pool before a subscribe", got)
		}
		g.open()
		if got := p.count() - probes; got != 1 {
			t.Errorf("%d connections to the pool after a subscribe", got)
		}
		if w := g.newest(); !w.Clean || w.Job.Pool != "main" {
			t.Errorf("work: %+v", w)
		}
		g.leave()
		if r := h.hub.Routes()[0]; r.Miners != 0 || r.Active != "main" {
			t.Errorf("route: %+v", r)
		}
	})
}

// Where the worker decides the route, the pool is dialled when it is named.
func TestRouteByWorkerIsNotGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, other := goodPool("main"), goodPool("other")
		h := build(t, []*fakePool{p, other}, func(c *hub.Config) {
			vip := c.Routes[0]
			vip.Name, vip.Pools, vip.Rule = "vip", []string{"other"}, steer.Rule{Worker: "vip.*"}
			c.Routes = append([]hub.RouteConfig{vip}, c.Routes...)
		})
		before := p.count() + other.count()
		g := h.join(1)
		g.open()
		if got := p.count() + other.count() - before; got != 0 {
			t.Errorf("%d connections before the worker is named", got)
		}
		if a := g.authorize("vip.1"); a.Verdict != mining.Accepted || h.hub.MinerState(g.miner).Pool != "other" {
			t.Errorf("authorize: %v at %+v", a.Verdict, h.hub.MinerState(g.miner))
		}
		g.leave()
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

// Routes go by what the first worker's password asks for; a later worker's does
// not move the miner.
func TestRoutesByPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, []*fakePool{goodPool("home"), goodPool("barn"), goodPool("rental")}, func(c *hub.Config) {
			all := c.Routes[0]
			c.Routes = nil
			for _, r := range []struct {
				pool string
				rule steer.Rule
			}{{"barn", steer.Rule{Group: "barn"}}, {"rental", steer.Rule{Pool: "rent*"}}, {"home", anyone}} {
				one := all
				one.Name, one.Pools, one.Rule = r.pool, []string{r.pool}, r.rule
				c.Routes = append(c.Routes, one)
			}
		})
		for i, c := range []struct {
			password mining.Secret
			pool     string
		}{
			{"x", "home"},
			{"group=barn", "barn"},
			{"x,d=8;GROUP=barn", "barn"},
			{"pool=rental&group=other", "rental"},
			{"group=Barn", "home"},
			{"group=", "home"},
			{"pool=" + mining.Secret(strings.Repeat("rent", 17)), "home"},
		} {
			g := h.join(uint64(i + 1))
			g.open()
			if v := g.authorizeBy("alice.1", c.password).Verdict; v != mining.Accepted {
				t.Fatalf("%q: %v", c.password.Reveal(), v)
			}
			if v := g.authorizeBy("alice.2", "group=barn").Verdict; v != mining.Accepted {
				t.Fatalf("%q: a second worker: %v", c.password.Reveal(), v)
			}
			if got := h.hub.MinerState(g.miner); got.Pool != c.pool || got.Route != c.pool {
				t.Errorf("%q: on %+v, want %s", c.password.Reveal(), got, c.pool)
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

// A narrow pool is dialled at the subscribe; a worker that belongs elsewhere
// must not mine there.
func TestRouteIsNotKeptAgainstTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home, rental := goodPool("home"), goodPool("rental")
		home.en2Size = 3
		h := build(t, []*fakePool{home, rental}, func(c *hub.Config) {
			vip := c.Routes[0]
			vip.Name, vip.Pools, vip.Rule = "vip", []string{"rental"}, steer.Rule{Worker: "vip.*"}
			c.Routes[0].Pools = []string{"home"}
			c.Routes = append([]hub.RouteConfig{vip}, c.Routes...)
		})
		for i, c := range []struct {
			login string
			want  mining.Reason
		}{{"alice", ""}, {"vip.1", mining.NoRoute}} {
			g := h.join(uint64(i + 1))
			if a := g.open(); a.Verdict != mining.Accepted || a.Extranonce2Size != 3 {
				t.Fatalf("%s: open: %+v", c.login, a)
			}
			g.authorize(c.login)
			if got := g.reason(); got != c.want {
				t.Errorf("%s: closed with %q, want %q", c.login, got, c.want)
			}
			g.leave()
		}
		if got := home.users(); slices.Contains(got, "ACC-home.vip_1") {
			t.Errorf("the wrong pool was told of the worker: %q", got)
		}
	})
}

func TestWhoMatchesNoRouteIsClosedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Rule = steer.Rule{Worker: "vip.*"} })
		vip := h.join(1)
		vip.open()
		if a := vip.authorize("vip.1"); a.Verdict != mining.Accepted {
			t.Errorf("vip: %v", a.Verdict)
		}
		vip.leave()
		other := h.join(2)
		if a := other.open(); a.Verdict != mining.Accepted {
			t.Errorf("open of a miner that may still match: %v", a.Verdict)
		}
		other.authorize("bob")
		if got := other.reason(); got != mining.NoRoute {
			t.Errorf("closed with %q", got)
		}
		other.leave()
	})
	synctest.Test(t, func(t *testing.T) {
		h := build(t, []*fakePool{goodPool("main")}, func(c *hub.Config) { c.Routes[0].Rule = steer.Rule{Listener: "elsewhere"} })
		g := h.join(1)
		g.open()
		if got := g.reason(); got != mining.NoRoute {
			t.Errorf("closed with %q", got)
		}
		g.leave()
	})
}
