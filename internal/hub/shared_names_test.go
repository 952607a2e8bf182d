package hub_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// names are the workers that the pool's shares came by.
func (p *fakePool) names() (all []string) {
	for _, s := range p.submitted() {
		all = append(all, string(s.Worker))
	}
	return all
}

func TestOwnNameOnlyOnceThePoolSaidYes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.authorize = func(user string) string {
			switch {
			case strings.HasSuffix(user, "slow"):
				time.Sleep(3 * time.Second)
			case strings.HasSuffix(user, "mallory"):
				return `[24,"Unauthorized worker",null]`
			}
			return "true"
		}
		h := buildShared(t, []*fakePool{p}, nil)
		const login = "ACC-main.farm"
		for i, c := range []struct {
			worker string
			first  string // of two shares, the second 5 s later
			second string
		}{
			{"alice", login, "ACC-main.alice"},
			{"mallory", login, login},
			{"slow", login, "ACC-main.slow"},
			{"farm", login, login},
			{"ACC-main.alice", "ACC-main.alice", "ACC-main.alice"}, // known by now
		} {
			g := h.bring(uint64(i+1), c.worker)
			g.mine(c.worker)
			pass(5 * time.Second)
			g.mine(c.worker)
			synctest.Wait()
			if got := p.names()[2*i:]; !slices.Equal(got, []string{c.first, c.second}) {
				t.Errorf("%s: its shares came as %q", c.worker, got)
			}
			g.leave()
		}
		if s := h.hub.Pools()[0]; s.OneWorker || s.Shared[0].Names != 2 || s.Shared[0].Login != login {
			t.Errorf("one worker %t, %d names, login %q", s.OneWorker, s.Shared[0].Names, s.Shared[0].Login)
		}
		if got := p.users()[1:]; !slices.Equal(got, []string{login, "ACC-main.alice", "ACC-main.mallory", "ACC-main.slow"}) {
			t.Errorf("the pool was asked for %q", got)
		}
	})
}

func TestNamesArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		guests := h.crowd(10)
		asked := len(p.users())
		for round := 1; round <= 10; round++ {
			for i, g := range guests {
				g.mine(fmt.Sprintf("rig%d", i))
			}
			if got := len(p.users()) - asked; got != round {
				t.Errorf("%d names after %d rounds, want one each", got, round)
			}
			pass(100 * time.Millisecond)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A farm with more workers than a pool should be bothered with.
func TestNamesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 5000
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		asked := len(p.users())
		g := h.bring(1, "rig0")
		for i := range most + 20 {
			login := fmt.Sprintf("rig%d", i)
			g.authorize(login)
			if a := g.mine(login); a.Verdict != mining.Accepted {
				t.Fatalf("worker %d: %v", i, a.Verdict)
			}
			pass(100 * time.Millisecond)
		}
		if got := len(p.users()) - asked; got < most-10 || got > most+10 { // the probe logs in again meanwhile
			t.Errorf("the pool was asked for %d names, want %d", got, most)
		}
		if n := h.hub.Pools()[0].Shared[0].Names; n != most {
			t.Errorf("%d names are known, want %d", n, most)
		}
		g.leave()
	})
}

// A pool that knows one worker a connection is found out once, by its silence
// or by closing (twice if it ended its probe too, for it may have restarted),
// and what was found is remembered for the next link.
func TestPoolKnowsOneWorker(t *testing.T) {
	for name, c := range map[string]struct {
		second func(p *fakePool) string
		asked  []string
	}{
		"silent": {func(*fakePool) string { return "" }, []string{"ACC-main.alice"}},
		"closes": {func(p *fakePool) string {
			go func() { _ = p.last().Close() }()
			return ""
		}, []string{"ACC-main.alice"}},
		"closes all": {func(p *fakePool) string {
			go p.closeAll()
			return ""
		}, []string{"ACC-main.alice", "ACC-main.bob"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.authorize = func(user string) string {
				if !strings.HasSuffix(user, ".farm") {
					return c.second(p)
				}
				return "true"
			}
			var lines logText
			var kept []hub.Found
			h := buildHub(t, []*fakePool{p}, hub.Deps{
				Logger:  slog.New(slog.NewTextHandler(&lines, nil)),
				OnFound: func(_ string, f hub.Found) error { kept = append(kept, f); return nil },
			}, shareAll)
			g := h.bring(1, "alice")
			g.mine("alice")
			lives(time.Minute, p)
			h.bring(2, "bob").mine("bob")
			lives(time.Minute, p)
			_ = p.shared().Close()
			pass(5 * time.Second)
			g.mine("alice")
			h.bring(3, "carol").mine("carol")
			if !h.hub.Pools()[0].OneWorker {
				t.Errorf("%s: it was not found out", name)
			}
			if n := lines.count("pool knows one worker a connection"); n != 1 {
				t.Errorf("%s: said %d times", name, n)
			}
			// First its extranonce2 size is found out, then this.
			if len(kept) != 2 || kept[0].Extranonce2Size != 8 || time.Since(kept[1].OneWorker) > 3*time.Minute {
				t.Errorf("%s: kept %v", name, kept)
			}
			got := slices.DeleteFunc(p.users(), func(s string) bool { return s == "ACC-main.farm" })
			if !slices.Equal(got, c.asked) {
				t.Errorf("%s: the pool was asked for %q, want %q", name, got, c.asked)
			}
			for _, worker := range p.names() {
				if worker != "ACC-main.farm" {
					t.Errorf("%s: a share came as %q", name, worker)
				}
			}
			if _, refused := p.tally(); len(refused) > 0 {
				t.Errorf("%s: refused %q", name, refused)
			}
		})
	}
}

// What an earlier run has found counts for a day from when it was found.
func TestFindingsAreRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
			c.Pools[0].Reading, c.Pools[0].ReadingAuto = work.ReadReplace, true
			c.Pools[0].Found = hub.Found{OneWorker: time.Now().Add(2*time.Minute - 24*time.Hour), Reading: work.ReadXor}
		})
		g := h.bring(1, "alice")
		for range 2 {
			g.mine("alice")
		}
		if s := h.hub.Pools()[0]; !s.OneWorker || s.Reading != work.ReadXor {
			t.Errorf("one worker %t, reading %v", s.OneWorker, s.Reading)
		}
		p.live(3)
		for range 2 {
			g.mine("alice")
		}
		if got := p.names(); !slices.Equal(got, []string{"ACC-main.farm", "ACC-main.farm", "ACC-main.farm", "ACC-main.alice"}) || h.hub.Pools()[0].OneWorker {
			t.Errorf("shares came as %q", got)
		}
		g.leave()
	})
}

// A link that is cut for another reason says nothing of names.
func TestClosedForAnotherReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		g.mine("alice")
		g.mine("alice") // by its name, and the pool took it
		_ = p.last().Close()
		pass(time.Second)
		if h.hub.Pools()[0].OneWorker {
			t.Error("blamed on the name")
		}
		g.leave()
	})
}

func TestPoolTakesANameAndRefusesItsShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.submit = func(s sv1.Submit) string {
			if strings.HasSuffix(string(s.Worker), "alice") {
				return `[24,"Unauthorized worker",null]`
			}
			return "true"
		}
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		for range 4 {
			g.mine("alice")
		}
		if got := p.names(); !slices.Equal(got, []string{"ACC-main.farm", "ACC-main.alice", "ACC-main.farm", "ACC-main.farm"}) {
			t.Errorf("shares came as %q", got)
		}
		g.leave()
	})
}

// Made-up names do not cost a pool more connections than it may be asked for.
func TestAccountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(cfg *hub.Config) {
			cfg.MaxAccounts = 2
			cfg.Routes[0].Worker, _ = mining.ParseTemplate("{user}.{worker}")
		})
		first := h.bring(1, "u1.rig1")
		h.bring(2, "u2.rig1")
		third := h.join(3)
		third.open()
		third.authorize("u3.rig1")
		if third.reason() != mining.TooManyAccounts || p.count() != 3 {
			t.Errorf("closed with %q, %d connections", third.reason(), p.count())
		}
		third.leave()
		h.bring(4, "u2.rig2") // of an account that has one
		first.leave()
		pass(4 * time.Minute) // its connection is closed before the others' would be
		if a := h.bring(5, "u3.rig1").mine("u3.rig1"); a.Verdict != mining.Accepted {
			t.Errorf("an account in the place of one that left: %v", a.Verdict)
		}
	})
}

func TestOneLinkAnAccount(t *testing.T) {
	for _, c := range []struct{ template, first, second, mate string }{
		{"{user}.{worker}", "u1.farm", "u2.farm", "u1.rig2"},
		{"{login}", "u1.farm", "u2.farm", "u1.rig2"},
		{"{user}", "u1", "u2", "u1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			h := buildShared(t, []*fakePool{p}, func(cfg *hub.Config) {
				cfg.Routes[0].Worker, _ = mining.ParseTemplate(c.template)
			})
			if p.count() != 1 {
				t.Errorf("%s: %d connections before anybody is known", c.template, p.count())
			}
			first := h.bring(1, "u1.rig1")
			second := h.bring(2, "u2.rig1")
			mate := h.bring(3, "u1.rig2")
			if p.count() != 3 || h.hub.MinerState(first.miner).Link != h.hub.MinerState(mate.miner).Link ||
				h.hub.MinerState(first.miner).Link == h.hub.MinerState(second.miner).Link {
				t.Errorf("%s: %d connections", c.template, p.count())
			}
			if got := p.users()[1:]; !slices.Equal(got, []string{c.first, c.second}) {
				t.Errorf("%s: the links' logins are %q", c.template, got)
			}
			if a := first.authorize("u2.rig9"); a.Verdict != mining.Unauthorized {
				t.Errorf("%s: a worker of another account: %v", c.template, a.Verdict)
			}
			if a := first.authorize("u1.rig9"); a.Verdict != mining.Accepted {
				t.Errorf("%s: another worker of the account: %v", c.template, a.Verdict)
			}
			mate.mine("u1.rig2")
			mate.mine("u1.rig2")
			if got := p.names(); !slices.Equal(got, []string{c.first, c.mate}) {
				t.Errorf("%s: shares came as %q", c.template, got)
			}
			for _, g := range []*guest{first, second, mate} {
				g.leave()
			}
			// A link that is for one account is not kept when its miners left.
			p.live(6)
			if links := h.hub.Pools()[0].Links; links != 0 {
				t.Errorf("%s: %d links are left", c.template, links)
			}
		})
	}
}

// Where the whole name is the worker's, its account is the worker.
func TestAccountIsTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(cfg *hub.Config) {
			cfg.Routes[0].Worker, _ = mining.ParseTemplate("{worker}")
		})
		a, b := h.bring(1, "x.addr1"), h.bring(2, "y.addr2")
		if got := p.users()[1:]; !slices.Equal(got, []string{"addr1", "addr2"}) {
			t.Errorf("the links' logins are %q", got)
		}
		a.leave()
		b.leave()
	})
}

func TestPoolRefusesTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, other := sharedPool("main"), sharedPool("other")
		h := buildShared(t, []*fakePool{p, other}, func(cfg *hub.Config) {
			cfg.Routes[0].Worker, _ = mining.ParseTemplate("{login}")
		})
		p.authorize = func(user string) string {
			if strings.HasPrefix(user, "u1") {
				return `[24,"Unauthorized worker",null]`
			}
			return "true"
		}
		g := h.bring(1, "u1.rig1")
		pass(5 * time.Second)
		if got := h.hub.MinerState(g.miner); got.Pool != "other" || g.given() == 0 {
			t.Errorf("the miner is at %+v with %d works", got, g.given())
		}
		g.leave()
	})
}
