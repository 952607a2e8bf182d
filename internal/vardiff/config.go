package vardiff

import (
	"math"
	"time"

	"github.com/loka/stratum/work"
)

// DefaultSharesPerMinute is asked for where a [Config] does not say.
const DefaultSharesPerMinute = 6

// The difficulties that are ever wanted: from one that every hash meets to the
// largest power of two that prints as an integer everywhere.
const (
	smallest work.Difficulty = 1.0 / (1 << 34)
	largest  work.Difficulty = 1 << 62
)

// Config says how difficulties are chosen. It must not change once a
// [Control] uses it.
type Config struct {
	// SharesPerMinute is the rate of accepted shares to aim at.
	SharesPerMinute float64
	// Start is the difficulty of a miner that nothing is known about; not
	// above 0 is 1.
	Start work.Difficulty
	// Min and Max bound the difficulty. A Min not above 0 is no bound, a Max
	// not above 0 neither. Where they contradict each other Min holds, for
	// it may be what the firmware can do.
	Min, Max work.Difficulty
	// Fixed is, if above 0, the difficulty of each miner, within the bounds,
	// for good.
	Fixed work.Difficulty
}

// Difficulty returns the difficulty at which a miner of a hashrate, in H/s,
// finds sharesPerMinute shares a minute, rounded as those of a [Control] are.
// It is 0, which [New] takes for the configured start, where either is not
// above 0.
func Difficulty(hashrate, sharesPerMinute float64) work.Difficulty {
	if !(hashrate > 0) || !(sharesPerMinute > 0) {
		return 0
	}
	return round(work.Done(hashrate, time.Minute) / sharesPerMinute)
}

// perMinute is SharesPerMinute or its default.
func (c *Config) perMinute() float64 {
	if c.SharesPerMinute > 0 && c.SharesPerMinute <= math.MaxFloat64 {
		return c.SharesPerMinute
	}
	return DefaultSharesPerMinute
}

// first returns the difficulty to start with, given one that is asked for.
func (c *Config) first(start work.Difficulty) work.Difficulty {
	switch {
	case c.Fixed.Valid():
		start = c.Fixed
	case !start.Valid():
		start = c.Start
	}
	if !start.Valid() {
		start = 1
	}
	if !plain(start) {
		start = round(float64(start))
	}
	return c.fit(start)
}

// fit bounds a rounded difficulty. A bound that firmware might not read as it
// is gives way inwards.
func (c *Config) fit(d work.Difficulty) work.Difficulty {
	low, high := smallest, largest
	if c.Min.Valid() {
		low = max(low, inward(c.Min, math.Ceil))
	}
	if c.Max.Valid() {
		high = inward(c.Max, math.Floor)
	}
	if high < low { // nothing plain lies between, or Min is above Max
		low = min(low, max(c.Min, c.Max, smallest))
		high = low
	}
	return max(low, min(high, d))
}

func inward(bound work.Difficulty, to func(float64) float64) work.Difficulty {
	if plain(bound) {
		return bound
	}
	return grid(float64(bound), to)
}

// plain says whether all firmware reads d as it is: some of it parses
// integers only, some of it keeps a float32 (24 significant bits).
func plain(d work.Difficulty) bool {
	f := float64(d)
	return d >= smallest && d <= largest && float64(float32(f)) == f && (f < 1 || f == math.Trunc(f))
}

// round returns the nearest difficulty of the grid.
func round(f float64) work.Difficulty { return grid(f, math.Round) }

// grid takes f to 1, 2, 3 or a number of three significant bits: 4, 5, 6, 7,
// 8, 10, 12, 14, 16 and so on, and likewise below 1. So estimates that differ
// by noise alone are mostly one difficulty.
func grid(f float64, to func(float64) float64) work.Difficulty {
	switch {
	case !(f > float64(smallest)):
		return smallest
	case f >= float64(largest):
		return largest
	case f >= 1 && f < 4:
		return work.Difficulty(to(f))
	}
	frac, exp := math.Frexp(f)
	return work.Difficulty(math.Ldexp(to(frac*8), exp-3))
}
