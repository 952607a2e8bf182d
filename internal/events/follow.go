package events

import "slices"

// Follow says what to follow.
type Follow struct {
	// Kinds are those that are wanted.
	Kinds []Kind
	// Resume says that After is the id of the last event that was seen: what came since
	// is given, too.
	Resume bool
	After  uint64
}

// Follower is given events as they happen.
type Follower struct {
	// Missed is what came since the event after which it resumes, the oldest first, and
	// Gap says that some of that is forgotten; nil where nothing is. Both belong to who follows.
	Missed []Event
	Gap    *Gap
	// Latest is the id of the latest event when it began to follow.
	Latest uint64

	log   *Log
	kinds []Kind
	// c is guarded by log.mu but for who receives; closed once.
	c      chan Event
	closed bool
}

// Follow begins to follow. Whoever does ends it by Close. It is [ErrTooMany] where as many
// follow as may.
func (l *Log) Follow(o Follow) (*Follower, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.followers) >= l.cfg.Followers {
		return nil, ErrTooMany
	}
	f := &Follower{log: l, kinds: slices.Clone(o.Kinds), c: make(chan Event, l.cfg.Queue), Latest: l.next - 1}
	if o.Resume {
		f.Missed, f.Gap = l.missed(f.kinds, o.After)
	}
	l.followers[f] = struct{}{}
	if slices.Contains(f.kinds, Share) {
		l.shares.Add(1)
	}
	return f, nil
}

// missed are the events after an id, and what is missing of them. mu is held.
func (l *Log) missed(kinds []Kind, after uint64) ([]Event, *Gap) {
	var all []Event
	gone := l.gone(kinds)
	for e := range backward(&l.kept, &l.passing) {
		if e.ID <= after {
			break
		}
		if !slices.Contains(kinds, e.Kind) {
			continue
		}
		if len(all) == maxBacklog {
			gone = max(gone, e.ID)
			break
		}
		if e.ID <= gone { // others of then are forgotten; it is all or nothing
			break
		}
		all = append(all, *e)
	}
	slices.Reverse(all)
	switch {
	case after >= l.next: // of another log
		return nil, &Gap{After: after, Oldest: l.next}
	case after < gone:
		return all, &Gap{After: after, Oldest: gone + 1}
	}
	return all, nil
}

// gone is the largest id of an event of these kinds that is forgotten. mu is held.
func (l *Log) gone(kinds []Kind) uint64 {
	gone := l.kept.gone
	for _, k := range kinds {
		if e := (Event{Kind: k}); !e.Kept() {
			gone = max(gone, l.passing.gone)
		}
	}
	return gone
}

// C has the events as they happen. It is closed when the follower was too slow: then it
// resumes by another one.
func (f *Follower) C() <-chan Event { return f.c }

// Close ends the following.
func (f *Follower) Close() {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	f.end()
}

// end lets the follower go, once. log.mu is held.
func (f *Follower) end() {
	if f.closed {
		return
	}
	f.closed = true
	close(f.c)
	delete(f.log.followers, f)
	if slices.Contains(f.kinds, Share) {
		f.log.shares.Add(-1)
	}
}

// offer hands an event on, or lets the follower go if it has not taken those before.
// log.mu is held.
func (f *Follower) offer(e *Event) {
	if f.closed || !slices.Contains(f.kinds, e.Kind) {
		return
	}
	select {
	case f.c <- *e:
	default:
		f.end()
	}
}

// Followers counts those who follow.
func (l *Log) Followers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.followers)
}
