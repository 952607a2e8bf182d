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
	"github.com/loka/stratum/sv1"
)

// lives lets time pass with a job of each pool every 30 s.
func lives(d time.Duration, pools ...*fakePool) {
	for ; d > 0; d -= 30 * time.Second {
		pass(min(d, 30*time.Second))
		for _, p := range pools {
			p.job()
		}
	}
}

// where says how many of the guests work for each pool, and that none was
// closed.
func where(t *testing.T, guests []*guest) map[string]int {
	t.Helper()
	at := map[string]int{}
	for _, g := range guests {
		if g.reason() != "" {
			t.Errorf("a miner was closed with %q", g.reason())
		}
		at[g.newest().Job.Pool]++
	}
	return at
}

// However a pool dies, its miners have the next one's work within a second of
// when that is known, nobody is closed, and they come back once the pool has
// been well for two minutes.
func TestFailover(t *testing.T) {
	for name, c := range map[string]struct {
		kill, revive func(p *fakePool)
		// known is when it is known to be dead.
		known time.Duration
	}{
		"closes": {
			func(p *fakePool) { p.refuse.Store(true); p.closeAll() },
			func(p *fakePool) { p.refuse.Store(false) }, 0,
		},
		"refuses the login": {
			func(p *fakePool) {
				p.change(func() { p.authorize = func(string) string { return `[24,"Unauthorized worker",null]` } })
				p.closeAll()
			},
			func(p *fakePool) { p.change(func() { p.authorize = nil }) }, 0,
		},
		"does not answer the login": {
			func(p *fakePool) {
				p.change(func() { p.authorize = func(string) string { return "" } })
				p.closeAll()
			},
			func(p *fakePool) { p.change(func() { p.authorize = nil }) }, 0,
		},
		"has no work": {
			func(p *fakePool) { p.change(func() { p.noJob = true }); p.closeAll() },
			func(p *fakePool) { p.change(func() { p.noJob = false }); p.job() }, 0,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := buildShared(t, []*fakePool{first, second}, fewMiners(20))
			guests := h.crowd(50)
			pass(2 * time.Second)
			if at := where(t, guests); at["first"] != 50 {
				t.Fatalf("%s: miners at the start: %v", name, at)
			}
			old := guests[0].newest()
			c.kill(first)
			pass(c.known + time.Second)
			if at := where(t, guests); at["second"] != 50 {
				t.Errorf("%s: miners a second later: %v", name, at)
			}
			for _, g := range guests {
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					t.Errorf("%s: a share at the second pool: %v", name, a.Verdict)
				}
			}
			if a := guests[0].hand(guests[0].login(), guests[0].search(old, easy, impossible)); a.Verdict != mining.Stale {
				t.Errorf("%s: a share for the dead pool: %v", name, a.Verdict)
			}
			lives(5*time.Minute, second)
			c.revive(first)
			for range 200 {
				if h.hub.Pools()[0].Probe.State == link.Active {
					break
				}
				lives(time.Second, second)
			}
			lives(115*time.Second, first, second)
			if at := where(t, guests); at["second"] != 50 {
				t.Errorf("%s: miners before the pool has been well for long: %v", name, at)
			}
			late := guests[1].newest()
			lives(2*time.Minute, first, second) // its own links may have waited for their turn
			if at := where(t, guests); at["first"] != 50 {
				t.Errorf("%s: miners after: %v", name, at)
			}
			// What was found for the second pool meanwhile goes there.
			before, _ := second.tally()
			if a := guests[1].hand(guests[1].login(), guests[1].search(late, easy, impossible)); a.Verdict != mining.Accepted {
				t.Errorf("%s: a late share for the second pool: %v", name, a.Verdict)
			}
			if n, refused := second.tally(); n != before+1 || len(refused) != 0 {
				t.Errorf("%s: the second pool took %d more and refused %q", name, n-before, refused)
			}
			for _, g := range guests {
				if a := g.mine(g.login()); a.Verdict != mining.Accepted {
					t.Errorf("%s: a share at the first pool: %v", name, a.Verdict)
				}
			}
			if n, refused := first.tally(); n < 50 || len(refused) != 0 {
				t.Errorf("%s: the first pool took %d and refused %q", name, n, refused)
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}

// A pool that says nothing any more is known to be dead after 90 s.
func TestFailoverFromASilentPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		guests := h.crowd(3)
		first.refuse.Store(true) // nor does it let anybody in
		for range 3 {
			pass(29 * time.Second)
			second.job()
		}
		if at := where(t, guests); at["first"] != 3 {
			t.Errorf("miners after 87 s: %v", at)
		}
		pass(4 * time.Second)
		if at := where(t, guests); at["second"] != 3 {
			t.Errorf("miners after 91 s: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// One connection that a pool cuts is dialled again; nobody changes the pool.
func TestOneCutConnectionIsNoFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		guests := h.crowd(3)
		for i := range 10 {
			old := guests[0].newest()
			for _, c := range first.conns[1:] { // all but the probe's
				_ = c.Close()
			}
			pass(2 * time.Second)
			if at := where(t, guests); at["first"] != 3 || guests[0].newest() == old {
				t.Errorf("cut %d: miners %v, other work %t", i, at, guests[0].newest() != old)
			}
			lives(2*time.Minute, first, second)
		}
		if n := len(second.submitted()); n != 0 {
			t.Errorf("%d shares went to the second pool", n)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// Where one of several connections is cut, its miners do not wait for it.
func TestCutConnectionsMinersGoToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, fewMiners(10))
		guests := h.crowd(12)
		pass(3 * time.Second)
		p.slow = time.Minute // the next one takes long
		for _, g := range guests[:5] {
			g.leave()
		}
		old := guests[11].newest()
		_ = p.conns[2].Close() // the probe's, that of the first ten, and theirs
		pass(3 * time.Second)
		if w := guests[11].newest(); w == old || guests[11].reason() != "" {
			t.Errorf("it has no other work, closed with %q", guests[11].reason())
		}
		for _, g := range guests[5:] {
			g.leave()
		}
	})
}

// The next pool is ready before it is needed, and only that one.
func TestStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pools := []*fakePool{sharedPool("a"), sharedPool("b"), sharedPool("c")}
		h := buildShared(t, pools, nil)
		pass(3 * time.Second)
		links := func() (n []int) {
			for _, p := range h.hub.Pools() {
				n = append(n, p.Links)
			}
			return n
		}
		if got := links(); !slices.Equal(got, []int{1, 1, 0}) {
			t.Errorf("links at the start: %v", got)
		}
		g := h.bring(1, "alice")
		pools[0].refuse.Store(true)
		pools[0].closeAll()
		pass(3 * time.Second)
		if got := links(); !slices.Equal(got, []int{0, 1, 1}) {
			t.Errorf("links without the first pool: %v", got)
		}
		pools[0].refuse.Store(false)
		lives(10*time.Minute, pools...)
		if got := links(); !slices.Equal(got, []int{1, 1, 0}) || g.newest().Job.Pool != "a" {
			t.Errorf("links with it again: %v, the miner is at %s", got, g.newest().Job.Pool)
		}
		g.leave()
	})
}

// A newcomer does not go where the others have just fled from.
func TestNewcomerDuringTheHoldDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		first.closeAll()
		pass(time.Minute)
		late := h.bring(2, "bob")
		if at := late.newest().Job.Pool; at != g.newest().Job.Pool {
			t.Errorf("the newcomer is at %s, the others at %s", at, g.newest().Job.Pool)
		}
		lives(4*time.Minute, first, second)
		if at := where(t, []*guest{g, late}); at["first"] != 2 {
			t.Errorf("miners after the hold-down: %v", at)
		}
		g.leave()
		late.leave()
	})
}

// A pool that comes and goes does not take the miners along.
func TestNoFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		moves, at := 0, "first"
		for range 60 {
			first.closeAll()
			for range 6 {
				lives(15*time.Second, second, first)
				if now := g.newest().Job.Pool; now != at {
					at, moves = now, moves+1
				}
			}
		}
		if moves != 1 || at != "second" || g.reason() != "" {
			t.Errorf("%d moves, at %s, closed with %q", moves, at, g.reason())
		}
		g.leave()
	})
}

// A backup that begins ten thousand times too low is flooded by nobody.
func TestBackupThatBeginsFarTooLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		first.diff, second.diff = 4096*easy, 4096*easy/10_000
		h := buildShared(t, []*fakePool{first, second}, func(c *hub.Config) {
			c.Routes[0].Vardiff = func(string) vardiff.Config { return vardiff.Config{Start: 256 * easy} }
		})
		guests := h.crowd(20)
		for range 12 { // a share of 1,024 hashes every 10 s, each
			for _, g := range guests {
				g.mine(g.login())
			}
			lives(10*time.Second, first, second)
		}
		before := guests[0].assigned().Difficulty
		first.refuse.Store(true)
		first.closeAll()
		pass(time.Second)
		if at := where(t, guests); at["second"] != 20 {
			t.Fatalf("miners: %v", at)
		}
		rate := 0.0
		for _, g := range guests {
			d := g.assigned().Difficulty
			rate += h.hub.MinerState(g.miner).Hashrate / (1 << 32) / float64(d)
		}
		if rate == 0 || rate > 205 { // a link's budget, and what rounding to powers of two makes of it
			t.Errorf("%.0f shares a second are to be expected, difficulty %v before, %v now", rate, before, guests[0].assigned().Difficulty)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A drained pool's miners go where there is work for them, without losing any.
func TestDrainPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, fewMiners(10))
		guests := h.crowd(25)
		pass(2 * time.Second)
		if h.hub.DrainPool("nosuch", true) {
			t.Error("a pool that is not there")
		}
		h.hub.DrainPool("first", true)
		late := guests[24].newest()
		pass(3 * time.Second)
		if at := where(t, guests); at["second"] != 25 {
			t.Errorf("miners of a drained pool: %v", at)
		}
		if a := guests[24].hand(guests[24].login(), guests[24].search(late, easy, impossible)); a.Verdict != mining.Accepted {
			t.Errorf("a late share: %v", a.Verdict)
		}
		if n, refused := first.tally(); n != 1 || len(refused) != 0 {
			t.Errorf("the drained pool took %d and refused %q", n, refused)
		}
		h.hub.DrainPool("first", false)
		pass(3 * time.Second)
		if at := where(t, guests); at["first"] != 25 {
			t.Errorf("miners of a pool that is in use again: %v", at)
		}
		// Where there is no other, it is better than none.
		h.hub.DrainPool("first", true)
		h.hub.DrainPool("second", true)
		pass(3 * time.Second)
		if at := where(t, guests); at["first"] != 25 {
			t.Errorf("miners with all pools drained: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A pool that is connected and of no use loses its miners for a while: one that
// refuses what is valid, and one that does not answer.
func TestPoolOfNoUse(t *testing.T) {
	for name, c := range map[string]struct {
		reply  string
		streak int
		shares int
		wait   time.Duration
		moves  bool
	}{
		"refuses":              {`[23,"Low difficulty share",null]`, 10, 10, 0, true},
		"refuses, not so long": {`[23,"Low difficulty share",null]`, 10, 9, 0, false},
		"refuses, never mind":  {`[23,"Low difficulty share",null]`, 0, 100, 0, false},
		"says nothing":         {"", 10, 3, 31 * time.Second, true},
		"says nothing, twice":  {"", 10, 2, 31 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := buildShared(t, []*fakePool{first, second}, func(cfg *hub.Config) { cfg.Pools[0].RefusalStreak = c.streak })
			guests := h.crowd(3)
			first.change(func() { first.submit = func(sv1.Submit) string { return c.reply } })
			for range c.shares {
				guests[0].mine(guests[0].login())
			}
			lives(c.wait, first, second)
			pass(2 * time.Second)
			want := map[bool]string{true: "second", false: "first"}[c.moves]
			if at := where(t, guests); at[want] != 3 {
				t.Errorf("%s: miners: %v, want them at the %s", name, at, want)
			}
			if s := h.hub.Pools()[0]; s.Shunned != c.moves {
				t.Errorf("%s: shunned %t", name, s.Shunned)
			}
			first.change(func() { first.submit = nil })
			lives(8*time.Minute, first, second) // five of them, and the hold-down
			if at := where(t, guests); at["first"] != 3 {
				t.Errorf("%s: miners eight minutes later: %v", name, at)
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}

// Shares that were on their way when a link ended say nothing of the pool.
func TestCutConnectionWithSharesDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		first.submit = func(sv1.Submit) string { return "" }
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		for range 10 {
			g.mine("alice")
		}
		_ = first.shared().Close()
		pass(2 * time.Second)
		if s := h.hub.Pools()[0]; s.Shunned || g.newest().Job.Pool != "first" {
			t.Errorf("shunned %t, the miner is at %s", s.Shunned, g.newest().Job.Pool)
		}
		g.leave()
	})
}

// Without another pool it is better than none.
func TestOnlyPoolOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(cfg *hub.Config) { cfg.Pools[0].RefusalStreak = 10 })
		g := h.bring(1, "alice")
		p.change(func() { p.submit = func(sv1.Submit) string { return `[20,"Invalid",null]` } })
		for range 20 {
			if a := g.mine("alice"); a.Verdict != mining.Accepted {
				t.Errorf("%v", a.Verdict)
			}
		}
		p.live(2)
		late := h.bring(2, "bob")
		if g.reason() != "" || late.given() == 0 {
			t.Errorf("closed with %q, a newcomer has %d works", g.reason(), late.given())
		}
		g.leave()
		late.leave()
	})
}
