package hub_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// However the miner's clock and the hub's stand to each other.
func TestNoMinerIsLeftLongerThanThirtySeconds(t *testing.T) {
	for _, offset := range []time.Duration{1, 300 * time.Millisecond, 999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, []*fakePool{goodPool("main")}, nil)
			time.Sleep(offset)
			g := h.join(1)
			g.open()
			g.authorize("alice")
			for want := 2; want < 4; want++ {
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if n := g.given(); n < want {
					t.Fatalf("%d works %v after the hub's tick, want %d", n, offset, want)
				}
			}
			g.leave()
		})
	}
}
