package hub_test

import (
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/mining"
)

// A miner that has subscribed has work, and no more of it until it logs in: jobs go to
// those who can hand shares in, however many others there are. Who logs in is given the
// newest at once, and every one after it.
func TestStrangersHaveOneWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		known := h.bring(1, "rig")
		stranger := h.join(2)
		stranger.open()
		synctest.Wait()
		if n := stranger.given(); n != 1 {
			t.Fatalf("who has subscribed was given %d works", n)
		}
		before := known.given()
		p.job()
		p.block()
		synctest.Wait()
		if n := known.given(); n != before+2 {
			t.Errorf("who has logged in was given %d works of two", n-before)
		}
		if n := stranger.given(); n != 1 {
			t.Errorf("who has not logged in was given %d works", n)
		}
		if a := stranger.authorize("late"); a.Verdict != mining.Accepted {
			t.Fatalf("authorize: %v", a.Verdict)
		}
		synctest.Wait()
		if stranger.given() != 2 || stranger.newest() != known.newest() || !stranger.assigned().Clean {
			t.Errorf("who has logged in late has %d works, the newest %+v", stranger.given(), stranger.assigned())
		}
		if a := stranger.hand("late", stranger.search(stranger.newest(), stranger.assigned().Difficulty, impossible)); a.Verdict != mining.Accepted {
			t.Errorf("its share: %v", a.Verdict)
		}
		p.job()
		synctest.Wait()
		if stranger.newest() != known.newest() {
			t.Error("it was left out of the next job")
		}
	})
}
