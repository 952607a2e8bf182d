package quality

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Report is what a [Meter] has measured. Answers, silences and disconnects are
// those of the last 10 to 20 minutes.
type Report struct {
	// Known says that there is anything to go by.
	Known bool
	// Score is from 0 to 1; 1 is the best, and what a pool has of which nothing
	// is known.
	Score float64
	// Connect is the median of the latest 16 times that connecting took; 0 is
	// not known.
	Connect time.Duration
	// Submit and SubmitP90 are the median and the 90th percentile of the time
	// to an answer; 0 is not known.
	Submit, SubmitP90 time.Duration
	// Answers counts the shares that were sent, those without an answer among
	// them, and Rejects those of them that were not accepted, by verdict.
	Answers uint64
	Rejects map[mining.Verdict]uint64
	// BlockDelay is by how much the pool was later with a new block than the
	// first pool, a mean of the latest Blocks blocks (at most 16).
	BlockDelay time.Duration
	Blocks     int
	// Behind is for how long at a time the pool lagged behind most others, however
	// late it came in the end, and Alone for how long it was on a block that none of
	// them knows: the longest of the last 10 to 20 minutes.
	Behind, Alone time.Duration
	// Silences counts connections on which nothing came in time, and jobs that
	// were followed by none for 5 minutes. Disconnects counts those that the
	// pool or the network ended or did not let come about; those within 10 s are one.
	Silences, Disconnects uint64
}

// RejectRate is which part of the answers were refusals, or none, from 0 to 1.
func (r *Report) RejectRate() float64 {
	if r.Answers == 0 {
		return 0
	}
	refused := uint64(0)
	for _, n := range r.Rejects {
		refused += n
	}
	return float64(refused) / float64(r.Answers)
}

// The marks at which a figure alone halves the score. docs/API.md has them, too.
const (
	halfConnect     = 2.0  // s
	halfSubmit      = 1.0  // s, of the 90th percentile
	halfRejects     = 0.05 // of the answers
	halfBlockDelay  = 10.0 // s
	halfBehind      = 30.0 // s, of which package watch makes a signal
	halfAlone       = 600.0
	halfSilences    = 3.0
	halfDisconnects = 6.0
)

// factor is what a figure leaves of the score: nearly all well below its mark,
// half of it at the mark, a fifth at twice the mark.
func factor(figure, mark float64) float64 {
	x := figure / mark
	return 1 / (1 + x*x)
}

// Report sums up what was measured.
func (m *Meter) Report(now time.Time) Report {
	r := Report{
		Rejects:  make(map[mining.Verdict]uint64),
		Silences: m.silences.Count(now), Disconnects: m.disconnects.Count(now),
		Behind: time.Duration(m.behind.Load()), Alone: time.Duration(m.alone.Load()),
	}
	connects := m.connects.all()
	if n := len(connects); n > 0 {
		r.Connect = connects[n/2]
	}
	submits := quantiles([]*times{&m.halves[0].rtt, &m.halves[1].rtt}, 0.5, 0.9)
	r.Submit, r.SubmitP90 = submits[0], submits[1]
	for v := range mining.Verdict(kinds) {
		n := m.halves[0].verdicts[v].Load() + m.halves[1].verdicts[v].Load()
		if n == 0 {
			continue
		}
		r.Answers += n
		if v != mining.Accepted {
			r.Rejects[v] = n
		}
	}
	delays := m.blocks.all()
	for _, d := range delays {
		r.BlockDelay += d
	}
	if r.Blocks = len(delays); r.Blocks > 0 {
		r.BlockDelay /= time.Duration(r.Blocks)
	}
	r.Known = len(connects)+r.Blocks > 0 || r.Answers+r.Silences+r.Disconnects > 0
	r.Score = factor(r.Connect.Seconds(), halfConnect) * factor(r.SubmitP90.Seconds(), halfSubmit) *
		factor(r.RejectRate(), halfRejects) * factor(r.BlockDelay.Seconds(), halfBlockDelay) *
		factor(r.Behind.Seconds(), halfBehind) * factor(r.Alone.Seconds(), halfAlone) *
		factor(float64(r.Silences), halfSilences) * factor(float64(r.Disconnects), halfDisconnects)
	return r
}
