package downstream

import (
	"time"

	"github.com/loka/stratum/work"
)

// State is how far a session has come.
type State uint8

// The states of a session, in the usual order; a miner that authorizes
// before it subscribes passes through Authorized instead of Subscribed.
const (
	// Connected: neither subscribed nor authorized.
	Connected State = iota
	// Subscribed: it has an extranonce and is sent work, but has no worker.
	Subscribed
	// Authorized: it has a worker but has not subscribed.
	Authorized
	// Mining: both.
	Mining
)

// String is the state's word in logs and the API.
func (st State) String() string {
	switch st {
	case Connected:
		return "connected"
	case Subscribed:
		return "subscribed"
	case Authorized:
		return "authorized"
	case Mining:
		return "mining"
	}
	return "unknown"
}

// Info is a snapshot of a session.
type Info struct {
	State State
	// UserAgent is what the miner calls itself, cut to what is printable.
	UserAgent string
	// Workers are the logins authorized so far, sorted.
	Workers []string
	// Difficulty is what the miner was told last; 0 is nothing yet.
	Difficulty work.Difficulty
	// VersionMask is what the miner was granted; 0 is nothing.
	VersionMask work.VersionMask
	// Extranonce1 and Extranonce2Size are what the miner was told last.
	Extranonce1     work.Extranonce
	Extranonce2Size int
	// Pending is the number of requests that await their replies.
	Pending int
	// Malformed and Unsupported count lines that were not understood.
	Malformed, Unsupported uint64
	// LastLine and LastShare are when the last line and the last submit of
	// an authorized worker came; zero when none has.
	LastLine, LastShare time.Time
	// Warnings are what this firmware is known not to stand.
	Warnings []Warning
}

// Info takes a snapshot.
func (s *V1) Info() Info {
	i := Info{
		State:           s.state(),
		UserAgent:       s.userAgent,
		Workers:         s.workers.logins(),
		Difficulty:      s.told.difficulty,
		VersionMask:     s.told.mask,
		Extranonce1:     s.told.extranonce1,
		Extranonce2Size: s.told.extranonce2Size,
		Pending:         s.slots.len(),
		Malformed:       s.malformed,
		Unsupported:     s.unsupported,
		LastShare:       s.lastShare,
		Warnings:        warnings(s.userAgent, s.told.extranonce2Size, s.told.coinbase),
	}
	if s.lines > 0 {
		i.LastLine = s.lastLine
	}
	return i
}

// Useless counts the lines so far that could not be read, and those with a method
// that is not known.
func (s *V1) Useless() (malformed, unsupported uint64) { return s.malformed, s.unsupported }

// Difficulty is what the miner was told last; 0 is nothing yet.
func (s *V1) Difficulty() work.Difficulty { return s.told.difficulty }

func (s *V1) state() State {
	switch {
	case s.subscribed && s.workers.len() > 0:
		return Mining
	case s.subscribed:
		return Subscribed
	case s.workers.len() > 0:
		return Authorized
	}
	return Connected
}
