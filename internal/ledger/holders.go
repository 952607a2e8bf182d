package ledger

import "time"

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
	w.holders.Add(1)
	return w
}

// book finds or makes a book without counting a holder. mu is held.
func (l *Ledger) book(login, route string, now time.Time) *WorkerBook {
	switch w := l.workers[login]; {
	case w != nil:
		return w
	case login == UnknownWorker:
		return l.unknown
	case len(l.workerList) >= l.maxWorkers, login == OtherWorker:
		return l.other
	}
	l.lastID++
	w := newWorkerBook(login, route, l.lastID, now)
	w.place = len(l.workerList)
	l.workers[login] = w
	l.workerList = append(l.workerList, w)
	return w
}

// Release lets one holder of a book go: once for each call of [Ledger.Worker].
// A book that nobody holds and in which no share was booked is dropped, so
// that names alone cannot fill the table. Its share may still come, for an
// answer can outlive its miner: it goes into the book that its login has then.
func (l *Ledger) Release(w *WorkerBook) {
	if w == nil || w == l.other || w == l.unknown {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.dropped.Load() || w.holders.Add(-1) > 0 || w.used() {
		return
	}
	// Record books first and then looks whether the book was dropped; here it
	// is the other way round, so one of the two sees the other.
	w.dropped.Store(true)
	if w.used() {
		w.dropped.Store(false)
		return
	}
	delete(l.workers, w.name)
	end := len(l.workerList) - 1
	last := l.workerList[end]
	l.workerList[w.place], last.place = last, w.place
	l.workerList[end] = nil
	l.workerList = l.workerList[:end]
}

// inherit moves what was booked in a dropped book to where its login's shares
// go now.
func (l *Ledger) inherit(from *WorkerBook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !from.dropped.Load() { // Release saw the share and kept the book
		return
	}
	to := l.book(from.name, *from.route.Load(), time.Unix(0, from.windows.born))
	t := from.tally.take()
	to.tally.add(&t)
	to.last.raise(from.last.n.Load())
	to.best.raise(from.best.load())
}

// used says whether a share was ever booked.
func (w *WorkerBook) used() bool {
	return w.last.n.Load() != 0 || w.tally.read() != (Tally{})
}
