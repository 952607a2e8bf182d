package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// A pool that gives its first job before it answers mining.configure takes
// nothing from the miner of what its probe had learned.
func TestMaskComesAfterTheFirstJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.lateMask = true
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		a := g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0xffffffff})
		if a.VersionMask != work.MaskBIP320 {
			t.Fatalf("granted %v", a.VersionMask)
		}
		g.open()
		g.authorize("alice")
		if n := g.given(); n != 1 {
			t.Fatalf("%d works", n)
		}
		if w := g.newest(); w.VersionMask != work.MaskBIP320 || !w.Clean {
			t.Errorf("the first work lets %v roll, want what was granted; clean %t", w.VersionMask, w.Clean)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if w := g.newest(); w.VersionMask != work.MaskBIP320 {
			t.Errorf("the refreshed work lets %v roll", w.VersionMask)
		}
		g.leave()
	})
}
