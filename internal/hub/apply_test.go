package hub_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/internal/wire"
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
		if m.Closed == "" {
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
		for i := range c.Routes {
			c.Routes[i].Pools, c.Routes[i].Parts = names, nil
		}
		c.Pools = nil
		for _, name := range names {
			c.Pools = append(c.Pools, hub.PoolConfig{
				Name: name, Endpoint: dial.Endpoint{Host: name, Port: 3333}, Account: "ACC-" + name, Password: poolSecret,
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

// uses says whether the pool is configured.
func (h *house) uses(p *fakePool) bool {
	return slices.ContainsFunc(h.cfg.Pools, func(c hub.PoolConfig) bool { return c.Endpoint.Host == p.name })
}

// lingers says whether something is left of a pool that is not configured any more:
// it stays for a while, for what is on its way.
func (h *house) lingers(pools []*fakePool) bool {
	return len(h.hub.Pools()) > len(h.cfg.Pools) || slices.ContainsFunc(pools, func(p *fakePool) bool { return !h.uses(p) && p.open() > 0 })
}

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
		"a route is divided": {only(all...), func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"one"}, Weight: 3}, {Pools: []string{"two", "three"}, Weight: 1}}
		}, map[string]int{"one": 9, "two": 3}, "s"},
		"a route is divided by workers": {only(all...), func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"one"}, Weight: 1}, {Pools: []string{"three"}, Worker: "rig1*"}, {Pools: []string{"two"}, Weight: 1}}
		}, map[string]int{"one": 5, "three": 3, "two": 4}, "s"},
		"the order within a part changes": {func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"two", "one"}, Weight: 1}}
		}, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"one", "two"}, Weight: 1}}
		}, map[string]int{"one": 12}, "sd"},
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
				if !maps.Equal(foretold, c.want) {
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
				if h.lingers(pools) {
					lives(12*time.Minute, pools...)
				}
				accepted := 0
				for _, p := range pools {
					n, refused := p.tally()
					accepted += n
					if len(refused) > 0 {
						t.Errorf("%s: pool %s refuses %q", what, p.name, refused)
					}
					if n := p.open(); !h.uses(p) && n > 0 {
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

// Whatever comes after what, and however soon, nobody is closed, no share is lost,
// none goes to the wrong pool or by a name that the pool was not asked for, and in
// the end everybody is where the last configuration has them.
func TestApplyStorm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := weather{
			steps:  rapid.SliceOfN(rapid.IntRange(0, 1<<20), 1, 25).Draw(rt, "steps"),
			shared: rapid.Bool().Draw(rt, "shared"),
			size:   rapid.SampledFrom([]int{8, 5, 4}).Draw(rt, "size"),
			slow:   rapid.SampledFrom([]time.Duration{0, 700 * time.Millisecond}).Draw(rt, "slow"),
		}
		var err error
		synctest.Test(t, func(t *testing.T) { err = s.rages(t) })
		if err != nil { // not within the bubble, so that it is made smaller
			rt.Fatal(err)
		}
	})
}

// weather is a storm of changes in one mode; size is what the pools' extranonce2 has,
// in bytes, and slow for how long they are dialled.
type weather struct {
	steps  []int
	shared bool
	size   int
	slow   time.Duration
}

func (s *weather) rages(t *testing.T) error {
	t.Helper()
	pools := make([]*fakePool, 0, 3)
	for _, name := range []string{"one", "two", "three"} {
		p := sharedPool(name)
		p.en2Size = s.size
		pools = append(pools, p)
	}
	h := build(t, pools, func(c *hub.Config) {
		shareAll(c)
		c.Routes[0].Shared = s.shared
	})
	guests := h.crowd(6)
	defer func() {
		for _, g := range guests {
			g.leave()
		}
	}()
	for _, p := range pools {
		p.change(func() { p.slow = s.slow })
	}
	lives(2*time.Second, pools...)
	handed := 0
	for _, step := range s.steps {
		for _, p := range pools {
			p.refuse.Store(false)
		}
		g := guests[step%len(guests)]
		late := g.search(g.newest(), easy, impossible)
		if err := h.apply(func(c *hub.Config) { storm(t, c, step, h.byOperator()) }); err != nil {
			return err
		}
		h.operate(step)
		if step/4%20 == 15 { // a pool is lost
			if h.spares() {
				p := pools[step/80%len(pools)]
				p.refuse.Store(true)
				p.closeAll()
			}
			lives(15*time.Second, pools...)
			continue
		}
		lives([]time.Duration{0, time.Second, 5 * time.Second, time.Minute}[step%4], pools...)
		if step%4 < 3 { // not too late
			if a := g.hand(g.login(), late); a.Verdict != mining.Accepted {
				return fmt.Errorf("a share of before after %d: %v %q, closed with %q", step, a.Verdict, a.Text, g.reason())
			}
			handed++
		}
		if a := g.mine(g.login()); a.Verdict != mining.Accepted {
			return fmt.Errorf("a share after %d: %v %q, closed with %q", step, a.Verdict, a.Text, g.reason())
		}
		handed++
	}
	for _, p := range pools {
		p.refuse.Store(false)
	}
	lives(12*time.Minute, pools...)
	if err := h.settled(guests); err != nil {
		return err
	}
	if n := len(h.hub.Pools()); n != len(h.cfg.Pools) {
		return fmt.Errorf("%d pools are shown of %d", n, len(h.cfg.Pools))
	}
	accepted := 0
	for _, p := range pools {
		n, refused := p.tally()
		if accepted += n; len(refused) > 0 {
			return fmt.Errorf("pool %s refuses %q", p.name, refused)
		}
		// Each has its probe, and shared connections that are ready or one for each miner,
		// or a few for each account.
		if n := p.open(); n > 1+2*len(guests) {
			return fmt.Errorf("%d connections to pool %s", n, p.name)
		} else if used := slices.ContainsFunc(h.cfg.Pools, func(c hub.PoolConfig) bool { return c.Name == p.name }); !used && n > 0 {
			return fmt.Errorf("%d connections to pool %s, which is not configured any more", n, p.name)
		}
	}
	if accepted != handed {
		return fmt.Errorf("the pools took %d shares of %d", accepted, handed)
	}
	return h.paid(guests, pools)
}

// byOperator says that an operator has disabled a pool.
func (h *house) byOperator() bool {
	return slices.ContainsFunc(h.hub.Pools(), func(p hub.PoolState) bool { return p.Condition.Reason == "by_operator" })
}

// operate does what an operator may, by API.
func (h *house) operate(step int) {
	r, more := h.cfg.Routes[0], step/80
	pool := r.Pools[more%len(r.Pools)]
	switch step / 4 % 20 {
	case 16:
		h.hub.DrainPool(pool, more/8%2 == 0)
	case 17:
		h.hub.PinRoute(r.Name, []string{pool, ""}[more/8%2])
	case 18:
		if more/8%2 == 0 && h.spares() {
			_, _ = h.hub.DisablePool(pool)
		} else {
			for _, p := range h.cfg.Pools {
				_ = h.hub.EnablePool(p.Name)
			}
		}
	case 19:
		if len(r.Pools) > 1 {
			_ = h.hub.SetSplit(r.Name, []hub.PartConfig{{Pools: r.Pools[:1], Weight: 1}, {Pools: r.Pools[1:], Weight: float64(1 + more%4)}})
		}
	}
}

// spares says that the loss of any pool leaves each route one.
func (h *house) spares() bool {
	return len(h.cfg.Routes[0].Pools) > 1 && !slices.ContainsFunc(h.hub.Pools(), func(p hub.PoolState) bool { return p.Condition.State == hub.PoolDisabled })
}

// settled says that all guests are at pools that are configured.
func (h *house) settled(guests []*guest) error {
	for i, g := range guests {
		at := g.newest().Job.Pool
		if g.reason() != "" || !slices.ContainsFunc(h.hub.Pools(), func(p hub.PoolState) bool { return p.Name == at && !p.Leaving && p.Condition.State != hub.PoolDisabled }) {
			return fmt.Errorf("miner %d is left at %s, closed with %q", i, at, g.reason())
		}
	}
	return nil
}

// paid says that what each guest finds now is paid to whom the configuration names,
// at a pool of its.
func (h *house) paid(guests []*guest, pools []*fakePool) error {
	before := make(map[*fakePool]int)
	for _, p := range pools {
		before[p] = len(p.submitted())
	}
	for i, g := range guests {
		if a := g.mine(g.login()); a.Verdict != mining.Accepted {
			return fmt.Errorf("the last share of %d: %v %q", i, a.Verdict, a.Text)
		}
	}
	for _, p := range pools {
		for _, s := range p.submitted()[before[p]:] {
			i := slices.IndexFunc(h.cfg.Pools, func(c hub.PoolConfig) bool { return c.Name == p.name })
			if i < 0 || !slices.ContainsFunc(h.cfg.Routes, func(r hub.RouteConfig) bool {
				account := "rig"
				if r.Worker.String() != "{login}" {
					account = h.cfg.Pools[i].Account + "."
				}
				return strings.HasPrefix(string(s.Worker), account)
			}) {
				return fmt.Errorf("a share is for %s at pool %s", s.Worker, p.name)
			}
		}
	}
	return nil
}

// storm changes one thing or another; off says that an operator has disabled a pool.
func storm(t *testing.T, c *hub.Config, step int, off bool) {
	t.Helper()
	orders := [][]string{{"one", "two", "three"}, {"three", "one"}, {"two"}, {"two", "three"}}
	r, more := &c.Routes[0], step/80
	divide := func(parts ...hub.PartConfig) {
		if len(r.Pools) < 2 {
			return
		}
		parts[0].Pools, parts[1].Pools = r.Pools[:1], r.Pools[1:]
		r.Parts = parts
	}
	switch step / 4 % 20 {
	case 0, 1:
		if off {
			return // it might be the only one
		}
		only(orders[more%len(orders)]...)(c)
	case 2:
		c.Pools[0].Account = []string{"A", "B"}[more%2]
	case 3:
		r.Shared = !r.Shared
	case 4:
		r.Worker = template(t, []string{"{account}.{name}", "{account}.x{name}", "{login}"}[more%3])
	case 5:
		r.Name = []string{"farm", "other"}[more%2]
	case 6:
		divide(hub.PartConfig{Weight: 1}, hub.PartConfig{Weight: 2})
	case 7:
		r.MaxMiners = 1 + more%8
	case 8:
		divide(hub.PartConfig{Worker: "rig[0-2]"}, hub.PartConfig{Weight: 1})
	case 9:
		w, err := steer.ParseWindow([]string{"0-29 * * * *", "*/2 * * * *"}[more%2], time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		divide(hub.PartConfig{Weight: 1, Window: w}, hub.PartConfig{Weight: 1, OnDead: r.Pools[0]})
	case 10:
		if len(c.Pools) > 1 && !off { // not the only one
			for i := range c.Pools {
				c.Pools[i].Disabled = false
			}
			c.Pools[more/2%len(c.Pools)].Disabled = more%2 == 0
		}
	case 11:
		r.Hold = !r.Hold
	case 12:
		r.Password = mining.Secret([]string{"", "p", "q"}[more%3])
	case 13:
		some := *r
		some.Name, some.Rule, some.Parts = "some", steer.Rule{Worker: "rig[0-2]"}, nil
		some.Pools = slices.Clone(r.Pools)
		slices.Reverse(some.Pools)
		some.Shared = more%2 == 0
		if len(c.Routes) > 1 {
			c.Routes = c.Routes[1:]
		} else {
			c.Routes = append([]hub.RouteConfig{some}, c.Routes...)
		}
	case 14:
		r.ReturnAfter = time.Duration(1+more%3) * time.Second
	}
}

// A link that is on its way when the miner comes to another route is no more than
// given up: it is logged in by names that are not the miner's any more.
func TestApplyWhileLinksAreOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("one")
		h := build(t, []*fakePool{p}, nil)
		g := h.bring(1, "rig")
		p.change(func() { p.slow = 700 * time.Millisecond })
		for _, change := range []func(c *hub.Config){
			func(c *hub.Config) { c.Pools[0].Account = "OTHER" },
			func(c *hub.Config) { c.Routes[0].Worker = template(t, "{account}.x{name}") },
		} {
			if err := h.apply(change); err != nil {
				t.Fatal(err)
			}
			pass(1200 * time.Millisecond)
		}
		lives(10*time.Second, p)
		if a := g.mine("rig"); a.Verdict != mining.Accepted {
			t.Errorf("a share: %v, closed with %q", a.Verdict, g.reason())
		}
		if s := p.submitted(); len(s) != 1 || string(s[0].Worker) != "OTHER.xrig" {
			t.Errorf("the pool was handed %d shares", len(s))
		}
		g.leave()
	})
}

// Who waits for a pool to be known while the routes change comes to the one that
// takes it then.
func TestApplyWhileMinersWait(t *testing.T) {
	for name, c := range map[string]struct {
		after func(c *hub.Config)
		route string
		want  mining.Reason
	}{
		"another name": {func(c *hub.Config) { c.Routes[0].Name = "other" }, "other", ""},
		"another mode": {func(c *hub.Config) { c.Routes[0].Shared = false }, "farm", ""},
		"no route":     {func(c *hub.Config) { c.Routes[0].Rule = steer.Rule{Worker: "vip.*"} }, "", mining.NoRoute},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("one")
			p.slow = 2 * time.Second
			h := buildShared(t, []*fakePool{p}, nil)
			g := h.join(1)
			if a := g.authorize("rig"); a.Verdict != mining.Pending {
				t.Fatalf("%s: let in before a pool is known: %v", name, a.Verdict)
			}
			if err := h.apply(c.after); err != nil {
				t.Fatal(err)
			}
			pass(5 * time.Second)
			if s := h.hub.MinerState(g.miner); s.Route != c.route || g.reason() != c.want {
				t.Errorf("%s: on route %q, closed with %q", name, s.Route, g.reason())
			}
			if a := g.open(); c.want == "" && a.Verdict != mining.Accepted {
				t.Errorf("%s: open: %v", name, a.Verdict)
			}
			pass(5 * time.Second)
			if c.want == "" && g.answer(1).Verdict != mining.Accepted {
				t.Errorf("%s: authorize: %v", name, g.answer(1).Verdict)
			}
			g.leave()
		})
	}
}

// A late share goes by the name of its connection, and leaves the miner the one that
// it has now.
func TestApplyLateSharesOfOtherNames(t *testing.T) {
	for name, c := range map[string]struct {
		after func(c *hub.Config)
		want  string
	}{
		"the same pool": {func(c *hub.Config) { c.Routes[0].Worker = template(t, "{account}.x{name}") }, "ACC-one.xrig"},
		"another mode": {func(c *hub.Config) {
			only("two")(c)
			c.Routes[0].Shared = false
		}, "ACC-two.rig"},
	} {
		synctest.Test(t, func(t *testing.T) {
			pools := []*fakePool{sharedPool("one"), sharedPool("two")}
			h := buildShared(t, pools, only("one"))
			g := h.bring(1, "rig")
			late := g.search(g.newest(), easy, impossible)
			if err := h.apply(c.after); err != nil {
				t.Fatal(err)
			}
			lives(5*time.Second, pools...)
			if a := g.hand("rig", late); a.Verdict != mining.Accepted {
				t.Errorf("%s: late: %v", name, a.Verdict)
			}
			for range 3 {
				pass(time.Second)
				if a := g.mine("rig"); a.Verdict != mining.Accepted {
					t.Errorf("%s: a share now: %v", name, a.Verdict)
				}
			}
			at := h.cfg.Routes[0].Pools[0]
			if s := h.pools[at].submitted(); string(s[len(s)-1].Worker) != c.want {
				t.Errorf("%s: its share goes by %s, want %s", name, s[len(s)-1].Worker, c.want)
			}
			g.leave()
		})
	}
}

// What an operator says of a pool holds whatever a reload makes of that pool, and is
// forgotten with it.
func TestApplyKeepsOperatorsWords(t *testing.T) {
	account := func(text string) func(c *hub.Config) { return func(c *hub.Config) { c.Pools[0].Account = text } }
	synctest.Test(t, func(t *testing.T) {
		one, two := sharedPool("one"), sharedPool("two")
		h := buildShared(t, []*fakePool{one, two}, nil)
		guests := h.crowd(3)
		lives(time.Minute, one, two)
		h.must(h.apply(func(c *hub.Config) { c.Pools[0].Disabled = true }))
		if _, err := h.hub.DisablePool("one"); err != nil {
			t.Error(err)
		}
		h.must(h.apply(func(c *hub.Config) { c.Pools[0].Disabled = false }))
		if s := h.hub.Pools()[0].Condition; s.State != hub.PoolDisabled || s.Reason != "by_operator" {
			t.Errorf("disabled by both, and no more by the file: %+v", s)
		}
		h.must(h.hub.EnablePool("one"))
		h.must(h.apply(func(c *hub.Config) { c.Routes[0].Pools = []string{"one"} }))
		lives(time.Minute, one, two)
		// The pool that is changed and put back is the one of before.
		two.refuse.Store(true)
		one.refuse.Store(true)
		h.hub.DrainPool("one", true)
		h.must(h.apply(account("OTHER")))
		h.hub.DrainPool("one", false)
		h.must(h.apply(account("ACC-one")))
		if s := h.hub.Pools()[0]; s.Drained || s.Miners != 3 {
			t.Errorf("taken back while it was another: drained %t, %d miners", s.Drained, s.Miners)
		}
		h.hub.DrainPool("one", true)
		h.must(h.apply(func(c *hub.Config) { only("two")(c) }))
		h.must(h.apply(func(c *hub.Config) { only("one")(c) }))
		if s := h.hub.Pools()[0]; s.Drained || s.Miners != 3 {
			t.Errorf("after it was not configured: drained %t, %d miners", s.Drained, s.Miners)
		}
		where(t, guests)
	})
}

// must fails the test on an error.
func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// A pin holds for the route of that name, whatever else of it is changed.
func TestApplyKeepsPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := sharedPool("one"), sharedPool("two")
		h := buildShared(t, []*fakePool{one, two}, nil)
		guests := h.crowd(3)
		h.hub.PinRoute("farm", "two")
		lives(time.Minute, one, two)
		change := func(c *hub.Config) { c.Routes[0].Worker = template(t, "{account}.x{name}") }
		if moves, err := h.hub.Preview(h.changed(change)); err != nil || len(moves) != 1 || moves[0].ToPool != "two" {
			t.Errorf("foretold are %+v, %v", moves, err)
		}
		h.must(h.apply(change))
		lives(5*time.Minute, one, two)
		if at := where(t, guests); at["two"] != 3 || h.hub.Routes()[0].Pinned != "two" {
			t.Errorf("pinned to %q, miners: %v", h.hub.Routes()[0].Pinned, at)
		}
	})
}

// A pool that is disabled in the same breath as it is changed has its connections
// closed, too, where no other pool is there to go to; and a plan knows of it.
func TestApplyDisables(t *testing.T) {
	for name, shared := range map[string]bool{"shared": true, "dedicated": false} {
		synctest.Test(t, func(t *testing.T) {
			one, two := sharedPool("one"), sharedPool("two")
			h := build(t, []*fakePool{one, two}, func(c *hub.Config) {
				shareAll(c)
				c.Routes[0].Shared = shared
			})
			h.crowd(2)
			lives(time.Minute, one, two)
			off := func(c *hub.Config) { c.Pools[0].Disabled = true }
			for _, change := range []func(c *hub.Config){off, func(c *hub.Config) { off(c); c.Pools[0].Account = "OTHER" }} {
				if at := h.foretell(change, map[string]int{"one": 2}); at["two"] != 2 {
					t.Errorf("%s: foretold are %v", name, at)
				}
			}
			h.must(h.apply(off))
			lives(5*time.Minute, one, two)
			if at := h.foretell(func(c *hub.Config) { c.Pools[0].Disabled = false }, map[string]int{"two": 2}); at["one"] != 2 {
				t.Errorf("%s: enabled: foretold are %v", name, at)
			}
			two.refuse.Store(true)
			two.closeAll()
			h.must(h.apply(func(c *hub.Config) { c.Pools[0].Disabled = false }))
			pass(10 * time.Second)
			h.must(h.apply(func(c *hub.Config) { c.Pools[0].Disabled, c.Pools[0].Account = true, "OTHER" }))
			lives(35*time.Second, one)
			if n := one.open(); n != 0 {
				t.Errorf("%s: %d connections to a disabled pool", name, n)
			}
		})
	}
}

// What is put in place before the hub runs is all that it begins with.
func TestApplyBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := sharedPool("one"), sharedPool("two")
		cfg := hub.Config{Pools: make([]hub.PoolConfig, 1), Routes: []hub.RouteConfig{{Name: "farm", Worker: template(t, "{account}.{name}")}}}
		only("one")(&cfg)
		pools := map[string]*fakePool{"one": one, "two": two}
		h, err := hub.New(cfg, hub.Deps{
			Ledger: ledger.New(ledger.Config{}, time.Now()), Wire: wire.Config{MaxLine: 1 << 20},
			Dial: func(_ context.Context, e dial.Endpoint) (net.Conn, error) { return pools[e.Host].dial() },
		})
		if err != nil {
			t.Fatal(err)
		}
		only("two")(&cfg)
		if err := h.Apply(cfg); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		lives(time.Minute, one, two)
		if one.count() != 0 || two.count() != 1 || len(h.Pools()) != 1 {
			t.Errorf("%d and %d connections, %d pools", one.count(), two.count(), len(h.Pools()))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := h.Apply(cfg); !errors.Is(err, hub.ErrEnded) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// Who is held is let go when its route does not hold any more.
func TestApplyEndsHolding(t *testing.T) {
	for name, shared := range map[string]bool{"shared": true, "dedicated": false} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("one")
			h := build(t, []*fakePool{p}, func(c *hub.Config) {
				shareAll(c)
				c.Routes[0].Shared, c.Routes[0].Hold = shared, true
			})
			g := h.bring(1, "rig")
			p.refuse.Store(true)
			p.closeAll()
			pass(10 * time.Minute)
			if g.reason() != "" {
				t.Fatalf("%s: closed with %q", name, g.reason())
			}
			h.must(h.apply(func(c *hub.Config) { c.Routes[0].Hold = false }))
			pass(5 * time.Second)
			if g.reason() != mining.PoolUnreachable {
				t.Errorf("%s: closed with %q", name, g.reason())
			}
			g.leave()
		})
	}
}

// Nobody is left at a pool that is gone because the pools of a split are drained:
// those are the ones that there are.
func TestApplySplitOfDrainedPools(t *testing.T) {
	for name, shared := range map[string]bool{"shared": true, "dedicated": false} {
		synctest.Test(t, func(t *testing.T) {
			one, two := sharedPool("one"), sharedPool("two")
			h := build(t, []*fakePool{one, two}, func(c *hub.Config) {
				shareAll(c)
				c.Routes[0].Shared = shared
			})
			guests := h.crowd(4)
			lives(time.Minute, one, two)
			h.hub.DrainPool("two", true)
			h.must(h.apply(func(c *hub.Config) {
				only("two")(c)
				c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"two"}, Weight: 1}}
			}))
			lives(12*time.Minute, one, two)
			if at := where(t, guests); at["two"] != 4 || one.open() != 0 {
				t.Errorf("%s: miners: %v, %d connections to the pool that is gone", name, at, one.open())
			}
		})
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
