package events

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config bounds a log; what is 0 has the default.
type Config struct {
	// Kept is how many events are remembered that are kept over a restart
	// (10,000), Passing how many others (4,096).
	Kept, Passing int
	// Followers is how many may follow at a time (64), and Queue how many events may
	// wait for each (512).
	Followers, Queue int
}

// maxBacklog bounds how many events a follower is given that it has missed, and
// maxUnkept how many wait to be kept.
const (
	maxBacklog = 2000
	maxUnkept  = 4000
)

// ErrTooMany is for who wants to follow when as many do as may.
var ErrTooMany = errors.New("as many follow the events as may")

// Log numbers events, remembers the latest, and hands them to those who follow. Any
// number of goroutines may use it. Make it with [New].
type Log struct {
	// Static after construction.
	cfg   Config
	first uint64 // of this run

	// shares is how many follow shares.
	shares atomic.Int32

	// mu guards what follows.
	mu            sync.Mutex
	next          uint64
	kept, passing ring
	unkept        []Event
	lost          uint64 // of those to be kept
	followers     map[*Follower]struct{}
	limits        map[limitKey]*limit
	switches      map[switchKey]*gathered
}

// New makes a log that begins at now. kept is what an earlier run has kept, in the order
// of ids.
func New(cfg Config, now time.Time, kept []Event) *Log {
	for of, usual := range map[*int]int{&cfg.Kept: 10_000, &cfg.Passing: 4096, &cfg.Followers: 64, &cfg.Queue: 512} {
		if *of <= 0 {
			*of = usual
		}
	}
	l := &Log{
		cfg: cfg, kept: ring{most: cfg.Kept}, passing: ring{most: cfg.Passing},
		followers: make(map[*Follower]struct{}), limits: make(map[limitKey]*limit), switches: make(map[switchKey]*gathered),
	}
	// Ids grow over restarts without a word on the disk for each: no run has a million
	// events in each of its seconds. JavaScript can say them exactly until the year 2255.
	l.next = uint64(max(now.UnixMicro(), 1))
	for i := range kept {
		e := &kept[i]
		if e.ID <= l.newest() || e.ID >= maxID { // the file was written in by hand
			continue
		}
		l.kept.add(e)
	}
	l.next = max(l.next, l.newest()+1)
	l.first = l.next
	l.passing.gone = l.first - 1
	return l
}

// maxID is more than any id is; larger ones JavaScript could not say exactly.
const maxID = 1 << 53

// newest is the id of the latest kept event. mu is held, or nobody knows the log yet.
func (l *Log) newest() uint64 {
	if l.kept.len() == 0 {
		return 0
	}
	return l.kept.at(l.kept.len() - 1).ID
}

// Publish implements [Publisher]. An event without a severity is [Info], one without a
// message is given one.
func (l *Log) Publish(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case e.Kind == Switch:
		l.gather(&e)
	case l.pass(&e):
		l.enter(&e)
	}
}

// enter numbers an event, remembers it and hands it on. mu is held.
func (l *Log) enter(e *Event) {
	e.ID = l.next
	l.next++
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if e.Severity == "" {
		e.Severity = Info
	}
	e.bound()
	if e.Message == "" {
		e.Message = sentence(e)
	}
	if e.Kept() {
		l.kept.add(e)
		l.keep(e)
	} else {
		l.passing.add(e)
	}
	for f := range l.followers {
		f.offer(e)
	}
}

// keep has an event wait to be written. mu is held.
func (l *Log) keep(e *Event) {
	if len(l.unkept) >= maxUnkept {
		l.unkept = l.unkept[1:]
		l.lost++
	}
	l.unkept = append(l.unkept, *e)
}

// Unkept is what is to be kept since the last call, and how many events were lost
// because nobody has asked.
func (l *Log) Unkept() (all []Event, lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, l.unkept = l.unkept, nil
	lost, l.lost = l.lost, 0
	return all, lost
}

// Return gives back what could not be kept, to be tried again.
func (l *Log) Return(all []Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all = append(slices.Clone(all), l.unkept...)
	if over := len(all) - maxUnkept; over > 0 {
		all = all[over:]
		l.lost += uint64(over)
	}
	l.unkept = all
}

// Shares says that somebody follows shares: else they need not be published.
func (l *Log) Shares() bool { return l.shares.Load() > 0 }

// Latest is the id of the latest event; that before the first of this run where there
// is none.
func (l *Log) Latest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}
