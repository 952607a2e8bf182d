package ledger

import (
	"slices"
	"time"
)

// Worker returns the book of a login, making it on first sight, notes the
// route it came by last, and counts a holder, whom [Ledger.Release] lets go.
// Connections of the same login share one book; past the cap everybody shares
// [OtherWorker]. Call it at authorize and keep the pointer.
func (l *Ledger) Worker(login, route string, now time.Time) *WorkerBook {
	w := l.hold(login)
	if w == nil {
		w = l.open(login, route, now)
	}
	switch w {
	case l.unknown:
	case l.other:
		if login != OtherWorker && l.onOverflow != nil && l.overflown.CompareAndSwap(false, true) {
			l.onOverflow(login)
		}
	default:
		w.setRoute(route)
	}
	return w
}

// hold counts a holder of a book that there is; nil if there is none. The
// lock is shared: only Release, which takes it alone, lets holders go.
func (l *Ledger) hold(login string) *WorkerBook {
	l.mu.RLock()
	defer l.mu.RUnlock()
	w := l.workers[login]
	if w != nil {
		w.holders.Add(1)
	}
	return w
}

func (l *Ledger) open(login, route string, now time.Time) *WorkerBook {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.book(login, route, now)
	if w != l.other && w != l.unknown {
		w.holders.Add(1)
	}
	return w
}

// book finds or makes a book without counting a holder. mu is held.
func (l *Ledger) book(login, route string, now time.Time) *WorkerBook {
	switch w := l.workers[login]; {
	case w != nil:
		return w
	case login == UnknownWorker:
		return l.unknown
	case login == OtherWorker:
		return l.other
	case len(l.workerList) >= l.maxWorkers && !l.makeRoom(now):
		return l.other
	}
	l.lastID++
	w := newWorkerBook(login, route, l.lastID, now)
	w.place = len(l.workerList)
	l.workers[login] = w
	l.workerList = append(l.workerList, w)
	l.fresh = append(l.fresh, w)
	return w
}

// Release lets one holder of a book go: once for each call of [Ledger.Worker].
// A book that nobody holds and in which no share was booked is dropped at the
// next look, so that names alone cannot fill the table. A share of it may still
// come, for an answer can outlive its miner: it goes into the book that its
// login has then.
func (l *Ledger) Release(w *WorkerBook) {
	if w == nil || w == l.other || w == l.unknown {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.dropped || w.holders.Add(-1) > 0 || w.idle {
		return
	}
	w.idle = true
	l.idle = append(l.idle, w)
}

// makeRoom drops what is idle, and else the books of workers of long ago, where
// that can be seen at once. mu is held.
func (l *Ledger) makeRoom(now time.Time) bool {
	due := now.Sub(l.retired).Abs() >= retireEvery
	if len(l.idle) == 0 && !due || !l.bookMu.TryLock() { // a reader has it: never wait for one here
		return false
	}
	defer l.bookMu.Unlock()
	l.reap()
	if len(l.workerList) >= l.maxWorkers && due {
		l.retired = now
		l.retire(now)
	}
	return len(l.workerList) < l.maxWorkers
}

const (
	// retireAfter is for how long a worker that nobody is must have handed in no
	// share for its book to make room: longer than any window.
	retireAfter = 7 * 24 * time.Hour
	// retireEvery is how often they are looked for: it takes a look at every book.
	retireEvery = 10 * time.Minute
)

// retire puts what workers of long ago did into the book of others, so that those
// of today have books of their own. mu and bookMu are held.
func (l *Ledger) retire(now time.Time) {
	limit := now.Add(-retireAfter).UnixNano()
	var sum Tally
	for _, w := range slices.Backward(l.workerList) { // drop puts the last in the place of the dropped
		if w.holders.Load() > 0 || w.last > limit {
			continue
		}
		sum.add(&w.tally)
		l.other.last, l.other.best = max(l.other.last, w.last), max(l.other.best, w.best)
		l.drop(w)
	}
	l.other.before(&sum)
}

// reap drops the books that nobody holds and nobody used. mu and bookMu are
// held.
func (l *Ledger) reap() {
	for _, w := range l.idle {
		w.idle = false
		if w.holders.Load() > 0 || w.used() {
			continue
		}
		l.drop(w)
	}
	clear(l.idle)
	l.idle = l.idle[:0]
}

// drop takes a book out of the directory. mu and bookMu are held.
func (l *Ledger) drop(w *WorkerBook) {
	w.dropped, l.dropped = true, true
	delete(l.workers, w.name)
	end := len(l.workerList) - 1
	last := l.workerList[end]
	l.workerList[w.place], last.place = last, w.place
	l.workerList[end] = nil
	l.workerList = l.workerList[:end]
}

// heir is where the shares of a dropped book go. bookMu is held.
func (l *Ledger) heir(from *WorkerBook) *WorkerBook {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !from.dropped {
		return from
	}
	l.reap() // bookMu is held, too
	return l.book(from.name, *from.route.Load(), time.Unix(0, from.windows.born))
}
