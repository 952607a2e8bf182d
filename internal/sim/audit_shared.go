package sim

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

const (
	// auditShares and auditJobs are how many shares that are done with, and
	// how many jobs, a SharedAudit remembers at least.
	auditShares, auditJobs = 1 << 14, 1 << 12
	// auditTexts bounds the texts of a report.
	auditTexts = 8
)

// SharedAudit compares what a pool was sent with what miners were told where a
// proxy between them judges shares itself and hands on only what is worth
// something at the pool. Shares are known by the hash of their header, jobs by
// the pool's mark in the coinbase, so that several pools need different numbers
// (PoolConfig.Number). Give Pool to PoolConfig.OnShare, Job to PoolConfig.OnJob
// and Miner to MinersConfig.OnShare. What is done with is forgotten but for the
// newest 16,384 shares.
type SharedAudit struct {
	mu   sync.Mutex
	jobs lately[uint64, work.Difficulty] // the pool's difficulty, by mark
	// pool and told are the words that wait for the other side's: of all that
	// the pool was sent, and of what miners were told is accepted and is worth
	// something at the pool.
	pool map[work.Hash]ShareEvent
	told map[work.Hash]ShareEvent
	// sent and accepted are what each side was asked about of late, unheard
	// the shares whose miner had no answer.
	sent, accepted, unheard lately[work.Hash, struct{}]
	// warned are who has sent a share of an ended block though it was read
	// that it has.
	warned lately[lateShare, struct{}]
	done   SharedReport
}

// lateShare is a miner's share of a job, by the job's mark.
type lateShare struct{ mark, miner uint64 }

// NewSharedAudit returns an empty SharedAudit.
func NewSharedAudit() *SharedAudit {
	return &SharedAudit{
		jobs: newLately[uint64, work.Difficulty](auditJobs),
		pool: map[work.Hash]ShareEvent{}, told: map[work.Hash]ShareEvent{},
		sent: newLately[work.Hash, struct{}](auditShares), accepted: newLately[work.Hash, struct{}](auditShares),
		unheard: newLately[work.Hash, struct{}](auditShares), warned: newLately[lateShare, struct{}](auditJobs),
		done: SharedReport{Names: map[SharedName]uint64{}, Refused: Rejections{}},
	}
}

// Job books the pool's difficulty of a job.
func (a *SharedAudit) Job(ev JobEvent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs.put(ev.Mark, ev.Difficulty)
}

// Pool books what the pool made of a share.
func (a *SharedAudit) Pool(ev ShareEvent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ev.Outcome != OutcomeAccepted {
		a.refused(&ev)
	}
	if ev.Key == (work.Hash{}) { // it could not build a header of it
		return
	}
	if _, again := a.sent.get(ev.Key); again {
		a.done.Twice++
		return
	}
	a.sent.put(ev.Key, struct{}{})
	if told, ok := a.told[ev.Key]; ok {
		delete(a.told, ev.Key)
		a.match(&ev, &told)
	} else if _, gone := a.unheard.get(ev.Key); gone {
		a.done.Unheard++
	} else {
		a.pool[ev.Key] = ev
	}
}

// Miner books what a miner was told of its share.
func (a *SharedAudit) Miner(ev ShareEvent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	pool, sent := a.pool[ev.Key]
	_, before := a.accepted.get(ev.Key)
	switch {
	case ev.Outcome == OutcomeUnanswered && sent:
		delete(a.pool, ev.Key)
		a.done.Unheard++
	case ev.Outcome == OutcomeUnanswered:
		a.unheard.put(ev.Key, struct{}{})
	case ev.Outcome == OutcomeAccepted && before:
		a.done.Doubled++
		a.text("accepted again: " + ev.Worker)
	case ev.Outcome == OutcomeAccepted:
		a.accepted.put(ev.Key, struct{}{})
		delete(a.pool, ev.Key)
		a.acceptedOnce(&ev, &pool, sent)
	case sent: // the pool had it though the miner was told no
		delete(a.pool, ev.Key)
		a.done.Denied++
		a.text("the pool had it, " + ev.Worker + " was told " + ev.Text)
	}
}

// acceptedOnce books a share that one miner was told is accepted.
func (a *SharedAudit) acceptedOnce(ev, pool *ShareEvent, sent bool) {
	a.done.Accepted++
	d, known := a.jobs.get(ev.Mark)
	switch {
	case sent:
		a.match(pool, ev)
	case !known:
		a.done.Unknown++
	case d.Target().Met(ev.Key):
		a.told[ev.Key] = *ev
	default:
		a.done.Below++
	}
}

// match books a share of which both sides have said their word.
func (a *SharedAudit) match(pool, told *ShareEvent) {
	if pool.Outcome != OutcomeAccepted {
		a.late(pool, told)
		return
	}
	a.done.Matched++
	a.done.Names[SharedName{Pool: pool.Worker, Miner: told.Worker}]++
}

// late books a refused share that the proxy took from a miner. One of each
// miner may have been judged when the proxy read of the block's end, and be on
// its way out; the next is judged with that known.
func (a *SharedAudit) late(pool, told *ShareEvent) {
	if pool.Notice != NoticeRead {
		return
	}
	share := lateShare{pool.Mark, told.Conn}
	if _, again := a.warned.get(share); again {
		a.done.Late++
		a.text("of a block that had ended: " + told.Worker)
	}
	a.warned.put(share, struct{}{})
}

func (a *SharedAudit) refused(ev *ShareEvent) {
	a.done.Refused[ev.Code]++
	switch {
	case ev.Code != sv1.CodeStale || ev.Mark == 0:
		a.text(fmt.Sprintf("refused by the pool: %d %s", ev.Code, ev.Text))
	case ev.Notice == NoticeNone:
		a.done.Untold++
	}
	if ev.Code == sv1.CodeStale && ev.Mark == 0 {
		a.done.NoJob++
	}
}

func (a *SharedAudit) text(s string) {
	if len(a.done.Texts) < auditTexts {
		a.done.Texts = append(a.done.Texts, s)
	}
}

// SharedName is the two names of a share's worker: the pool's and the miner's.
type SharedName struct{ Pool, Miner string }

// SharedReport is what a SharedAudit found.
type SharedReport struct {
	// Accepted counts shares that miners were told are accepted. Of these,
	// Matched were accepted by the pool too, Below miss its difficulty of the
	// job and were not sent, and Withheld meet it and were not sent all the
	// same, which is so much work by WithheldWork.
	Accepted, Matched, Below, Withheld uint64
	WithheldWork                       float64
	// Refused counts shares that the pool refused, by code. One whose header
	// it built in another way than the miner is also Withheld.
	Refused Rejections
	// Of those that it refused as stale, NoJob counts those whose job it does
	// not know, Untold those that came before the connection was told that
	// their block has ended, and Late those that nothing explains: sent after
	// that was read, and not the first such share of its miner and job.
	NoJob, Untold, Late uint64
	// Doubled counts shares that were accepted a second time, to whomever;
	// Twice those that the pool was sent a second time.
	Doubled, Twice uint64
	// Denied counts shares that the pool was sent though their miners were
	// told no, Alone those that it accepted and no miner has been told of,
	// Unheard those whose miner's connection ended before.
	Denied, Alone, Unheard uint64
	// Unknown counts accepted shares whose job is not known.
	Unknown uint64
	// Names counts matched shares by the worker's two names.
	Names map[SharedName]uint64
	// Texts are the first eight of what was found wrong, in words.
	Texts []string
}

// Report says how the two sides compare at this moment. Shares on their way
// count as Withheld or Alone until they arrive: ask when both are at rest.
func (a *SharedAudit) Report() SharedReport {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.done
	r.Refused, r.Names = maps.Clone(r.Refused), maps.Clone(r.Names)
	r.Texts = append([]string(nil), r.Texts...)
	r.Withheld = uint64(len(a.told))
	for _, ev := range a.pool {
		if ev.Outcome == OutcomeAccepted {
			r.Alone++
		}
	}
	for _, told := range a.told {
		d, _ := a.jobs.get(told.Mark)
		r.WithheldWork += float64(d)
	}
	return r
}

// Withheld lists the shares that miners were told are accepted, that meet the
// pool's difficulty of their job, and that the pool was not sent so far.
func (a *SharedAudit) Withheld() []ShareEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.told))
}

// Err is nil when every share that the pool accepted was accepted to exactly
// one miner, and none was sent twice. What was withheld or refused is for the caller
// to judge.
func (r *SharedReport) Err() error {
	if r.Doubled+r.Twice+r.Denied+r.Alone+r.Unknown == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrAudit, r)
}

// String is the report in one line.
func (r *SharedReport) String() string {
	return fmt.Sprintf("%d accepted: %d by the pool too, %d below its difficulty, %d withheld; "+
		"it refused %v: %d of no job, %d before it was told, %d late; %d doubled, %d sent twice, %d denied, %d alone, %d unheard, %d of unknown jobs %q",
		r.Accepted, r.Matched, r.Below, r.Withheld, map[int]uint64(r.Refused),
		r.NoJob, r.Untold, r.Late, r.Doubled, r.Twice, r.Denied, r.Alone, r.Unheard, r.Unknown, r.Texts)
}
