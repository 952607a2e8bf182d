package vardiff_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

func start() time.Time { return time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC) }

// right is the difficulty at which a hashrate finds the wanted rate.
func right(hashrate, perMinute float64) float64 {
	return hashrate * 60 / perMinute / (1 << 32)
}

// move is one change of a miner's difficulty.
type move struct {
	at time.Duration
	to work.Difficulty
}

// farm is one miner behind a hub, in virtual time: shares come as they do
// from hashing, the hub looks every five seconds and after each share, and
// tells a new difficulty with the next job, or at once if it is urgent.
type farm struct {
	control  vardiff.Control
	random   *rand.Rand
	hashrate func(at time.Duration) float64 // H/s
	pool     work.Difficulty                // bounds what is told, if above 0
	// lag is for how long the miner goes on with its last difficulty.
	lag time.Duration

	now, applied time.Duration
	mines        work.Difficulty // what the miner looks for
	moves        []move
	shares       []time.Duration
	urgent       int
}

const (
	jobEvery  = 30 * time.Second
	lookEvery = 5 * time.Second
)

func newFarm(cfg *vardiff.Config, from work.Difficulty, seed uint64, hashrate float64) *farm {
	f := &farm{
		control:  vardiff.New(cfg, from, start()),
		random:   rand.New(rand.NewPCG(seed, 1)),
		hashrate: func(time.Duration) float64 { return hashrate },
	}
	f.mines = f.control.Difficulty()
	return f
}

// run lets time pass until an end. The time to the next share is drawn anew
// after each look, which changes nothing: arrivals have no memory.
func (f *farm) run(end time.Duration) {
	for f.now < end {
		f.apply()
		step := min(lookEvery-f.now%lookEvery, end-f.now)
		if f.mines != f.control.Difficulty() {
			step = min(step, f.applied-f.now)
		}
		perSecond := f.hashrate(f.now) / (float64(f.mines) * (1 << 32))
		wait := f.random.ExpFloat64() / perSecond
		if wait < step.Seconds() {
			f.now += time.Duration(wait * float64(time.Second))
			f.control.Share(f.mines, f.time())
			f.shares = append(f.shares, f.now)
			f.look(false)
			continue
		}
		f.now += step
		f.look(f.now%jobEvery == 0)
	}
}

func (f *farm) time() time.Time { return start().Add(f.now) }

// apply lets the miner follow what it was told.
func (f *farm) apply() {
	if f.now >= f.applied {
		f.mines = f.control.Difficulty()
	}
}

// look is what the hub does.
func (f *farm) look(job bool) {
	want, urgent := f.control.Want(f.time())
	if urgent {
		f.urgent++
	}
	if !job && !urgent {
		return
	}
	if f.pool > 0 {
		want = min(want, f.pool)
	}
	changed := want != f.control.Difficulty()
	f.control.Told(want, f.time())
	if changed {
		f.moves = append(f.moves, move{f.now, want})
		f.applied = f.now + f.lag
		f.apply()
	}
}

// since returns what happened from a time on.
func (f *farm) since(at time.Duration) (moves []move, shares int) {
	for _, m := range f.moves {
		if m.at >= at {
			moves = append(moves, m)
		}
	}
	for _, s := range f.shares {
		if s >= at {
			shares++
		}
	}
	return moves, shares
}

// flaps says whether a difficulty is left for another and both come again.
func flaps(moves []move) bool {
	for i := 3; i < len(moves); i++ {
		if moves[i].to == moves[i-2].to && moves[i-1].to == moves[i-3].to {
			return true
		}
	}
	return false
}

func within(t *testing.T, what string, got, want, factor float64) {
	t.Helper()
	if math.IsNaN(got) || got > want*factor || got*factor < want {
		t.Errorf("%s: %g, want %g within a factor %g", what, got, want, factor)
	}
}
