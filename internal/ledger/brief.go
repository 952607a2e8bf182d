package ledger

import (
	"slices"
	"time"
)

// Brief is the little of a worker's account that is asked for of all of them again
// and again.
type Brief struct {
	Name string
	// Hashrate is that of [TenMinutes], by our word, in H/s.
	Hashrate float64
	// Accepted and Rejected count shares by our word.
	Accepted, Rejected uint64
	// Since is when it was first seen, LastShareAt when its last share of any verdict
	// came, in Unix nanoseconds; 0: never.
	Since, LastShareAt int64
}

// Briefs reads a little of every worker's book, by name. It is some twenty times
// quicker than [Ledger.Snapshot].
func (l *Ledger) Briefs(now time.Time) []Brief {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	workers, _, _ := l.lists()
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	all := make([]Brief, 0, len(workers))
	for some := range slices.Chunk(workers, abreast) {
		all = l.briefs(all, some, &look)
	}
	return all
}

// abreast is how many books are read at a time.
const abreast = 32

// briefs appends what is read of some books: first what is in them, then what is in their
// samples. Both lie all over the memory, and a processor that has not to know where the
// samples are before it goes on waits for several books at once. bookMu is held.
func (l *Ledger) briefs(all []Brief, some []*WorkerBook, look *reading) []Brief {
	at := len(all)
	for _, b := range some {
		if ours := &b.tally.Ours; l.shows(b) {
			all = append(all, Brief{
				Name: b.name, Accepted: ours.Accepted(), Rejected: ours.Rejected(), Since: b.windows.born, LastShareAt: b.last,
			})
		}
	}
	for _, b := range some {
		if l.shows(b) {
			done := b.within(look.clock, look.from[TenMinutes], look.now)
			all[at].Hashrate = done.Hashrate()
			at++
		}
	}
	return all
}

// within returns the accepted work since one sample, -1 for the beginning.
func (a *account) within(c *sampleClock, from int, now time.Time) Recent {
	w := &a.windows
	since, before := w.born, 0.0
	if from >= 0 {
		since = max(since, c.at[from])
		if w.samples != nil {
			before = w.samples[from].work
		}
	}
	return Recent{Span: max(time.Duration(now.UnixNano()-since), minAge), Work: max(a.tally.WorkAccepted()-before, 0)}
}

// Len is how many workers have books of their own.
func (l *Ledger) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.workerList)
}

// Queued is how many entries wait to be booked, and Helped how often a queue was full,
// so that who recorded a share had to book what was in it.
func (l *Ledger) Queued() (waiting int) {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	for i := range l.queues {
		if q := l.queues[i].Load(); q != nil {
			waiting += int(q.tail.Load() - q.head) //nolint:gosec // bounded by the queue
		}
	}
	return waiting
}

// Helped is how often a queue was full; see [Ledger.Queued].
func (l *Ledger) Helped() uint64 { return l.helped.Load() }
