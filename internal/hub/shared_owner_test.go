package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// A part that is for some workers has them, all of them and nobody else, and what
// they do is not divided; while it is dead they work for the others.
func TestSplitByWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		h := buildShared(t, []*fakePool{first, second, third}, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{
				{Pools: []string{"first"}, Weight: 70},
				{Pools: []string{"second"}, Weight: 30},
				{Pools: []string{"third"}, Worker: "vip.*"},
			}
		})
		pass(time.Second) // whichever pool is there first has those who come till then
		others := h.crowd(10)
		vips := make([]*guest, 0, 4)
		for i := range 4 {
			g := h.join(uint64(200 + i))
			g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0xffffffff})
			g.open()
			if at := g.newest().Job.Pool; at == "third" {
				t.Errorf("a miner of whom nothing is known is at %s", at)
			}
			g.authorize(fmt.Sprintf("vip.%d", i))
			vips = append(vips, g)
		}
		pass(2 * time.Second)
		all := append(append([]*guest(nil), others...), vips...)
		pools := []*fakePool{first, second, third}
		works(t, all, 60, pools...)
		_, before := part(first, second, [2]int{})
		theirs, _ := third.tally()
		works(t, all, 180, pools...)
		if got, _ := part(first, second, before); got < 0.68 || got > 0.72 {
			t.Errorf("%.3f of the others' work went to the first pool, want 0.7", got)
		}
		if n, _ := third.tally(); n-theirs != 4*180 {
			t.Errorf("the third pool had %d shares of 720", n-theirs)
		}
		if at := where(t, vips); at["third"] != 4 {
			t.Errorf("the vips are at %v", at)
		}
		if at := where(t, others); at["third"] != 0 {
			t.Errorf("the others are at %v", at)
		}
		parts := h.hub.Routes()[0].Parts
		if p := parts[2]; p.Target != 0 || p.Miners != 4 || p.Work == 0 || p.OwnWork != p.Work || parts[0].OwnWork != 0 || parts[0].Target != 0.7 {
			t.Errorf("parts %+v", parts)
		}
		others = append(others, h.bring(300, "late"))
		if at := where(t, others); at["third"] != 0 {
			t.Errorf("with a newcomer the others are at %v", at)
		}

		third.refuse.Store(true)
		third.closeAll()
		pass(2 * time.Second)
		works(t, all, 30, first, second)
		if at := where(t, vips); at["third"] != 0 {
			t.Errorf("with their pool dead the vips are at %v", at)
		}
		third.refuse.Store(false)
		lives(3*time.Minute, pools...)
		works(t, all, 12, pools...)
		if at := where(t, vips); at["third"] != 4 {
			t.Errorf("with their pool back the vips are at %v", at)
		}
		if err := h.hub.SetSplit("farm", []hub.PartConfig{{Pools: []string{"third"}, Worker: "rig*"}, {Pools: []string{"first"}, Worker: "*"}}); err != nil {
			t.Fatal(err)
		}
		works(t, all, 3, pools...)
		if at := where(t, vips); at["first"] != 4 {
			t.Errorf("split anew, the vips are at %v", at)
		}
		for _, g := range others {
			g.leave()
		}
		for _, g := range vips {
			g.leave()
		}
	})
}

// What a part should have goes to its heir while it is dead, and its own miners do.
func TestSplitOnDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		pools := []*fakePool{first, second, third}
		h := buildShared(t, pools, func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{
				{Pools: []string{"first"}, Weight: 50},
				{Pools: []string{"second"}, Weight: 30},
				{Pools: []string{"third"}, Weight: 20, Worker: "vip.*", OnDead: "second"},
			}
		})
		guests := h.crowd(10)
		vips := append(make([]*guest, 0, 3), h.bring(50, "vip.1"), h.bring(51, "vip.2"))
		all := append(append([]*guest(nil), guests...), vips...)
		works(t, all, 60, pools...)
		if at := where(t, vips); at["third"] != 2 {
			t.Errorf("the vips are at %v", at)
		}
		third.refuse.Store(true)
		third.closeAll()
		pass(3 * time.Second)
		vips = append(vips, h.bring(52, "vip.3"))
		all = append(all, vips[2])
		pass(2 * time.Second)
		if at := where(t, vips); at["second"] != 3 {
			t.Errorf("with their pool dead the vips are at %v", at)
		}
		works(t, all, 30, first, second)
		_, before := part(first, second, [2]int{})
		works(t, all, 180, first, second)
		// Of ten others the first has half, and the second the other half and the vips.
		if got, _ := part(first, second, before); got < 5./13-0.02 || got > 5./13+0.02 {
			t.Errorf("%.3f of the work went to the first pool, want %.3f", got, 5./13)
		}
		if p := h.hub.Routes()[0].Parts; p[0].Target != 0.5 || p[1].Target != 0.5 || p[1].OwnWork == 0 {
			t.Errorf("parts %+v", p)
		}
		third.refuse.Store(false)
		lives(3*time.Minute, pools...)
		works(t, all, 30, pools...)
		if at := where(t, vips); at["third"] != 3 {
			t.Errorf("with their pool back the vips are at %v", at)
		}
		for _, g := range all {
			g.leave()
		}
	})
}
