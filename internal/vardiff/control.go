package vardiff

import (
	"math"
	"time"

	"github.com/loka/stratum/work"
)

// What it takes to change a difficulty. Shares are counted as shares of the
// difficulty that the miner was told, and expected ones are those of a miner
// for which the wanted difficulty is right.
const (
	// margin is by how much a rate may be off without a reason to act.
	margin = 1.5
	// surprising is the logarithm of how unlikely it must be that the rate is
	// within the margin.
	surprising = 10
	// bucket is how many expected shares half a window has at most.
	bucket = 128
	// idle and idleNew are without how many expected shares in a row a miner
	// is too slow: e^-20 is rare enough among a day's shares; e^-9.3 will do
	// for a first decision about a miner that no share ever came from.
	idle, idleNew = 20, 9.3
	// burst is the fewest shares, in the least time, that raise a difficulty.
	burst, burstTime = 8, time.Second
	// patience is the least time in which a miner can be too slow: firmware
	// takes seconds to follow a change, and networks stall for some.
	patience = 30 * time.Second
	// maxRaise and maxLower bound one change.
	maxRaise, maxLower = 256, 16
	// pressing is by what factor a difficulty is off when it should not wait.
	pressing = 4
)

// The hashrate is averaged over the larger of the two, the latter being a
// number of shares at the wanted rate.
const (
	averageTime   = 5 * time.Minute
	averageShares = 30
)

// Control is one miner's difficulty. It is a plain value, made by [New], and
// not safe for concurrent use. Nothing about it allocates. Times that run
// backwards count as standing still.
type Control struct {
	cfg *Config
	// told is what the miner mines at, want what it should.
	told, want work.Difficulty
	// older and newer are the window. older ends where newer begins; with
	// the same beginning it is empty.
	older, newer span
	// last is when the last share came, or the window began; Unix ns.
	last int64

	// worked is the work of all shares, in difficulty-1 shares, and weight
	// the time that it was done in, in ns, both with what is older than the
	// averaging time fading out; as of seen, in Unix ns.
	worked, weight float64
	seen           int64

	// heard says that Told came after the last change of want.
	heard bool
}

// span is a part of the window.
type span struct {
	since  int64   // Unix ns
	shares float64 // of the difficulty told
}

// New returns the control of a miner that is told start, or where that is not
// above 0 the configured one, at now. [Control.Difficulty] tells what became
// of it within the bounds. cfg must not be nil.
func New(cfg *Config, start work.Difficulty, now time.Time) Control {
	c := Control{cfg: cfg, want: cfg.first(start), seen: now.UnixNano(), heard: true}
	c.told = c.want
	// A first share that comes by chance at once must not read as a burst.
	c.weight = 1 / c.perNano()
	c.restart(c.seen)
	return c
}

// Share books an accepted share of the difficulty that it was credited with.
func (c *Control) Share(credited work.Difficulty, now time.Time) {
	if !credited.Valid() {
		return
	}
	n := now.UnixNano()
	fade := c.fade(n)
	c.weight = c.weight*fade + c.average()*(1-fade)
	c.worked = c.worked*fade + credited.Work()
	c.seen = max(c.seen, n)
	c.last = max(c.last, n)
	// A late share of a difficulty before the last change is evidence of its
	// own weight; a much harder one, though, is one lucky find and no rate.
	c.newer.shares += min(float64(credited/c.told), 1)
}

// Want returns the difficulty that the miner should have by its shares, within
// the configured bounds: the one that it was told where no change is due, and
// the same again until the miner's rate says otherwise, whatever it is told
// meanwhile. urgent means that it is off by more than four times, so that it
// should not wait for the next job. It is said until [Control.Told] and not
// again for the same difficulty.
//
// It is to be asked after each share and every few seconds without one.
func (c *Control) Want(now time.Time) (d work.Difficulty, urgent bool) {
	if c.cfg.Fixed.Valid() {
		return c.want, false
	}
	n := now.UnixNano()
	if c.expected(c.newer.since, n) >= bucket {
		c.older, c.newer = c.newer, span{since: n}
	}
	if factor := c.off(n); factor > 0 {
		factor = min(max(factor, 1.0/maxLower), maxRaise)
		if next := c.cfg.fit(round(float64(c.want) * factor)); next != c.want {
			c.want, c.heard = next, false
			c.restart(n)
		}
	}
	far := c.want > pressing*c.told || c.told > pressing*c.want
	return c.want, far && !c.heard
}

// Told notes that the miner was told d, which is what Want returned as far as
// its pool allows. The same difficulty again notes only that Want was heard:
// the caller calls it with what is left of an urgent wish in any case.
func (c *Control) Told(d work.Difficulty, now time.Time) {
	if !d.Valid() {
		return
	}
	c.heard = true
	if d != c.told {
		c.told = d
		c.restart(now.UnixNano())
	}
}

// Rule goes on by other rules, which must not be nil: what the miner should have is
// brought within their bounds. What is known of its hashrate stays.
func (c *Control) Rule(cfg *Config, now time.Time) {
	if *c.cfg == *cfg {
		c.cfg = cfg
		return
	}
	want := c.want
	if rate := c.Hashrate(now); rate > 0 && !cfg.Fixed.Valid() {
		want = Difficulty(rate, cfg.perMinute())
	}
	c.cfg = cfg
	if next := cfg.first(want); next != c.want {
		c.want, c.heard = next, false
		c.restart(now.UnixNano())
	}
}

// Difficulty is what the miner was told last.
func (c *Control) Difficulty() work.Difficulty { return c.told }

// Hashrate estimates the miner's hashrate at now, in H/s: the average of its
// last five minutes, or of as long as 30 shares take at the wanted rate. It is
// too low rather than too high at first, fades out when no shares come, and is
// 0 until the first.
func (c *Control) Hashrate(now time.Time) float64 {
	fade := c.fade(now.UnixNano())
	weight := c.weight*fade + c.average()*(1-fade)
	return work.Hashrate(c.worked*fade, time.Duration(weight))
}

// restart forgets the window, which is of another difficulty.
func (c *Control) restart(n int64) {
	c.older, c.newer, c.last = span{since: n}, span{since: n}, n
}

// off returns the factor by which the wanted difficulty is too low, which is
// below 1 where it is too high, or 0 where there is no reason to change it.
func (c *Control) off(n int64) float64 {
	gap := c.expected(c.last, n)
	if n-c.last >= int64(patience) && (gap >= idle || gap >= idleNew && c.worked == 0) {
		return 0.5 / gap
	}
	whole := span{c.older.since, c.older.shares + c.newer.shares}
	for _, s := range [...]span{whole, c.newer} {
		expected := c.expected(s.since, n)
		fast := s.shares >= burst && n-s.since >= int64(burstTime) && unlikely(s.shares, expected, margin)
		slow := n-s.since >= int64(patience) && unlikely(s.shares, expected, 1.0/margin)
		if fast || slow {
			return (s.shares + 0.5) / expected
		}
	}
	return 0
}

// unlikely says whether a count is far from what is expected: above it times a
// factor above 1, or below it times one below 1, by the Chernoff bound of
// either tail of a Poisson distribution.
func unlikely(count, expected, factor float64) bool {
	mean := expected * factor
	if (count > mean) != (factor > 1) || mean <= 0 {
		return false
	}
	surprise := mean - count
	if count > 0 {
		surprise += count * math.Log(count/mean)
	}
	return surprise > surprising
}

// expected is how many shares of the difficulty told are due in a time if the
// wanted one is right.
func (c *Control) expected(since, n int64) float64 {
	return float64(max(0, n-since)) * c.perNano() * float64(c.want/c.told)
}

// perNano is the wanted rate.
func (c *Control) perNano() float64 { return c.cfg.perMinute() / float64(time.Minute) }

// average is the averaging time of the hashrate, in ns.
func (c *Control) average() float64 {
	return max(float64(averageTime), averageShares/c.perNano())
}

// fade is what is left at n of what was averaged as of seen.
func (c *Control) fade(n int64) float64 {
	return math.Exp(-float64(max(0, n-c.seen)) / c.average())
}
