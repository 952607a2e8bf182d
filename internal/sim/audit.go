package sim

import (
	"fmt"
	"strings"
	"sync"

	"github.com/loka/stratum/work"
)

// Audit compares what a pool accepted with what miners were told, share by
// share, by the hash of the header. Give Pool to PoolConfig.OnShare and Miner
// to MinersConfig.OnShare. What both sides agree on is forgotten, so that a
// long run does not grow.
type Audit struct {
	mu      sync.Mutex
	pool    map[work.Hash]struct{} // accepted by the pool, not yet heard of by a miner
	miner   map[work.Hash]struct{} // accepted to a miner, not yet known of the pool
	refused map[work.Hash]string   // a miner was told no, with the text
	unheard map[work.Hash]struct{} // a miner had no answer
	matched uint64
}

// NewAudit returns an empty Audit.
func NewAudit() *Audit {
	return &Audit{
		pool: map[work.Hash]struct{}{}, miner: map[work.Hash]struct{}{},
		refused: map[work.Hash]string{}, unheard: map[work.Hash]struct{}{},
	}
}

// Pool books what a pool made of a share.
func (a *Audit) Pool(ev ShareEvent) {
	if ev.Outcome != OutcomeAccepted {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.miner[ev.Key]; ok {
		delete(a.miner, ev.Key)
		a.matched++
		return
	}
	a.pool[ev.Key] = struct{}{}
}

// Miner books what a miner was told of its share.
func (a *Audit) Miner(ev ShareEvent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.pool[ev.Key]
	switch {
	case ev.Outcome == OutcomeUnanswered: // the pool may yet accept it
		a.unheard[ev.Key] = struct{}{}
	case ev.Outcome == OutcomeAccepted && known:
		delete(a.pool, ev.Key)
		a.matched++
	case ev.Outcome == OutcomeAccepted:
		a.miner[ev.Key] = struct{}{}
	case !known:
		// Refused on both sides; or handed in twice, and this is the second.
	default:
		a.refused[ev.Key] = ev.Text
	}
}

// AuditReport is what an Audit found.
type AuditReport struct {
	// Matched counts shares that the pool accepted and the miner was told so.
	Matched uint64
	// Lost counts shares that the pool accepted and the miner was told were
	// rejected, and those that it has heard nothing of yet.
	Lost int
	// LostTold is the part of Lost that was told to be rejected.
	LostTold int
	// Unheard counts shares that the pool accepted and whose miner's connection
	// ended before the answer.
	Unheard int
	// Phantom counts shares that a miner was told are accepted and that the
	// pool did not accept.
	Phantom int
	// Texts are up to eight of the texts that lost shares were refused with.
	Texts []string
}

// Report says how the two sides compare at this moment. Shares on their way
// count as lost until they arrive: ask when both sides are at rest.
func (a *Audit) Report() AuditReport {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := AuditReport{Matched: a.matched, Phantom: len(a.miner)}
	for key := range a.pool {
		if _, ok := a.unheard[key]; ok {
			r.Unheard++
			continue
		}
		r.Lost++
		if text, ok := a.refused[key]; ok {
			r.LostTold++
			if len(r.Texts) < 8 {
				r.Texts = append(r.Texts, text)
			}
		}
	}
	return r
}

// Err is nil when every share that one side accepted was accepted on the other.
// Shares whose miner never had an answer are excused.
func (r AuditReport) Err() error {
	if r.Lost == 0 && r.Phantom == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrAudit, r)
}

// String is the report in one line.
func (r AuditReport) String() string {
	s := fmt.Sprintf("%d matched, %d lost (%d told rejected), %d unheard, %d phantom",
		r.Matched, r.Lost, r.LostTold, r.Unheard, r.Phantom)
	if len(r.Texts) > 0 {
		s += ": " + strings.Join(r.Texts, "; ")
	}
	return s
}
