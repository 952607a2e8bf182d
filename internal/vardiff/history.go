package vardiff

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

const (
	// Grace is for how long a share may still meet the difficulty before a
	// change, whatever its job: some firmware is slow to apply a raise.
	Grace = 60 * time.Second
	// changes is how many changes are remembered.
	changes = 6
	// lifetime is after how long a difficulty that was replaced is forgotten:
	// longer than jobs live, and short enough for the ids of the jobs since
	// not to wrap around.
	lifetime = 10 * time.Minute
)

// History says which difficulties hold for which job of one miner. It is a
// plain value that is ready as zero, and not safe for concurrent use, except
// that Permits may run beside each other. Nothing about it allocates.
type History struct {
	n       int // of changes in use, oldest first
	changes [changes]change
	// target is the newest one's: nearly all shares need no other.
	target work.Target
}

type change struct {
	difficulty work.Difficulty
	since      int64 // Unix ns
	from       mining.JobID
}

// permit is a difficulty with its target.
type permit struct {
	difficulty work.Difficulty
	target     work.Target
}

// Set notes that d holds for jobs from an id on; ids rise with each Set. The
// same difficulty again, or one that is not [work.Difficulty.Valid], does
// nothing. The oldest change makes room for a seventh.
func (h *History) Set(from mining.JobID, d work.Difficulty, now time.Time) {
	if !d.Valid() || h.n > 0 && h.changes[h.n-1].difficulty == d {
		return
	}
	if h.n == changes {
		copy(h.changes[:], h.changes[1:])
		h.n--
	}
	h.changes[h.n] = change{d, now.UnixNano(), from}
	h.n++
	h.target = d.Target()
}

// Permit returns what a share of a job may meet at now: what held for the job,
// every difficulty that was set later, and every one that held within the last
// [Grace]. What held for a job from before the oldest change that is
// remembered is taken to be the oldest difficulty. Before the first Set
// nothing is permitted.
func (h *History) Permit(job mining.JobID, now time.Time) Permits {
	n := now.UnixNano()
	var p Permits
	held := false // what held for the job is permitted
	for i := h.n - 1; i >= 0; i-- {
		var replaced time.Duration // for how long
		if i < h.n-1 {
			replaced = time.Duration(n - h.changes[i+1].since)
		}
		if replaced > lifetime {
			break
		}
		if !held || replaced <= Grace {
			p.add(h.changes[i].difficulty)
		}
		held = held || !job.Before(h.changes[i].from)
	}
	return p
}

// Met is what [Permits.Met] says of [History.Permit], and quicker where no
// difficulty but the present one is permitted.
func (h *History) Met(job mining.JobID, hash work.Hash, now time.Time) (credited work.Difficulty, ok bool) {
	if h.n > 0 {
		last := &h.changes[h.n-1]
		if !job.Before(last.from) && (h.n == 1 || now.UnixNano()-last.since > int64(Grace)) {
			if hash.Target().Cmp(h.target) > 0 {
				return 0, false
			}
			return last.difficulty, true
		}
	}
	p := h.Permit(job, now)
	return p.Met(hash)
}

// Permits are the difficulties that a share may meet.
type Permits struct {
	n  int
	of [changes]permit // highest difficulty first, each once
}

// add inserts a difficulty at its place.
func (p *Permits) add(d work.Difficulty) {
	at := p.n
	for at > 0 && p.of[at-1].difficulty < d {
		at--
	}
	if at > 0 && p.of[at-1].difficulty == d {
		return
	}
	copy(p.of[at+1:], p.of[at:p.n])
	p.of[at] = permit{d, d.Target()}
	p.n++
}

// Met returns the highest permitted difficulty that a share's hash meets,
// which is what it is to be credited with.
func (p *Permits) Met(hash work.Hash) (credited work.Difficulty, ok bool) {
	value := hash.Target()
	for i := range p.n {
		if value.Cmp(p.of[i].target) <= 0 {
			return p.of[i].difficulty, true
		}
	}
	return 0, false
}
