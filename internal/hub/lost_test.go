package hub_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// A pool says itself what is a block. One that calls every share one, and goes away, does
// not fill the log with blocks that cannot be handed in.
func TestLostBlocksArePaced(t *testing.T) {
	for _, isShared := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.nbits = 0x207fffff // every other hash is a block
			var log logText
			h := buildHub(t, []*fakePool{p}, hub.Deps{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(c *hub.Config) {
				shareAll(c)
				holdAll(c)
				c.Routes[0].Shared = isShared
			})
			g := h.bring(1, "alice")
			p.refuse.Store(true)
			p.closeAll()
			pass(time.Second)
			shares := func() {
				for range 30 {
					if a := g.mine("alice"); a.Verdict != mining.Unpaid {
						t.Fatalf("shared %t: %v", isShared, a.Verdict)
					}
				}
			}
			for lines := range 3 {
				shares()
				if n := log.count("it cannot be handed in"); n != lines+1 {
					t.Errorf("shared %t: %d lines in minute %d, want one a minute", isShared, n, lines)
				}
				pass(time.Minute)
			}
			g.leave()
		})
	}
}
