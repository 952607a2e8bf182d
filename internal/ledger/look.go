package ledger

import (
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Glance is a worker's book while [Ledger.Look] shows it. What is asked for is read then,
// so that little of very many books costs little.
type Glance struct {
	book *WorkerBook
	look reading
}

// Look shows every worker's book, by name. The glance is the same one each time, and good
// for as long as show has not returned; show must not call the ledger.
func (l *Ledger) Look(now time.Time, show func(*Glance)) {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	workers, _, _ := l.lists()
	g := Glance{look: reading{clock: &l.clock, from: l.clock.from(now), now: now}}
	for _, b := range workers {
		if l.shows(b) {
			g.book = b
			show(&g)
		}
	}
}

// Read reads books whole, in the order in which they are asked for.
func (l *Ledger) Read(books []*WorkerBook, now time.Time) []Worker {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
	look := reading{clock: &l.clock, from: l.clock.from(now), now: now}
	all := make([]Worker, 0, len(books))
	for _, b := range books {
		all = append(all, look.worker(b))
	}
	return all
}

// Book is what [Ledger.Read] takes.
func (g *Glance) Book() *WorkerBook { return g.book }

// Name is the login.
func (g *Glance) Name() string { return g.book.name }

// Route is the route that the worker came by last.
func (g *Glance) Route() string { return *g.book.route.Load() }

// Holders is on how many connections the login is authorized; 0 for those that have no
// books of their own.
func (g *Glance) Holders() int { return g.book.Holders() }

// Holders is as of [Glance].
func (w *WorkerBook) Holders() int { return int(w.holders.Load()) }

// Tally is what the worker did; it is not to be changed.
func (g *Glance) Tally() *Tally { return &g.book.tally }

// Hashrate is that of a window by our word, in H/s.
func (g *Glance) Hashrate(w Window) float64 {
	done := g.book.within(g.look.clock, g.look.from[w], g.look.now)
	return done.Hashrate()
}

// Value is what its work of a window was expected to earn, in satoshi.
func (g *Glance) Value(w Window) float64 {
	before := 0.0
	if from, samples := g.look.from[w], g.book.windows.samples; from >= 0 && samples != nil {
		before = samples[from].value
	}
	return max(g.book.tally.Ours[mining.Accepted].Value.Float()-before, 0)
}

// Since is when it was first seen, in Unix nanoseconds.
func (g *Glance) Since() int64 { return g.book.windows.born }

// Last is when the last share of any verdict came, in Unix nanoseconds; 0: never.
func (g *Glance) Last() int64 { return g.book.last }

// Best is the largest difficulty that an accepted share's hash reached.
func (g *Glance) Best() float64 { return g.book.best }

// shows says that a worker's book is shown: those that belong to nobody are once something
// was booked there.
func (l *Ledger) shows(b *WorkerBook) bool {
	return b != l.other && b != l.unknown || b.used()
}

// inOrder are all books of workers by name; the list is not changed later. fresh came since
// the last time, and is changed; dropped says that some are gone. bookMu is held.
func (l *Ledger) inOrder(fresh []*WorkerBook, dropped bool) []*WorkerBook {
	if len(fresh) == 0 && !dropped {
		return l.byName
	}
	fresh = slices.DeleteFunc(fresh, func(b *WorkerBook) bool { return b.dropped })
	slices.SortFunc(fresh, func(a, b *WorkerBook) int { return strings.Compare(a.name, b.name) })
	all := make([]*WorkerBook, 0, len(l.byName)+len(fresh))
	for _, b := range l.byName {
		if b.dropped {
			continue
		}
		for len(fresh) > 0 && fresh[0].name < b.name {
			all, fresh = append(all, fresh[0]), fresh[1:]
		}
		all = append(all, b)
	}
	l.byName = append(all, fresh...)
	return l.byName
}
