package hub_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// apply changes the house's configuration and puts it in place.
func (h *house) apply(change func(c *hub.Config)) error {
	h.t.Helper()
	cfg := h.changed(change)
	err := h.hub.Apply(cfg)
	if err == nil {
		h.cfg = cfg
	}
	synctest.Wait()
	return err
}

// changed is the house's configuration with a change.
func (h *house) changed(change func(c *hub.Config)) hub.Config {
	cfg := h.cfg
	cfg.Pools, cfg.Routes = slices.Clone(cfg.Pools), slices.Clone(cfg.Routes)
	for i := range cfg.Routes {
		cfg.Routes[i].Pools = slices.Clone(cfg.Routes[i].Pools)
	}
	change(&cfg)
	return cfg
}

// foretell is where guests would be, from where they are, by the hub's word.
func (h *house) foretell(change func(c *hub.Config), at map[string]int) map[string]int {
	h.t.Helper()
	cfg := h.changed(change)
	moves, err := h.hub.Preview(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	hostOf := func(of []hub.PoolConfig, name string) string {
		return of[slices.IndexFunc(of, func(p hub.PoolConfig) bool { return p.Name == name })].Endpoint.Host
	}
	at = maps.Clone(at)
	for _, m := range moves {
		at[hostOf(h.cfg.Pools, m.Pool)] -= m.Miners
		if m.Closed == "" && m.ToPool != "" {
			at[hostOf(cfg.Pools, m.ToPool)] += m.Miners
		}
	}
	maps.DeleteFunc(at, func(_ string, n int) bool { return n == 0 })
	return at
}

func template(t *testing.T, text string) mining.Template {
	t.Helper()
	tpl, err := mining.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// only has the route name these pools, and the configuration none besides.
func only(names ...string) func(c *hub.Config) {
	return func(c *hub.Config) {
		c.Routes[0].Pools, c.Pools = names, nil
		for _, name := range names {
			c.Pools = append(c.Pools, hub.PoolConfig{
				Name: name, Endpoint: dial.Endpoint{Host: name, Port: 3333}, Account: "ACC-" + name, Password: "pool-secret",
			})
		}
	}
}

// makers counts the guests by the pool, as it is known on the network, that made
// the work they have.
func (h *house) makers(guests []*guest) map[string]int {
	at := map[string]int{}
	for _, g := range guests {
		for _, p := range h.cfg.Pools {
			if p.Name == g.newest().Job.Pool {
				at[p.Endpoint.Host]++
			}
		}
	}
	return at
}

// open is how many connections to the pool there are.
func (p *fakePool) open() int { return int(p.alive.Load()) }

// Whatever is changed while the house runs, no miner is closed, each has work of
// where it belongs now within seconds, all that it finds counts, what it had found
// before counts, too, and nothing stays that is not needed.
func TestApply(t *testing.T) {
	all := []string{"one", "two", "three"}
	named := func(name string) func(c *hub.Config) {
		return func(c *hub.Config) { c.Routes[0].Name = name }
	}
	for name, c := range map[string]struct {
		// before is the configuration at the start, after what becomes of it.
		before, after func(c *hub.Config)
		// want is how many of 12 miners are at each pool in the end.
		want map[string]int
		// dedicated says which modes it is for: 's'hared, 'd'edicated.
		modes string
	}{
		"a better pool comes":     {only("two"), only("one", "two"), map[string]int{"one": 12}, "sd"},
		"a worse pool comes":      {only("two"), only("two", "three"), map[string]int{"two": 12}, "sd"},
		"the pool goes":           {only(all...), only("two", "three"), map[string]int{"two": 12}, "sd"},
		"another pool goes":       {only(all...), only("one", "three"), map[string]int{"one": 12}, "sd"},
		"the order changes":       {only(all...), only("three", "two", "one"), map[string]int{"three": 12}, "sd"},
		"all pools are others":    {only("one"), only("two", "three"), map[string]int{"two": 12}, "sd"},
		"the pool's account":      {only("one"), func(c *hub.Config) { c.Pools[0].Account = "OTHER" }, map[string]int{"one": 12}, "sd"},
		"the pool's place":        {only("one"), func(c *hub.Config) { c.Pools[0].Endpoint.Host = "three" }, map[string]int{"three": 12}, "sd"},
		"the pool's name":         {only("one"), func(c *hub.Config) { c.Pools[0].Name, c.Routes[0].Pools = "new", []string{"new"} }, map[string]int{"one": 12}, "sd"},
		"the workers' names":      {only("one"), func(c *hub.Config) { c.Routes[0].Worker = template(t, "{account}.x_{name}") }, map[string]int{"one": 12}, "sd"},
		"each user's own account": {only("one"), func(c *hub.Config) { c.Routes[0].Worker = template(t, "{login}") }, map[string]int{"one": 12}, "sd"},
		"the route's name":        {only("one"), named("other"), map[string]int{"one": 12}, "sd"},
		"the mode":                {only("one"), func(c *hub.Config) { c.Routes[0].Shared = !c.Routes[0].Shared }, map[string]int{"one": 12}, "sd"},
		"mode and pool": {only("one"), func(c *hub.Config) {
			only("two")(c)
			c.Routes[0].Shared = !c.Routes[0].Shared
		}, map[string]int{"two": 12}, "sd"},
		"a route for some": {only(all...), func(c *hub.Config) {
			some := c.Routes[0]
			some.Name, some.Pools, some.Rule = "some", []string{"three"}, steer.Rule{Worker: "rig?"} // but for two
			c.Routes = append([]hub.RouteConfig{some}, c.Routes...)
		}, map[string]int{"three": 10, "one": 2}, "sd"},
		"a route of the other mode for some": {only(all...), func(c *hub.Config) {
			some := c.Routes[0]
			some.Name, some.Pools, some.Rule = "some", []string{"three"}, steer.Rule{Worker: "rig?"}
			some.Shared = !some.Shared
			c.Routes = append([]hub.RouteConfig{some}, c.Routes...)
		}, map[string]int{"three": 10, "one": 2}, "sd"},
		"a route goes": {func(c *hub.Config) {
			some := c.Routes[0]
			some.Name, some.Pools, some.Rule = "some", []string{"three"}, steer.Rule{Worker: "rig?"}
			c.Routes = append([]hub.RouteConfig{some}, c.Routes...)
		}, func(c *hub.Config) { c.Routes = c.Routes[1:] }, map[string]int{"one": 12}, "sd"},
		"less room on a connection": {only("one"), func(c *hub.Config) { c.Routes[0].MaxMiners = 4 }, map[string]int{"one": 12}, "s"},
		"nothing":                   {only(all...), func(*hub.Config) {}, map[string]int{"one": 12}, "sd"},
		"a split comes": {only(all...), func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"two"}, Weight: 1}}
		}, map[string]int{"two": 12}, "s"},
		"a split changes": {func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"two"}, Weight: 1}}
		}, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"three"}, Weight: 1}}
		}, map[string]int{"three": 12}, "s"},
		"a split goes": {func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"two"}, Weight: 1}}
		}, func(c *hub.Config) { c.Routes[0].Parts = nil }, map[string]int{"one": 12}, "s"},
	} {
		for _, mode := range c.modes {
			synctest.Test(t, func(t *testing.T) {
				what := name + ", " + map[rune]string{'s': "shared", 'd': "dedicated"}[mode]
				pools := make([]*fakePool, 0, len(all))
				for _, name := range all {
					pools = append(pools, sharedPool(name))
				}
				h := build(t, pools, func(cfg *hub.Config) {
					shareAll(cfg)
					cfg.Routes[0].Shared = mode == 's'
					c.before(cfg)
				})
				guests := h.crowd(12)
				lives(4*time.Second, pools...)
				var late []mining.Share
				for _, g := range guests {
					late = append(late, g.search(g.newest(), easy, impossible))
				}
				foretold := h.foretell(c.after, h.makers(guests))
				if err := h.apply(c.after); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				lives(8*time.Second, pools...)
				if divided := h.cfg.Routes[0].Parts != nil; !divided && !maps.Equal(foretold, c.want) {
					t.Errorf("%s: foretold are %v, want %v", what, foretold, c.want)
				}
				for i, g := range guests {
					if g.reason() != "" {
						t.Fatalf("%s: miner %d is closed with %q", what, i, g.reason())
					}
				}
				if at := h.makers(guests); !maps.Equal(at, c.want) {
					t.Errorf("%s: miners at the pools: %v, want %v", what, at, c.want)
				}
				for i, g := range guests {
					if a := g.hand(g.login(), late[i]); a.Verdict != mining.Accepted {
						t.Errorf("%s: what miner %d had found before: %v %q", what, i, a.Verdict, a.Text)
					}
					if a := g.mine(g.login()); a.Verdict != mining.Accepted {
						t.Errorf("%s: what miner %d finds now: %v %q", what, i, a.Verdict, a.Text)
					}
				}
				lives(12*time.Minute, pools...)
				accepted := 0
				for _, p := range pools {
					n, refused := p.tally()
					accepted += n
					if len(refused) > 0 {
						t.Errorf("%s: pool %s refuses %q", what, p.name, refused)
					}
					used := slices.ContainsFunc(h.cfg.Pools, func(c hub.PoolConfig) bool { return c.Endpoint.Host == p.name })
					if n := p.open(); !used && n > 0 {
						t.Errorf("%s: %d connections to pool %s, which is not configured any more", what, n, p.name)
					}
				}
				if accepted != 24 {
					t.Errorf("%s: the pools took %d shares of 24", what, accepted)
				}
				if n := len(h.hub.Pools()); n != len(h.cfg.Pools) {
					t.Errorf("%s: %d pools are shown of %d", what, n, len(h.cfg.Pools))
				}
				for _, g := range guests {
					g.leave()
				}
			})
		}
	}
}

// What cannot be put in place changes nothing.
func TestApplyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("one")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "rig")
		for name, change := range map[string]func(c *hub.Config){
			"no pool":      func(c *hub.Config) { c.Pools = nil },
			"no route":     func(c *hub.Config) { c.Routes = nil },
			"unknown pool": func(c *hub.Config) { c.Routes[0].Pools = []string{"one", "nosuch"} },
		} {
			if err := h.apply(change); err == nil {
				t.Errorf("%s: it is applied", name)
			}
		}
		pass(time.Minute)
		if a := g.mine("rig"); a.Verdict != mining.Accepted || p.open() != 2 {
			t.Errorf("a share after: %v, %d connections", a.Verdict, p.open())
		}
	})
}

// A pool that is taken out, or changed, while what comes in its place does not work
// keeps its miners until that does: a mistake in a file costs nobody a share. Who
// puts the old one back finds it as it was.
func TestApplyWaitsForTheNewPool(t *testing.T) {
	for _, shared := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			one, two := sharedPool("one"), sharedPool("two")
			h := build(t, []*fakePool{one, two}, func(c *hub.Config) {
				shareAll(c)
				c.Routes[0].Shared = shared
				only("one")(c)
			})
			guests := h.crowd(5)
			lives(time.Minute, one)
			conns := one.open()
			two.refuse.Store(true)
			if err := h.apply(only("two")); err != nil {
				t.Fatal(err)
			}
			lives(10*time.Minute, one)
			if at := where(t, guests); at["one"] != 5 {
				t.Errorf("shared %t: miners while the new pool is down: %v", shared, at)
			}
			for _, g := range guests {
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					t.Errorf("shared %t: a share for the old pool: %v", shared, a.Verdict)
				}
			}
			if states := h.hub.Pools(); len(states) != 2 || states[0].Leaving || !states[1].Leaving || states[1].Miners != 5 {
				t.Errorf("shared %t: pools: %+v", shared, states)
			}
			if err := h.apply(only("one")); err != nil {
				t.Fatal(err)
			}
			lives(time.Minute, one)
			if n := one.open(); n != conns || one.count() != conns {
				t.Errorf("shared %t: %d connections to the old pool after it was put back, %d in all; %d before", shared, n, one.count(), conns)
			}
			two.refuse.Store(false)
			if err := h.apply(only("two")); err != nil {
				t.Fatal(err)
			}
			lives(2*time.Minute, one, two)
			if at := where(t, guests); at["two"] != 5 {
				t.Errorf("shared %t: miners once the new pool is up: %v", shared, at)
			}
			if n, refused := one.tally(); n != 5 || len(refused) > 0 {
				t.Errorf("shared %t: the old pool took %d and refused %q", shared, n, refused)
			}
		})
	}
}

// Rules of difficulty hold for miners that are there, at once.
func TestApplyDifficulty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("one")
		p.diff = 1 << 20
		h := buildShared(t, []*fakePool{p}, nil)
		guests := h.crowd(3)
		for _, step := range []struct {
			rules vardiff.Config
			want  work.Difficulty
		}{
			{vardiff.Config{Fixed: 4 * easy}, 4 * easy},
			{vardiff.Config{Min: 8 * easy, Start: 8 * easy}, 8 * easy},
			{vardiff.Config{Min: easy, Start: 2 * easy, Max: 2 * easy}, 2 * easy},
		} {
			if err := h.apply(func(c *hub.Config) {
				c.Routes[0].Vardiff = func(string) vardiff.Config { return step.rules }
			}); err != nil {
				t.Fatal(err)
			}
			pass(5 * time.Second)
			for i, g := range guests {
				if d := g.assigned().Difficulty; d != step.want {
					t.Errorf("%+v: miner %d has %v, want %v", step.rules, i, d, step.want)
				}
			}
		}
	})
}

// Who no route takes any more, or cannot be sent where its route is now, is closed
// by name.
func TestApplyCloses(t *testing.T) {
	for name, c := range map[string]struct {
		en2Size int
		after   func(c *hub.Config)
		want    mining.Reason
	}{
		"no route": {8, func(c *hub.Config) { c.Routes[0].Rule = steer.Rule{Worker: "vip.*"} }, mining.NoRoute},
		"another route, with the pool's own extranonce": {3, func(c *hub.Config) { c.Routes[0].Name = "other" }, mining.RouteChanged},
		"another pool, with the pool's own extranonce":  {3, only("two"), mining.RouteChanged},
		"another pool, and it fits":                     {4, only("two"), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			one, two := sharedPool("one"), sharedPool("two")
			one.en2Size = c.en2Size
			h := buildShared(t, []*fakePool{one, two}, nil)
			g := h.bring(1, "rig")
			lives(time.Minute, one, two)
			moves, err := h.hub.Preview(h.changed(c.after))
			if err != nil || len(moves) != 1 || moves[0].Closed != c.want || moves[0].Miners != 1 {
				t.Errorf("%s: foretold are %+v, %v", name, moves, err)
			}
			if err := h.apply(c.after); err != nil {
				t.Fatal(err)
			}
			lives(time.Minute, one, two)
			if got := g.reason(); got != c.want {
				t.Errorf("%s: closed with %q, want %q", name, got, c.want)
			}
		})
	}
}

// What operators have arranged stays where it still can be.
func TestApplyKeepsWhatIsArranged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := sharedPool("one"), sharedPool("two")
		h := buildShared(t, []*fakePool{one, two}, nil)
		guests := h.crowd(4)
		h.hub.PinRoute("farm", "two")
		h.hub.DrainPool("one", true)
		lives(time.Minute, one, two)
		if err := h.apply(func(c *hub.Config) { c.Pools[1].Account, c.Pools[0].Account = "B", "A" }); err != nil {
			t.Fatal(err)
		}
		lives(time.Minute, one, two)
		if at := where(t, guests); at["two"] != 4 {
			t.Errorf("miners: %v", at)
		}
		if r := h.hub.Routes()[0]; r.Pinned != "two" || !h.hub.Pools()[0].Drained {
			t.Errorf("pinned to %q, drained %t", r.Pinned, h.hub.Pools()[0].Drained)
		}
		if users := two.users(); !strings.HasPrefix(users[len(users)-1], "B.") {
			t.Errorf("logins at the pool: %q", users)
		}
		if err := h.apply(only("one")); err != nil {
			t.Fatal(err)
		}
		lives(time.Minute, one, two)
		if r := h.hub.Routes()[0]; r.Pinned != "" {
			t.Errorf("pinned to %q, which is not there", r.Pinned)
		}
		if at := where(t, guests); at["one"] != 4 {
			t.Errorf("miners at a drained pool that is the only one: %v", at)
		}
	})
}

// Whatever comes after what, and however soon, nobody is closed, no share is lost
// and none goes to the wrong pool.
func TestApplyStorm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 1, 25).Draw(rt, "steps")
		shared := rapid.Bool().Draw(rt, "shared")
		synctest.Test(t, func(t *testing.T) {
			pools := make([]*fakePool, 0, 3)
			for _, name := range []string{"one", "two", "three"} {
				pools = append(pools, sharedPool(name))
			}
			h := build(t, pools, func(c *hub.Config) {
				shareAll(c)
				c.Routes[0].Shared = shared
			})
			guests := h.crowd(6)
			lives(2*time.Second, pools...)
			handed := 0
			for _, step := range steps {
				if err := h.apply(func(c *hub.Config) { storm(t, c, step) }); err != nil {
					rt.Fatal(err)
				}
				lives([]time.Duration{0, time.Second, 5 * time.Second, time.Minute}[step%4], pools...)
				g := guests[step%len(guests)]
				if g.reason() != "" {
					rt.Fatalf("a miner is closed with %q", g.reason())
				}
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					rt.Fatalf("a share after %d: %v %q", step, a.Verdict, a.Text)
				}
				handed++
			}
			lives(15*time.Second, pools...)
			where(t, guests)
			accepted := 0
			for _, p := range pools {
				n, refused := p.tally()
				if accepted += n; len(refused) > 0 {
					rt.Fatalf("pool %s refuses %q", p.name, refused)
				}
			}
			if accepted != handed {
				rt.Fatalf("the pools took %d shares of %d", accepted, handed)
			}
			for _, g := range guests {
				g.leave()
			}
		})
	})
}

// storm changes one thing or another.
func storm(t *testing.T, c *hub.Config, step int) {
	t.Helper()
	orders := [][]string{{"one", "two", "three"}, {"three", "one"}, {"two"}, {"two", "three"}}
	r := &c.Routes[0]
	switch step / 4 % 8 {
	case 0, 1:
		r.Parts = nil
		only(orders[step/32%len(orders)]...)(c)
	case 2:
		c.Pools[0].Account = []string{"A", "B"}[step/32%2]
	case 3:
		r.Shared, r.Parts = !r.Shared, nil
	case 4:
		r.Worker = template(t, []string{"{account}.{name}", "{account}.x{name}", "{login}"}[step/32%3])
	case 5:
		r.Name = []string{"farm", "other"}[step/32%2]
	case 6:
		if r.Shared {
			r.Parts = []hub.PartConfig{{Pools: r.Pools[:1], Weight: 1}}
			if len(r.Pools) > 1 {
				r.Parts = append(r.Parts, hub.PartConfig{Pools: r.Pools[1:], Weight: 2})
			}
		}
	case 7:
		r.MaxMiners = 1 + step/32%8
	}
}

// Who logs in first and waits for a pool to be known goes by the routes there are
// once one is, not by those of when it came.
func TestApplyWhileALoginWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := sharedPool("one"), sharedPool("two")
		one.slow, two.slow = 3*time.Second, 6*time.Second
		h := buildShared(t, []*fakePool{one, two}, only("one"))
		g := h.join(1)
		if a := g.authorize("u.1"); a.Verdict != mining.Pending || g.reason() != "" {
			t.Fatalf("a login while no pool is known: %v, closed with %q", a.Verdict, g.reason())
		}
		if err := h.apply(func(c *hub.Config) {
			only("two")(c)
			c.Routes[0].Name = "field"
		}); err != nil {
			t.Fatal(err)
		}
		pass(9 * time.Second)
		if got := h.hub.MinerState(g.miner).Route; got != "field" {
			t.Errorf("the miner is on route %q, which there is no more", got)
		}
		if a := g.open(); a.Verdict != mining.Accepted {
			t.Fatalf("open: %v, closed with %q", a.Verdict, g.reason())
		}
		pass(3 * time.Second)
		if got := g.newest().Job.Pool; got != "two" {
			t.Errorf("the miner works for pool %q, which no route has", got)
		}
		g.leave()
	})
}
