package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// Info is a snapshot of a session.
type Info struct {
	State State
	// Extranonce1 and Extranonce2Size are valid from Steady on.
	Extranonce1     work.Extranonce
	Extranonce2Size int
	Difficulty      work.Difficulty
	// VersionMask is what may be rolled; it is final for now if MaskKnown.
	VersionMask work.VersionMask
	MaskKnown   bool
	// Job is the newest job, nil before the first.
	Job *mining.Job
	// Heard is when the pool last said anything.
	Heard time.Time
	// Pending are requests without an answer, Late those given up of which
	// an answer would still be booked.
	Pending, Late int
	Counts        Counts
}

// Info returns a snapshot.
func (s *V1) Info() Info {
	return Info{
		State:           s.state,
		Extranonce1:     s.en1,
		Extranonce2Size: s.en2Size,
		Difficulty:      s.difficulty,
		VersionMask:     s.mask,
		MaskKnown:       s.maskKnown,
		Job:             s.last,
		Heard:           s.heard,
		Pending:         s.asks.open + len(s.logins),
		Late:            s.asks.late,
		Counts:          s.counts,
	}
}

// State is where the session is in its life.
func (s *V1) State() State { return s.state }

// Extranonce is the pool's extranonce1 and the size of extranonce2 in bytes;
// the size is 0 before the pool has told them.
func (s *V1) Extranonce() (work.Extranonce, int) { return s.en1, s.en2Size }

// UnknownReplies counts replies to nothing that was asked, second ones among them.
func (s *V1) UnknownReplies() uint64 { return s.counts.UnknownReplies }

// Difficulty is the pool's, 1 before it has told any.
func (s *V1) Difficulty() work.Difficulty { return s.difficulty }

// VersionMask is what may be rolled, 0 for nothing.
func (s *V1) VersionMask() work.VersionMask { return s.mask }

// LastJob is the newest job told, nil before the first.
func (s *V1) LastJob() *mining.Job { return s.last }
