package hub_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// What happens at pools is measured, each thing at its pool.
func TestQualityIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick, slow := sharedPool("quick"), sharedPool("slow")
		slow.slow = time.Second
		h := buildShared(t, []*fakePool{quick, slow}, nil)
		pass(2 * time.Second)
		g := h.bring(1, "alice")
		refuse := false
		quick.change(func() {
			quick.submit = func(sv1.Submit) string {
				if refuse {
					return `[23,"Low difficulty share",null]`
				}
				return "true"
			}
		})
		g.mine("alice")
		refuse = true
		g.mine("alice")
		// The first block is as early as the other is late; the pools began with
		// the same one, and nobody was late with that.
		for _, late := range []time.Duration{4 * time.Second, 2 * time.Second} {
			quick.block()
			pass(late)
			slow.block()
			pass(time.Minute)
		}
		quick.closeAll()
		pass(time.Second)
		states := h.hub.Pools()
		q, s := states[0].Quality, states[1].Quality
		if !q.Known || q.Answers != 2 || q.Rejects[mining.LowDifficulty] != 1 || q.Disconnects != 1 || q.Blocks != 2 || q.BlockDelay != 0 {
			t.Errorf("the quick pool: %+v", q)
		}
		if !s.Known || s.Answers != 0 || s.Disconnects != 0 || s.Connect != time.Second || s.Blocks != 2 || s.BlockDelay != 3*time.Second {
			t.Errorf("the slow pool: %+v", s)
		}
		// Whether it was seen to lag hangs on when the blocks are compared.
		if s.Behind > 4*time.Second {
			t.Errorf("the slow pool lagged for %v", s.Behind)
		}
		if want := 1 / (1 + 0.25) / (1 + 0.09) / (1 + math.Pow(s.Behind.Seconds()/30, 2)); math.Abs(s.Score-want) > 1e-6 {
			t.Errorf("the slow pool's score is %v, want %v", s.Score, want)
		}
		g.leave()
	})
}

// A share that nobody answers, and a pool that sends no job, are told.
func TestQualityOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := build(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		g.submit("alice", 1, hex(t, "00000001"))
		pass(40 * time.Second)
		if q := h.hub.Pools()[0].Quality; q.Answers != 1 || q.Rejects[mining.Unanswered] != 1 || q.Silences != 0 {
			t.Errorf("after 40 s: %+v", q)
		}
		p.last().late(1, "true")
		synctest.Wait()
		if q := h.hub.Pools()[0].Quality; q.Answers != 1 || q.Submit != 0 {
			t.Errorf("after a late answer: %+v", q)
		}
		// The connections' own patience ends before a job is too old: it is one trouble.
		pass(2 * time.Minute)
		if q := h.hub.Pools()[0].Quality; q.Silences == 0 || q.Disconnects != 0 {
			t.Errorf("after two silent minutes: %+v", q)
		}
		g.leave()
	})
}
