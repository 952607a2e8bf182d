package hub_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// ends makes the pool answer each worker after a connection's first by what is
// done, which is nothing where it returns true.
func (p *fakePool) ends(done func() (grants bool)) {
	p.authorize = func(user string) string {
		if strings.HasSuffix(user, ".farm") || done() {
			return "true"
		}
		return ""
	}
}

// shed closes the pool's connections from the newest to the probe's, one every
// so often.
func (p *fakePool) shed(every time.Duration) {
	for _, c := range slices.Backward(p.all()) {
		_ = c.Close()
		time.Sleep(every)
	}
}

// jobsFor lets time pass with a job every second.
func (p *fakePool) jobsFor(d time.Duration) {
	for ; d > 0; d -= time.Second {
		pass(time.Second)
		p.job()
	}
}

// patient keeps miners for as long as a drawn pause may be.
func patient(c *hub.Config) { c.Routes[0].OutageGrace = 5 * time.Minute }

// What a link's end amid the naming of a worker says of the pool.
func TestLinkEndsWhileAWorkerIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(p *fakePool) // in a goroutine, the first time
		jobs bool              // whether the probe gets some then
		want bool
	}{
		"restart": {func(p *fakePool) { p.closeAll() }, true, false},
		"restart of 15 s": {func(p *fakePool) {
			p.refuse.Store(true)
			p.closeAll()
			time.Sleep(15 * time.Second)
			p.refuse.Store(false)
		}, true, false},
		"restart, link by link":         {func(p *fakePool) { p.shed(4 * time.Second) }, true, false},
		"restart, link by link, slowly": {func(p *fakePool) { p.shed(25 * time.Second) }, true, false},
		"the link alone":                {func(p *fakePool) { _ = p.all()[1].Close() }, true, true},
		"the link alone, silence else":  {func(p *fakePool) { _ = p.all()[1].Close() }, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			asked := 0
			p.ends(func() bool {
				asked++
				if asked == 1 {
					go c.end(p)
				}
				return asked > 1
			})
			h := buildShared(t, []*fakePool{p}, patient)
			g := h.bring(1, "alice")
			g.mine("alice")
			if asked != 1 {
				t.Fatalf("%s: %d names were asked for", name, asked)
			}
			alive := pass
			if c.jobs {
				alive = p.jobsFor
			}
			alive(20 * time.Second)
			if g.mine("alice"); asked != 1 {
				t.Errorf("%s: %d names were asked for before the first was judged", name, asked)
			}
			alive(50 * time.Second)
			if got := h.hub.Pools()[0].OneWorker; got != c.want {
				t.Errorf("%s: one worker: %t", name, got)
			}
			if !c.jobs {
				return
			}
			for range 2 { // the first one asks for the name
				if a := g.mine("alice"); a.Verdict != mining.Accepted {
					t.Errorf("%s: a share: %v, closed with %q", name, a.Verdict, g.reason())
				}
			}
			want := "ACC-main.alice"
			if c.want {
				want = "ACC-main.farm"
			}
			if names := p.names(); names[len(names)-1] != want {
				t.Errorf("%s: its shares came as %q at last, want %s", name, names, want)
			}
			g.leave()
		})
	}
}

// A pool that ends the link and its probe for a second worker is known by the
// second time in a row, and a day later by the second time again.
func TestPoolEndsAllForASecondWorker(t *testing.T) {
	for _, found := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			asked := 0
			p.ends(func() bool {
				asked++
				go p.closeAll()
				return false
			})
			h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
				patient(c)
				if found {
					c.Pools[0].Found.OneWorker = time.Now().Add(time.Minute - 24*time.Hour)
				}
			})
			g := h.bring(1, "alice")
			if got := h.hub.Pools()[0].OneWorker; got != found {
				t.Errorf("one worker at the start: %t, want %t", got, found)
			}
			p.live(2)
			if h.hub.Pools()[0].OneWorker {
				t.Error("one worker still, a day later")
			}
			for i := range 4 { // the others go by the link's name
				g.mine("alice")
				p.jobsFor(70 * time.Second)
				want, names := i > 0, min(i+1, 2)
				if got := h.hub.Pools()[0].OneWorker; got != want || asked != names {
					t.Errorf("found %t, share %d: one worker: %t, want %t; %d names asked for, want %d", found, i, got, want, asked, names)
				}
			}
			g.leave()
		})
	}
}

// Restarts that come long after one another, with shares by workers' names in
// between, say nothing.
func TestRestartsAreNotInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		asked := 0
		p.ends(func() bool {
			asked++
			restart := asked%2 == 1
			if restart {
				go p.closeAll()
			}
			return !restart
		})
		h := buildShared(t, []*fakePool{p}, patient)
		g := h.bring(1, "alice")
		g.authorize("bob")
		for i := range 5 {
			g.mine("alice") // asks, and the pool restarts
			p.jobsFor(70 * time.Second)
			g.mine("bob") // asks
			pass(time.Second)
			if a := g.mine("bob"); a.Verdict != mining.Accepted || h.hub.Pools()[0].OneWorker {
				t.Errorf("restart %d: %v, one worker: %t", i+1, a.Verdict, h.hub.Pools()[0].OneWorker)
			}
			if names := p.names(); names[len(names)-1] != "ACC-main.bob" {
				t.Errorf("restart %d: shares came as %q", i+1, names)
			}
			pass(time.Second)
		}
		g.leave()
	})
}
