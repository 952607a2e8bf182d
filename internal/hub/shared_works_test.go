package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// A pool that gives jobs faster than they can all be remembered loses shares of
// the oldest ones, and nothing else; no two works have the same id meanwhile.
func TestMoreJobsThanAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, jobs = 512, 530
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, fewMiners(1))
		guests := h.crowd(2) // each in a group of its own
		g := guests[0]
		pass(time.Second)
		began, first := time.Now(), g.search(g.newest(), easy, impossible)
		if a := g.hand("rig0", first); a.Verdict != mining.Accepted {
			t.Errorf("the first work's first share: %v", a.Verdict)
		}
		for range jobs {
			pass(300 * time.Millisecond)
			p.job()
		}
		if took := time.Since(began); took > 180*time.Second {
			t.Fatalf("%v went by: works are forgotten for their age", took)
		}
		ids := map[mining.JobID]*mining.Work{}
		for _, g := range guests {
			if n := g.given(); n < jobs {
				t.Fatalf("a miner was given %d works of %d jobs", n, jobs)
			}
			for _, w := range g.works {
				if other := ids[w.ID]; other != nil && other != w {
					t.Errorf("two works have the id %v", w.ID)
				}
				ids[w.ID] = w
			}
		}
		works := g.works
		expect := func(what string, i int, want mining.Verdict) mining.Share {
			t.Helper()
			s := g.search(works[len(works)-1-i], easy, impossible)
			if a := g.hand("rig0", s); a.Verdict != want {
				t.Errorf("%s: a share of the work %d before the newest: %v, want %v", what, i, a.Verdict, want)
			}
			return s
		}
		if a := g.hand("rig0", first); a.Verdict != mining.JobNotFound {
			t.Errorf("the first work's first share again: %v", a.Verdict)
		}
		expect("while they come", most, mining.JobNotFound)
		s := expect("while they come", most-1, mining.Accepted)
		if a := g.hand("rig0", s); a.Verdict != mining.Duplicate {
			t.Errorf("the oldest work's share again: %v", a.Verdict)
		}
		expect("while they come", most/2, mining.Accepted)
		expect("while they come", 0, mining.Accepted)
		if a := guests[1].mine("rig1"); a.Verdict != mining.Accepted {
			t.Errorf("the other miner's: %v", a.Verdict)
		}
		p.block()
		works = g.works
		expect("after a block", most, mining.JobNotFound)
		expect("after a block", most-1, mining.Stale)
		expect("after a block", 0, mining.Accepted)
		if n, refused := p.tally(); n != 6 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}
