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

// A session tells a miner by mining.set_version_mask what the work allows of
// what it asked for: more than it was granted while another pool allowed less.
func TestMinerRollsWhatTheWorkAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wide, narrow := sharedPool("wide"), sharedPool("narrow")
		narrow.mask = 0x00c00000
		h := buildShared(t, []*fakePool{wide, narrow}, nil)
		g := h.bring(1, "alice") // asks for ffffffff, is granted 00c00000
		a := g.assigned()
		if a.Work.VersionMask != work.MaskBIP320 {
			t.Fatalf("the work allows %v", a.Work.VersionMask)
		}
		s := mining.Share{}
		for bits := work.VersionMask(0x2000); ; bits += 0x2000 {
			s = g.search(a.Work, easy/16, impossible)
			s.HasVersionBits, s.VersionBits = true, bits&work.MaskBIP320
			if easy.Target().Met(g.hash(a.Work, &s)) {
				break
			}
		}
		if got := g.hand("alice", s); got.Verdict != mining.Accepted {
			t.Errorf("a share of bits %v is %v %q", s.VersionBits, got.Verdict, got.Text)
		}
		g.leave()
	})
}

// Work that is given again because the pool asks for less: what comes of it is
// handed in, or counted as not submitted.
func TestSharesOfALoweredDifficultyAreAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 256 * easy
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
			c.Routes[0].Vardiff = func(string) vardiff.Config { return vardiff.Config{Fixed: 256 * easy} }
		})
		g := h.bring(1, "alice")
		if d := g.assigned().Difficulty; d != 256*easy {
			t.Fatalf("told %v", d)
		}
		p.shared().setDifficulty(easy)
		pass(5 * time.Second)
		a := g.assigned()
		if a.Difficulty != easy {
			t.Fatalf("told %v after the pool asked for less", a.Difficulty)
		}
		const n = 10
		for range n {
			if got := g.hand("alice", g.search(a.Work, easy, 256*easy)); got.Verdict != mining.Accepted {
				t.Fatalf("%v", got)
			}
		}
		synctest.Wait()
		submitted, lost := len(p.submitted()), h.hub.Pools()[0].Unsubmitted
		if submitted == 0 && lost == 0 {
			t.Errorf("%d shares were accepted; none was handed in, none is counted as not submitted", n)
		}
		g.leave()
	})
}
