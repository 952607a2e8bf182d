package sim

import (
	"time"

	"github.com/loka/stratum/work"
)

// Outcome is what became of a share, as one side sees it.
type Outcome uint8

// The outcomes of a share.
const (
	// OutcomeRejected means that the answer was no.
	OutcomeRejected Outcome = iota
	// OutcomeAccepted means that the answer was yes.
	OutcomeAccepted
	// OutcomeUnanswered means that the connection ended, or the miner gave up
	// waiting, before an answer. A pool never reports it.
	OutcomeUnanswered
)

// String is the outcome's name.
func (o Outcome) String() string {
	switch o {
	case OutcomeRejected:
		return "rejected"
	case OutcomeAccepted:
		return "accepted"
	case OutcomeUnanswered:
		return "unanswered"
	}
	return "unknown"
}

// ShareEvent is one share and its outcome.
type ShareEvent struct {
	// Key is the header's hash: the share's name on both sides, whatever the
	// proxy between them renames. Zero when the pool could not build a header.
	Key work.Hash
	// Conn is the pool's connection number, or the miner's index.
	Conn uint64
	// Worker is the login as this side knows it.
	Worker string
	// JobID is the job's name on this side.
	JobID string
	// Mark is the job's name on both sides, whatever the proxy between them
	// renames: the number that the pool has put in the coinbase. 0 when the
	// pool does not know the job, or the miner's job is of another pool.
	Mark uint64
	// Extranonce2 is as wide as this side was told.
	Extranonce2 work.Extranonce
	// NTime, Nonce and Version are the header's.
	NTime   work.NTime
	Nonce   work.Nonce
	Version work.Version
	// Rolled is the version bits that differ from the job's version.
	Rolled work.VersionMask
	// Difficulty is what was asked of the share.
	Difficulty work.Difficulty
	// Outcome is what became of it.
	Outcome Outcome
	// Notice is a pool's: how far the word had come that the share's block
	// has ended, if it has.
	Notice Notice
	// Code and Text are the error's, if it was rejected with one.
	Code int
	Text string
	// At is when this side knew the outcome.
	At time.Time
	// Found is when a miner found it, to within the fortieth of a second that it
	// hashes at a time; zero at a pool.
	Found time.Time
	// Block reports that the hash met the network's target.
	Block bool
}

// Tally counts shares.
type Tally struct {
	Submitted uint64 `json:"submitted"`
	Accepted  uint64 `json:"accepted"`
	// Work is the sum of the accepted shares' difficulties.
	Work float64 `json:"work"`
	// Rejected counts by error code; 0 is a rejection without a code.
	Rejected Rejections `json:"rejected"`
}

// RejectedTotal is the sum over all codes.
func (t Tally) RejectedTotal() uint64 {
	var n uint64
	for _, v := range t.Rejected {
		n += v
	}
	return n
}

func book(t *Tally, ev *ShareEvent) {
	t.Submitted++
	switch ev.Outcome {
	case OutcomeAccepted:
		t.Accepted++
		t.Work += float64(ev.Difficulty)
	case OutcomeRejected:
		if t.Rejected == nil {
			t.Rejected = map[int]uint64{}
		}
		t.Rejected[ev.Code]++
	case OutcomeUnanswered:
	}
}

func merge(t, o *Tally) {
	t.Submitted += o.Submitted
	t.Accepted += o.Accepted
	t.Work += o.Work
	for code, n := range o.Rejected {
		if t.Rejected == nil {
			t.Rejected = map[int]uint64{}
		}
		t.Rejected[code] += n
	}
}

func (t Tally) clone() Tally {
	var c Tally
	merge(&c, &t)
	return c
}
