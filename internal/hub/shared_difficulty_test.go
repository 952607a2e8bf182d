package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// withVardiff makes the route a shared one with rules of difficulty.
func withVardiff(cfg vardiff.Config) func(*hub.Config) {
	return func(c *hub.Config) {
		c.Routes[0].Shared = true
		c.Routes[0].Vardiff = func(string) vardiff.Config { return cfg }
	}
}

func TestFirstDifficulty(t *testing.T) {
	const nicehash = 524288
	for _, c := range []struct {
		name             string
		pool             work.Difficulty
		cfg              vardiff.Config
		floor            work.Difficulty
		password         mining.Secret
		suggested, later work.Difficulty // before the authorize, and after
		want             work.Difficulty
	}{
		{name: "configured", pool: 1024, cfg: vardiff.Config{Start: 16}, want: 16},
		{name: "none configured", pool: 1024, want: 1},
		{name: "above the pool's", pool: 1024, cfg: vardiff.Config{Start: 4096}, want: 1024},
		{name: "least", pool: 1024, cfg: vardiff.Config{Start: 16, Min: 64}, want: 64},
		{name: "most", pool: 1024, cfg: vardiff.Config{Start: 16, Max: 8}, want: 8},
		{name: "fixed", pool: 1024, cfg: vardiff.Config{Start: 16, Fixed: 256}, want: 256},
		{name: "fixed above the pool's", pool: 1024, cfg: vardiff.Config{Fixed: 2048}, want: 1024},
		{name: "d=", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "d=64", want: 64},
		{name: "diff= among others", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "x,DIFF=64;y=1", want: 64},
		{name: "d= above the pool's", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "d=4096", want: 1024},
		{name: "d= within bounds", pool: 1024, cfg: vardiff.Config{Start: 16, Min: 32, Max: 128}, password: "d=1", want: 32},
		{name: "d= within bounds above", pool: 1024, cfg: vardiff.Config{Start: 16, Min: 32, Max: 128}, password: "d=512", want: 128},
		{name: "md=", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "md=512", want: 512},
		{name: "md= below the start", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "md=2", want: 16},
		{name: "nonsense", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "d=,md=-3,diff=x,d=0", want: 16},
		{name: "suggested before", pool: 1024, cfg: vardiff.Config{Start: 16}, suggested: 128, want: 128},
		{name: "suggested after", pool: 1024, cfg: vardiff.Config{Start: 16}, later: 128, want: 128},
		{name: "suggested below", pool: 1024, cfg: vardiff.Config{Start: 16}, later: 4, want: 4},
		{name: "suggested out of bounds", pool: 1024, cfg: vardiff.Config{Start: 16, Max: 64}, later: 128, want: 64},
		{name: "suggested against d=", pool: 1024, cfg: vardiff.Config{Start: 16}, password: "d=64", later: 128, want: 64},
		{name: "firmware's floor", pool: 1 << 20, cfg: vardiff.Config{Start: 16}, floor: nicehash, want: nicehash},
		{name: "firmware's floor above the pool's", pool: 1024, cfg: vardiff.Config{Start: 16}, floor: nicehash, want: 1024},
		{name: "firmware's floor against d=", pool: 1 << 20, cfg: vardiff.Config{Start: 16}, floor: nicehash, password: "d=64", want: nicehash},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.diff = c.pool
			h := build(t, []*fakePool{p}, withVardiff(c.cfg))
			g := h.join(1)
			suggest := func(d work.Difficulty) {
				if d > 0 {
					g.ask(mining.Request{Kind: mining.Suggest, Difficulty: d})
				}
			}
			suggest(c.suggested)
			g.ask(mining.Request{Kind: mining.Open, UserAgent: "x", Floor: c.floor})
			g.ask(mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("alice"), Password: c.password})
			suggest(c.later)
			pass(3 * time.Second)
			if got := g.assigned().Difficulty; got != c.want {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
			g.changesOnlyWithWork(c.name)
			g.leave()
		})
	}
}

// changesOnlyWithWork sees to it that each difficulty came with a work of its
// own, and that none but the first and those of new blocks are clean.
func (g *guest) changesOnlyWithWork(name string) {
	g.house.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, a := range g.terms[1:] {
		before := g.terms[i]
		if a.Work == before.Work || int32(a.Work.ID-before.Work.ID) <= 0 {
			g.house.t.Errorf("%s: work %v came after %v", name, a.Work.ID, before.Work.ID)
		}
		if a.Clean != (a.Work.Job.PrevHash != before.Work.Job.PrevHash) {
			g.house.t.Errorf("%s: work %d is clean: %t", name, i+1, a.Clean)
		}
	}
}

func TestPoolChangesItsDifficulty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 64
		h := build(t, []*fakePool{p}, withVardiff(vardiff.Config{Start: 1000}))
		low := h.join(1) // is below it anyway
		low.open()
		low.ask(mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("low"), Password: "d=4"})
		g := h.bring(2, "alice")
		pass(3 * time.Second)
		works := g.given()
		p.shared().setDifficulty(16)
		pass(3 * time.Second)
		if a := g.assigned(); a.Difficulty != 16 || g.given() != works+1 {
			t.Errorf("%d works after the pool asks for less, the last at %v", g.given()-works, a.Difficulty)
		}
		p.shared().setDifficulty(256)
		pass(5 * time.Second)
		if a := g.assigned(); a.Difficulty != 16 || g.given() != works+1 {
			t.Errorf("%d works after the pool asks for more, the last at %v", g.given()-works, a.Difficulty)
		}
		p.job()
		if a := g.assigned(); a.Difficulty != 256 || g.given() != works+2 {
			t.Errorf("%d works with the job after that, the last at %v", g.given()-works, a.Difficulty)
		}
		if d := low.assigned().Difficulty; d != 4 {
			t.Errorf("the other miner has %v", d)
		}
		g.changesOnlyWithWork("alice")
		low.changesOnlyWithWork("low")
		g.leave()
		low.leave()
	})
}

// worker is a miner of a hashrate, in hashes of difficulty 2^-32 a second.
type worker struct {
	*guest

	login string
	rate  float64
	owes  float64
}

// works lets time pass, a second at a time, and hands in as many shares as the
// miner finds. It returns how many those were.
func (w *worker) works(seconds int) (shares int) {
	w.house.t.Helper()
	for range seconds {
		pass(time.Second)
		for w.owes += w.rate; ; {
			a := w.assigned()
			each := float64(a.Difficulty) * (1 << 32)
			if w.owes < each {
				break
			}
			w.owes -= each
			shares++
			if v := w.mine(w.login).Verdict; v != mining.Accepted {
				w.house.t.Fatalf("a share: %v", v)
			}
		}
	}
	return shares
}

func TestDifficultyFollowsTheHashrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 1024 * easy
		const rate = 40
		rates := vardiff.NewMemory()
		rates.Keep("bob", rate, time.Now().Add(-23*time.Hour))
		rates.Keep("carol", rate, time.Now().Add(-25*time.Hour))
		h := buildHub(t, []*fakePool{p}, hub.Deps{Rates: rates}, withVardiff(vardiff.Config{Start: easy, SharesPerMinute: 6}))
		w := worker{guest: h.bring(1, "alice"), login: "alice", rate: rate}
		right := w.rate * 10 / (1 << 32) // a share every ten seconds
		for range 10 {
			w.works(30)
			p.job()
		}
		within := func(what string, d work.Difficulty) {
			if float64(d) < right/3 || float64(d) > 3*right {
				t.Errorf("%s: %v, want about %v", what, d, right)
			}
		}
		within("after five minutes", w.assigned().Difficulty)
		w.changesOnlyWithWork("alice")
		if s := h.hub.MinerState(w.miner); s.Hashrate < w.rate/3 || s.Hashrate > 3*w.rate {
			t.Errorf("hashrate %v, want about %v", s.Hashrate, w.rate)
		}
		w.leave()
		again := h.join(2)
		again.open()
		if d := again.assigned().Difficulty; d != easy {
			t.Errorf("before it names itself: %v", d)
		}
		again.authorize("alice")
		pass(3 * time.Second)
		within("after it came back", again.assigned().Difficulty)
		again.leave()
		bob, carol := h.bring(3, "bob"), h.bring(4, "carol")
		pass(3 * time.Second)
		within("nearly a day later", bob.assigned().Difficulty)
		if d := carol.assigned().Difficulty; d != easy {
			t.Errorf("more than a day later: %v", d)
		}
		bob.leave()
		carol.leave()
		if _, refused := p.tally(); len(refused) > 0 {
			t.Errorf("the pool refused %q", refused)
		}
	})
}

// A pool begins far too low and stays there: the miner stays above it for a
// while, what is lost by that is counted, and then it comes down.
func TestPoolStaysFarTooLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, func(c *hub.Config) {
			withVardiff(vardiff.Config{Start: easy, SharesPerMinute: 6})(c)
			c.Pools[0].SuggestAuto = true
		})
		w := worker{guest: h.bring(1, "alice"), login: "alice", rate: 200}
		w.works(60)
		p.job()
		if d := w.assigned().Difficulty; d <= p.diff {
			t.Errorf("%v while the pool climbs from %v", d, p.diff)
		}
		if n := w.works(30); n > 30*20 { // ten a second, down to a power of two
			t.Errorf("%d shares in 30 s, more than the budget", n)
		}
		if s := h.hub.Pools()[0]; s.Unsubmitted == 0 {
			t.Error("what was done above the pool's difficulty is not counted")
		}
		for range 14 {
			w.works(20)
			p.job()
		}
		lost := h.hub.Pools()[0].Unsubmitted
		for range 6 { // it has stood for five minutes
			w.works(20)
			p.job()
		}
		if d := w.assigned().Difficulty; d != p.diff {
			t.Errorf("%v long after the pool has settled at %v", d, p.diff)
		}
		lost = h.hub.Pools()[0].Unsubmitted - lost
		before := h.hub.Pools()[0].Unsubmitted
		w.works(30)
		if s := h.hub.Pools()[0]; s.Unsubmitted != before || s.Discrepancies != 0 {
			t.Errorf("%v more is lost after the descent (%v in it), %d discrepancies", s.Unsubmitted-before, lost, s.Discrepancies)
		}
		// The pool was asked for more, and did nothing about it.
		asked := map[string]int{}
		for _, d := range p.suggested {
			if asked[d]++; asked[d] > 3 {
				t.Errorf("the pool was asked for %q", p.suggested)
			}
		}
		if n := len(asked); n < 1 || n > 3 {
			t.Errorf("the pool was asked for %q", p.suggested)
		}
		if total := h.books.Snapshot(time.Now()).Total.Tally; total.Ours.Rejected() != 0 || total.Ours.Accepted() != total.Pools.Accepted() {
			t.Errorf("books: %+v", total)
		}
		w.leave()
	})
}

func TestPoolIsNotAskedWithoutLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, withVardiff(vardiff.Config{Start: easy}))
		w := worker{guest: h.bring(1, "alice"), login: "alice", rate: 100}
		w.works(60)
		w.leave()
		if len(p.suggested) != 0 {
			t.Errorf("the pool was asked for %q", p.suggested)
		}
	})
}

// A pool that does as it is asked is asked once.
func TestPoolDoesAsItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := build(t, []*fakePool{p}, func(c *hub.Config) {
			withVardiff(vardiff.Config{Start: easy, SharesPerMinute: 60})(c)
			c.Pools[0].SuggestAuto = true
		})
		w := worker{guest: h.bring(1, "alice"), login: "alice", rate: 100}
		for range 10 {
			w.works(20)
			if p.diff == easy && len(p.suggested) > 0 {
				p.diff = 64 * easy
				p.shared().setDifficulty(p.diff)
			}
			p.job()
		}
		if n := len(p.suggested); n < 1 || n > 3 || w.assigned().Difficulty <= easy {
			t.Errorf("asked for %q, the miner is at %v", p.suggested, w.assigned().Difficulty)
		}
		if n, refused := p.tally(); n == 0 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		w.leave()
	})
}

// A miner that falls silent is given less with work that comes later, be it of
// the pool or a job that is given again; one that goes on is not.
func TestSilentMinerIsGivenLess(t *testing.T) {
	for name, jobs := range map[string]bool{"the pool's jobs": true, "a job that is given again": false} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.diff = 16 * easy
			h := build(t, []*fakePool{p}, withVardiff(vardiff.Config{Start: 8 * easy, SharesPerMinute: 60}))
			silent := worker{guest: h.bring(1, "silent"), login: "silent", rate: 40}
			busy := worker{guest: h.bring(2, "busy"), login: "busy", rate: 40}
			for range 3 {
				silent.works(10)
				busy.works(10)
				p.job()
			}
			before, keeps := silent.assigned(), busy.assigned().Difficulty
			for range 9 {
				busy.works(10)
				if jobs {
					p.job()
				}
			}
			after := silent.assigned()
			if after.Difficulty > before.Difficulty/8 {
				t.Errorf("%s: %v after 90 s of silence, it was %v", name, after.Difficulty, before.Difficulty)
			}
			if same := after.Work.Job == before.Work.Job; same == jobs {
				t.Errorf("%s: the newest work is of the same job: %t", name, same)
			}
			if got := busy.assigned().Difficulty; got < keeps/2 {
				t.Errorf("%s: %v for the other miner, it was %v", name, got, keeps)
			}
			for _, a := range []mining.Assignment{before, after} {
				if v := silent.hand("silent", silent.search(a.Work, a.Difficulty, impossible)).Verdict; v != mining.Accepted {
					t.Errorf("%s: a share of %v: %v", name, a.Difficulty, v)
				}
			}
			silent.changesOnlyWithWork(name)
			busy.changesOnlyWithWork(name)
			if _, refused := p.tally(); len(refused) > 0 {
				t.Errorf("%s: the pool refused %q", name, refused)
			}
			silent.leave()
			busy.leave()
		})
	}
}
