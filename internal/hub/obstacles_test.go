package hub_test

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/work"
)

// What keeps a miner from a pool of its route is named, and said once.
func TestObstacles(t *testing.T) {
	for name, c := range map[string]struct {
		sizes [3]int // of the pools' extranonce2
		// later is what the second's becomes while the miner is there, 0 for no change.
		later  int
		change func(*hub.Config)
		want   []hub.Obstacle
		said   int
	}{
		"all fit":         {[3]int{8, 6, 12}, 0, shareAll, nil, 0},
		"dedicated":       {[3]int{8, 6, 12}, 0, func(*hub.Config) {}, nil, 0},
		"passed through":  {[3]int{8, 3, 8}, 0, shareAll, []hub.Obstacle{{"second", "extranonce_passed_through"}, {"third", "extranonce_passed_through"}}, 1},
		"narrow since":    {[3]int{8, 8, 8}, 5, shareAll, []hub.Obstacle{{"second", "extranonce_too_narrow"}}, 0},
		"dedicated, too":  {[3]int{8, 8, 8}, 5, func(*hub.Config) {}, []hub.Obstacle{{"second", "extranonce_too_narrow"}}, 0},
		"one's own":       {[3]int{3, 3, 3}, 0, func(c *hub.Config) { c.Routes[0].Pools = []string{"first"} }, nil, 0},
		"of other routes": {[3]int{8, 3, 8}, 0, func(c *hub.Config) { shareAll(c); c.Routes[0].Pools = []string{"first", "third"} }, nil, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			pools := []*fakePool{sharedPool("first"), sharedPool("second"), sharedPool("third")}
			for i, p := range pools {
				p.en2Size = c.sizes[i]
			}
			var log logText
			h := buildHub(t, pools, hub.Deps{Logger: slog.New(slog.NewTextHandler(&log, nil))}, c.change)
			g, late := h.bring(1, "alice"), h.bring(2, "bob")
			if c.later > 0 {
				pools[1].change(func() { pools[1].en2Size = c.later })
				pools[1].closeAll()
				pass(10 * time.Second)
			}
			if got := h.hub.MinerState(g.miner); !slices.Equal(got.Obstacles, c.want) || len(got.FewerBits) != 0 {
				t.Errorf("%s: %+v, want %v", name, got, c.want)
			}
			if n := log.count(`level=WARN msg="a miner cannot be sent to all pools`); n != c.said {
				t.Errorf("%s: said %d times, want %d", name, n, c.said)
			}
			if c.said > 0 && log.count("not_to.second=extranonce_passed_through not_to.third=extranonce_passed_through") != 1 {
				t.Errorf("%s: the log does not say where to and why", name)
			}
			g.leave()
			late.leave()
		})
	}
}

// A pool that lets fewer version bits be rolled than a miner was granted is named,
// and none that never was.
func TestFewerVersionBits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		second.change(func() { second.mask = work.MaskBIP320 & 0x00ffffff })
		second.closeAll()
		pass(10 * time.Second)
		if got := h.hub.MinerState(g.miner).FewerBits; !slices.Equal(got, []string{"second"}) {
			t.Errorf("fewer bits at %v", got)
		}
		plain := h.join(2)
		plain.open()
		plain.authorize("bob")
		if got := h.hub.MinerState(plain.miner); len(got.FewerBits) != 0 || len(got.Obstacles) != 0 {
			t.Errorf("a miner that rolls nothing: %+v", got)
		}
		g.leave()
		plain.leave()
	})
}
