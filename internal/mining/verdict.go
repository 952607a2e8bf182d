package mining

// Verdict is what became of a share, or of a request.
type Verdict uint8

// The verdicts. All but Pending are final. Stores keep their numbers: a new one
// goes to the end.
const (
	// Pending means that the answer comes later.
	Pending Verdict = iota
	// Accepted means granted, or that the share counts.
	Accepted
	// Stale is a share of a job that no longer counts.
	Stale
	// Duplicate is a share that was handed in before.
	Duplicate
	// LowDifficulty is a share whose hash misses its target.
	LowDifficulty
	// JobNotFound is a share of a job that was never given.
	JobNotFound
	// Invalid is a share or request with a field out of range, or one
	// refused for a reason that has no name of its own.
	Invalid
	// Unauthorized is a worker that may not.
	Unauthorized
	// Unpaid is a share taken while no pool could be paid by it.
	Unpaid
	// Unanswered is a relayed share that the pool said nothing about in time.
	Unanswered
)

// NumVerdicts is how many verdicts there are, Pending among them.
const NumVerdicts = int(Unanswered) + 1

// Verdicts lists the final verdicts in the order of their metric series.
func Verdicts() []Verdict {
	return []Verdict{Accepted, Stale, Duplicate, LowDifficulty, JobNotFound, Invalid, Unauthorized, Unpaid, Unanswered}
}

// String is the verdict's one spelling: log field, metric label, API word.
func (v Verdict) String() string {
	switch v {
	case Pending:
		return "pending"
	case Accepted:
		return "accepted"
	case Stale:
		return "stale"
	case Duplicate:
		return "duplicate"
	case LowDifficulty:
		return "low_difficulty"
	case JobNotFound:
		return "job_not_found"
	case Invalid:
		return "invalid"
	case Unauthorized:
		return "unauthorized"
	case Unpaid:
		return "unpaid"
	case Unanswered:
		return "unanswered"
	}
	return "unknown"
}
