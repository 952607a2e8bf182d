package threat

import (
	"math"
	"sync/atomic"
	"time"
)

// score is what is kept of a connection. All but shown is owned by the goroutine
// that reads the connection.
type score struct {
	value float64
	// at is when value was right.
	at    time.Time
	level Level

	// since is when the connection came, retargeted when its difficulty was changed.
	since, retargeted time.Time
	// excess is when the rate limit's hold was last counted, earned when the
	// standing was last told of a good share.
	excess, earned time.Time
	// login is whose the last share was, or who was let in since: what happens is put
	// down to it. asked is the last that was asked for; known says that one was let in.
	login, asked string
	known        bool

	// shown is value and level for readers: the bits of a float32 and the level
	// below them.
	shown atomic.Uint64
}

// decay brings the value to now.
func (s *score) decay(now time.Time, halfLife time.Duration) {
	d := now.Sub(s.at)
	if d <= 0 {
		return
	}
	s.at = now
	if s.value == 0 {
		return
	}
	s.value *= math.Exp2(-float64(d) / float64(halfLife))
	if s.value < 0.01 {
		s.value = 0
	}
}

// maxScore bounds a score, so that no weight makes one last forever.
const maxScore = 1e6

// add adds to the value, or takes from it.
func (s *score) add(points float64) { s.value = min(max(s.value+points, 0), maxScore) }

// show lets readers see what there is.
func (s *score) show() {
	bits := uint64(math.Float32bits(float32(s.value)))<<32 | uint64(s.level)
	if s.shown.Load() != bits {
		s.shown.Store(bits)
	}
}

// seen is what was shown last.
func (s *score) seen() (value float64, level Level) {
	bits := s.shown.Load()
	return float64(math.Float32frombits(uint32(bits >> 32))), Level(bits & math.MaxUint32)
}
