package hub

import (
	"math"
	"time"

	"github.com/loka/stratum/work"
)

// What a link's share budget is while the pool's difficulty is far below what
// its miners' hashrate calls for.
const (
	// minerBudget and linkBudget are the most shares a second that one miner
	// and all miners of a link are to find.
	minerBudget, linkBudget = 10, 100
	// sendBudget is the most shares a second that go to the pool meanwhile.
	sendBudget = 200
	// settleAfter is how long a pool's difficulty must stand, with
	// settleShares shares sent, to be taken for its last word.
	settleAfter  = 5 * time.Minute
	settleShares = 30
	// halveEvery is how fast miners then come down to it.
	halveEvery = 30 * time.Second
)

// climb follows a link's difficulty at its pool. A fresh link's is far too
// low: a pool begins small and raises it as shares come. Miners at it would
// send a flood, so that they stay above it as long as it climbs; what they do
// above it is not paid. So once it stands, they come down to it.
type climb struct {
	difficulty work.Difficulty
	changed    time.Time
	// sent counts the shares sent since.
	sent int
	// tokens are what is left of sendBudget, as of counted.
	tokens  float64
	counted time.Time
}

// told hears of the pool's difficulty.
func (c *climb) told(d work.Difficulty, now time.Time) {
	if d != c.difficulty {
		c.difficulty, c.changed, c.sent = d, now, 0
	}
}

// settled is how long ago the difficulty was taken for the pool's last word;
// below 0 while it climbs.
func (c *climb) settled(now time.Time) time.Duration {
	if c.sent < settleShares {
		return -1
	}
	return now.Sub(c.changed) - settleAfter
}

// send says whether one more share may go to the pool now, and counts it.
func (c *climb) send(now time.Time) bool {
	if c.settled(now) < 0 {
		c.tokens = min(c.tokens+now.Sub(c.counted).Seconds()*sendBudget, 2*sendBudget)
		c.counted = now
		if c.tokens < 1 {
			return false
		}
		c.tokens--
	}
	c.sent++
	return true
}

// terms are what bounds the difficulties of a link's miners at a moment.
type terms struct {
	// difficulty is the pool's.
	difficulty work.Difficulty
	// floor is what keeps the link within its budget, and scale what is left
	// of the budgets' say: 1 while the pool climbs, less and less after.
	floor, scale float64
}

// terms is worked out of the hashrate of all the link's miners, in H/s.
func (c *climb) terms(hashrate float64, now time.Time) terms {
	t := terms{difficulty: c.difficulty, floor: work.Done(hashrate, time.Second) / linkBudget, scale: 1}
	if ago := c.settled(now); ago >= 0 {
		t.scale = math.Exp2(-float64(ago/halveEvery) - 1)
	}
	return t
}

// limit is the difficulty for a miner of a hashrate that should have want, in
// a job that came at the pool's difficulty of.
func (t *terms) limit(of, want work.Difficulty, hashrate float64) work.Difficulty {
	most := of
	if t.difficulty > 0 {
		most = min(of, t.difficulty)
	}
	if above := work.Difficulty(t.scale * max(t.floor, work.Done(hashrate, time.Second)/minerBudget)); above > most {
		most = max(most, tidy(above))
	}
	return min(want, most)
}

// tidy rounds down to a power of two: firmware reads it exactly.
func tidy(d work.Difficulty) work.Difficulty {
	_, exp := math.Frexp(float64(d))
	return work.Difficulty(math.Ldexp(1, exp-1))
}
