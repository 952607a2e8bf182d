package threat

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// Name is the middleware's.
const Name = "threat"

// Weights are what each offence adds to a score, and what a good share takes away.
type Weights struct {
	// Malformed is of a line that cannot be read, Unsupported of one with an
	// unknown method from a connection without a worker.
	Malformed, Unsupported float64
	// Login is of a refused login, Stranger of a share of nobody that was let in.
	Login, Stranger float64
	// Invalid, Duplicate, JobNotFound and LowDifficulty are of refused shares.
	Invalid, Duplicate, JobNotFound, LowDifficulty float64
	// Excess is of a second in which the rate limit held the connection.
	Excess float64
	// Good is what an accepted share takes away.
	Good float64
}

// Config is the middleware's settings.
type Config struct {
	// Disabled lets everything pass.
	Disabled bool
	Weights  Weights
	// HalfLife is how long a score takes to halve, above 0.
	HalfLife time.Duration
	// Slow, Refuse and Close are the thresholds, rising; 0 is never.
	Slow, Refuse, Close float64
	// Grace is how long after a connection's first line, and after a change of its
	// difficulty, shares of before are expected.
	Grace time.Duration
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Weights: Weights{
			Malformed: 5, Unsupported: 2, Login: 5, Stranger: 1,
			Invalid: 2, Duplicate: 1, JobNotFound: 1, LowDifficulty: 0.5,
			Excess: 0.1, Good: 1,
		},
		HalfLife: 10 * time.Minute,
		Slow:     50, Refuse: 100, Close: 200,
		Grace: 2 * time.Minute,
	}
}

// Level is how a connection is answered.
type Level uint32

// The levels, rising.
const (
	Normal Level = iota
	Slowed
	Refused
	Closed
)

// Levels lists the levels that are an answer to something.
func Levels() []Level { return []Level{Slowed, Refused, Closed} }

// String is the level's word in metrics and the API.
func (l Level) String() string {
	switch l {
	case Slowed:
		return "slowed"
	case Refused:
		return "refused"
	case Closed:
		return "closed"
	case Normal:
	}
	return "normal"
}

// Metrics counts what was done. Nil members count nothing.
type Metrics struct {
	// Reached counts connections that have come to a level from below.
	Reached func(Level) pipeline.Counter
	// Shares counts refused shares.
	Shares pipeline.Counter
}

// Standing remembers how addresses and logins have behaved over several
// connections. It must not wait.
type Standing interface {
	// Earned says that a good share came, at most once a minute for a connection.
	Earned(m *mining.Miner, login string, now time.Time)
	// Offended says that a connection is closed as misbehaved. login is the one
	// that it had last, empty for none.
	Offended(m *mining.Miner, login string, now time.Time)
}
