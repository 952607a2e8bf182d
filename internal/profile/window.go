package profile

import (
	"slices"
	"sync"
	"time"
)

// NoteEvery is how often [Profile.Note] is to be called.
const NoteEvery = 10 * time.Second

const (
	// fineNotes are those of a minute, coarseNotes those of ten, one a minute. A note is
	// 140 kB.
	fineNotes   = int(time.Minute/NoteEvery) + 1
	coarseEvery = time.Minute
	coarseNotes = 11
)

// note is what had been counted at a time. It does not change.
type note struct {
	at   time.Time
	took [numSteps]*Snapshot
}

// notes are those of the last minutes, so that it can be said what came since.
type notes struct {
	mu           sync.Mutex
	fine, coarse []*note
}

// Note remembers what has been counted until now.
func (p *Profile) Note(now time.Time) {
	n := &note{at: now}
	for i := range p.steps {
		n.took[i] = p.steps[i].Snapshot()
	}
	p.past.mu.Lock()
	defer p.past.mu.Unlock()
	p.past.fine = after(p.past.fine, n, fineNotes)
	coarse := p.past.coarse
	if last := len(coarse) - 1; last < 0 || now.Sub(coarse[last].at) >= coarseEvery-NoteEvery/2 || now.Before(coarse[last].at) {
		p.past.coarse = after(coarse, n, coarseNotes)
	}
}

// after puts a note behind others, and forgets what is too much, and what would be of the
// future: the clock was set back.
func after(all []*note, n *note, most int) []*note {
	all = slices.DeleteFunc(all, func(o *note) bool { return !o.at.Before(n.at) })
	if len(all) == most {
		all = slices.Delete(all, 0, 1)
	}
	return append(all, n)
}

// Window is what was counted from some time on.
type Window struct {
	profile *Profile
	from    *note
}

// Since is what was counted in about the time of a length before now, of at most ten
// minutes: it begins with a note, the oldest that is not older. Where there is none, as at
// the start, it is all that was counted.
func (p *Profile) Since(length time.Duration, now time.Time) Window {
	const late = NoteEvery / 2 // a ticker is not on the dot
	w, oldest := Window{profile: p}, time.Duration(-1)
	p.past.mu.Lock()
	defer p.past.mu.Unlock()
	for _, n := range slices.Concat(p.past.coarse, p.past.fine) {
		if age := now.Sub(n.at); age > oldest && age <= length+late {
			w.from, oldest = n, age
		}
	}
	return w
}

// All is what was counted since the start.
func (p *Profile) All() Window { return Window{p, nil} }

// From is when it began; ok is false for the start.
func (w Window) From() (at time.Time, ok bool) {
	if w.from == nil {
		return time.Time{}, false
	}
	return w.from.at, true
}

// Of is what was counted of a step.
func (w Window) Of(s Step) *Snapshot {
	took := w.profile.Of(s).Snapshot()
	if w.from != nil {
		took.less(w.from.took[s])
	}
	return took
}

// less takes away what had been counted before. The longest of the rest is known as
// exactly as its bucket.
func (s *Snapshot) less(before *Snapshot) {
	s.Count = 0
	last := -1
	for i := range s.Counts {
		s.Counts[i] -= before.Counts[i]
		s.Count += s.Counts[i]
		if s.Counts[i] > 0 {
			last = i
		}
	}
	s.Sum = max(s.Sum-before.Sum, 0)
	switch {
	case last < 0:
		s.Sum, s.Max = 0, 0
	case last < Buckets-1:
		s.Max = min(s.Max, Bound(last))
	}
}
