package ledger

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/work"
)

// ShareID names a share, see [Ledger.NextID].
type ShareID uint64

// Entry is what became of one share, or news of one that was recorded before.
type Entry struct {
	// ID names the share; 0 with a Verdict lets Record draw one, and without is
	// news of a share that nobody can find again.
	ID ShareID
	// Worker earned it; nil books it under [UnknownWorker].
	Worker *WorkerBook
	// Pool is whose job it solved; nil books it under [NoPool].
	Pool *PoolBook
	// Route is the one that its miner was on; nil books it under [NoRoute].
	Route *RouteBook
	// Job is what it solved, for its worth; nil where that is not known.
	Job *mining.Job
	// Verdict is ours; Pending books nothing of ours.
	Verdict mining.Verdict
	// PoolVerdict is the pool's; Pending while it has said nothing.
	PoolVerdict mining.Verdict
	// Sent says that the share was handed to the pool. Twice says that
	// PoolVerdict is the pool's second answer to it, which is counted as that
	// and nothing else, and Found that the share is a block, which is counted
	// likewise.
	Sent, Twice, Found bool
	// Difficulty is what the miner was assigned: the share's worth when
	// Verdict is Accepted, and what was lost when it is not.
	Difficulty work.Difficulty
	// PoolDifficulty is the pool's for this share: its worth there.
	PoolDifficulty work.Difficulty
	// Unsent is work that was done for the pool and cannot be handed to it.
	Unsent work.Difficulty
	// ShareDifficulty is what the hash reached, for the record of the best
	// share; 0 when nobody computed it.
	ShareDifficulty work.Difficulty
	// At is when our verdict fell, for news too: they are booked in the time of
	// their share. The zero time of news is the present.
	At time.Time
}

// Event is an entry that was booked.
type Event struct{ entry Entry }

// At is when our verdict fell.
func (e *Event) At() time.Time { return e.entry.At }

// Verdict is ours; Pending where the event is none of a share that was judged here just
// now.
func (e *Event) Verdict() mining.Verdict { return e.entry.Verdict }

// Share is the event as a record; ok is false where it says nothing of a
// share's own fate.
func (e *Event) Share() (s store.Share, ok bool) {
	in := &e.entry
	if in.Twice || in.Found || in.ID == 0 || in.Verdict == mining.Pending && in.PoolVerdict == mining.Pending && !in.Sent {
		return store.Share{}, false
	}
	s = store.Share{
		ID: uint64(in.ID), At: in.At, Worker: in.Worker.name, Pool: in.Pool.name, Route: in.Route.name,
		Verdict: in.Verdict, Sent: in.Sent, PoolVerdict: in.PoolVerdict,
	}
	if in.Verdict != mining.Pending {
		s.Difficulty, s.Reached, s.Value = clampWork(in.Difficulty), clampWork(in.ShareDifficulty), in.worth(in.Difficulty)
	}
	if in.PoolVerdict != mining.Pending || in.Sent {
		s.PoolDifficulty, s.PoolValue = clampWork(in.PoolDifficulty), in.worth(in.PoolDifficulty)
	}
	return s, true
}

// Counts calls f for each count that the event is part of.
func (e *Event) Counts(f func(store.Key, store.Cell)) {
	in := &e.entry
	key := store.Key{Worker: in.Worker.name, Pool: in.Pool.name, Route: in.Route.name}
	in.counts(func(side store.Side, v mining.Verdict, c Cell) {
		key.Side, key.Verdict = side, v
		cell := store.Cell{Shares: c.Shares, Work: c.Work, Value: c.Value}
		if side == store.Ours {
			cell.Best = clampWork(in.best())
			if v == mining.Accepted {
				cell.Blocks = in.blocks()
			}
		}
		f(key, cell)
	})
}

// counts calls f for each count that the entry is part of.
func (e *Entry) counts(f func(store.Side, mining.Verdict, Cell)) {
	switch {
	case e.Twice:
		f(store.Twice, e.PoolVerdict, e.cell(e.PoolDifficulty))
		return
	case e.Found:
		f(store.Found, mining.Accepted, e.cell(e.ShareDifficulty))
		return
	}
	if e.Verdict != mining.Pending {
		f(store.Ours, e.Verdict, e.cell(e.Difficulty))
	}
	if e.Sent {
		f(store.Sent, mining.Accepted, e.cell(e.PoolDifficulty))
	}
	if e.PoolVerdict != mining.Pending {
		f(store.Pools, e.PoolVerdict, e.cell(e.PoolDifficulty))
	}
	if e.Unsent > 0 {
		f(store.Unsent, mining.Accepted, e.cell(e.Unsent))
	}
}

// cell is one share of a difficulty.
func (e *Entry) cell(d work.Difficulty) Cell {
	return Cell{Shares: 1, Work: clampWork(d), Value: e.worth(d)}
}

func (e *Entry) worth(d work.Difficulty) mining.Amount {
	if e.Job == nil {
		return mining.Amount{}
	}
	return e.Job.Worth(d)
}

// best is the share's difficulty for the record of the best: only what was
// accepted counts.
func (e *Entry) best() work.Difficulty {
	if e.Verdict != mining.Accepted {
		return 0
	}
	return e.ShareDifficulty
}

// blocks is how many blocks the share was expected to be, if it was accepted.
func (e *Entry) blocks() float64 {
	if e.Found || e.Twice || e.Verdict != mining.Accepted || e.Job == nil || !(e.Job.Network > 0) {
		return 0
	}
	return min(clampWork(e.Difficulty)/float64(e.Job.Network), 1)
}

// known takes out what no count has a place for.
func (e *Entry) known() {
	if int(e.Verdict) >= verdicts {
		e.Verdict = mining.Pending
	}
	if int(e.PoolVerdict) >= verdicts {
		e.PoolVerdict = mining.Pending
	}
}
