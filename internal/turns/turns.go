package turns

import (
	"container/list"
	"runtime"
	"sync"
	"time"
)

// Class says for what a turn is wanted.
type Class int

// The classes.
const (
	// Accept is to let a connection in or send it away.
	Accept Class = iota
	// Handshake is to compute a handshake of TLS.
	Handshake
	// Stranger is to look after a connection that has no authorized worker.
	Stranger
	// Loud is to listen to a miner that says more than is read at a time.
	Loud
	classes
)

// String is the class's word in metrics.
func (c Class) String() string {
	if c < 0 || c >= classes {
		return "unknown"
	}
	return [...]string{Accept: "accept", Handshake: "handshake", Stranger: "stranger", Loud: "loud"}[c]
}

// Queue is how it goes with the turns of a class.
type Queue struct {
	Class Class
	// Waiting is how many wait for one now.
	Waiting int
	// Waited is how long all those have waited together that have got one.
	Waited time.Duration
}

// Turns are those of one process. A nil *Turns is no bound.
type Turns struct {
	now func() time.Time

	// mu guards what follows.
	mu sync.Mutex
	// free is how many there are; none while anybody waits.
	free int
	// waiting are asked.
	waiting [classes]list.List
	// used is the time that a class had, or would have had if it had always wanted
	// its part; latest is that of the class which was served last.
	used   [classes]time.Duration
	latest time.Duration
	// waited is how long those of a class have waited that have got a turn.
	waited [classes]time.Duration
}

// asked is one that waits.
type asked struct {
	// turn is closed when it is its turn.
	turn  chan struct{}
	since time.Time
}

// Turn is what one has, or does not have: the zero Turn. One goroutine uses it.
type Turn struct {
	of    *Turns
	class Class
	since time.Time
}

// New makes turns for so many at a time, at least one.
func New(most int, now func() time.Time) *Turns { return &Turns{free: max(most, 1), now: now} }

// Take waits for a turn. It is not broken off: turns are short.
func (t *Turns) Take(c Class) Turn {
	if t == nil {
		return Turn{}
	}
	if wait := t.ask(c); wait != nil {
		<-wait
		// Whoever is woken goes before all others that have something to do, and if it
		// wakes the next one in turn, these would wait for all of them.
		runtime.Gosched()
	}
	return Turn{of: t, class: c, since: t.now()}
}

// Try takes a turn that is free, and says whether one was.
func (t *Turns) Try(c Class) (Turn, bool) {
	if t == nil {
		return Turn{}, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.one(c) {
		return Turn{}, false
	}
	return Turn{of: t, class: c, since: t.now()}, true
}

// one takes a turn if one is free; t.mu is held.
func (t *Turns) one(c Class) bool {
	if t.waiting[c].Len() == 0 {
		t.used[c] = max(t.used[c], t.latest)
	}
	if t.free == 0 {
		return false
	}
	t.free--
	t.latest = t.used[c]
	return true
}

// ask takes a turn, or says what to wait for.
func (t *Turns) ask(c Class) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.one(c) {
		return nil
	}
	mine := make(chan struct{})
	t.waiting[c].PushBack(asked{mine, t.now()})
	return mine
}

// Held says that there is a turn to give back.
func (t *Turn) Held() bool { return t.of != nil }

// Give gives the turn back, if there is one. Nobody keeps one while it waits for
// anybody.
func (t *Turn) Give() {
	if t.of != nil {
		now := t.of.now()
		t.of.give(t.class, now.Sub(t.since), now)
		*t = Turn{}
	}
}

// give takes a turn back and hands it to whose it is.
func (t *Turns) give(c Class, had time.Duration, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used[c] += max(had, 0)
	next := Class(-1)
	for c := range classes {
		if t.waiting[c].Len() > 0 && (next < 0 || t.used[c] < t.used[next]) {
			next = c
		}
	}
	if next < 0 {
		t.free++
		return
	}
	t.latest = t.used[next]
	if a, ok := t.waiting[next].Remove(t.waiting[next].Front()).(asked); ok {
		t.waited[next] += max(now.Sub(a.since), 0)
		close(a.turn)
	}
}

// Queues is how it goes with each class; nil is none.
func (t *Turns) Queues() []Queue {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Queue, 0, classes)
	for c := range classes {
		all = append(all, Queue{c, t.waiting[c].Len(), t.waited[c]})
	}
	return all
}
