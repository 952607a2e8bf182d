package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/work"
)

// Firmware begins its search anew with each work and rolls the ntime up to a
// minute ahead: no two works of one job may meet there while the pool is
// silent for as long as pools are, and none may be further ahead than the
// strictest pool takes.
func TestRefreshedWorkIsNotTheSameSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		own := p.last()
		for nonce := range work.Nonce(5) {
			time.Sleep(30 * time.Second)
			g.submit("alice", nonce, hex(t, "00000001")) // the pool answers: it is not dead
		}
		if g.given() != 6 {
			t.Fatalf("%d works", g.given())
		}
		for i, w := range g.works[1:] {
			if ahead := w.NTime - g.works[i].NTime; ahead <= 60 {
				t.Errorf("work %d is %d s after the one before", i+1, ahead)
			}
		}
		if ahead := g.newest().NTime - g.newest().Job.NTime; ahead > 600 {
			t.Errorf("the newest is %d s after its job", ahead)
		}
		own.notify(false)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if ahead := g.newest().NTime - g.newest().Job.NTime; ahead > 120 {
			t.Errorf("a new job's first refresh is %d s ahead", ahead)
		}
		g.leave()
	})
}

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
