package events

import (
	"fmt"
	"time"
)

const (
	// perSecond is how many events of a kind are told of one by one in a second.
	perSecond = 20
	// gatherFor is how long miners that move the same way are counted together, and
	// balanceFor those whom a split moves, which it does all the time.
	gatherFor  = time.Second
	balanceFor = time.Minute
	// maxLimits and maxGathered bound what is counted together at a time.
	maxLimits, maxGathered = 256, 512
	// maxReasons bounds how many reasons are told apart in what was not told one by one.
	maxReasons = 64
)

// limitKey says what shares a bound. What anybody can cause, such as connections that
// never log in, must not keep what matters from being told.
type limitKey struct {
	kind   Kind
	what   string
	pool   string // of jobs
	worker bool   // it is about a worker that is known
}

// limit counts what happens in a second.
type limit struct {
	second int64
	passed int
	more   uint64
	worst  Severity
	by     map[string]uint64 // reasons
	of     Event             // the first that was not told
}

// limited says that events of the kind are told one by one only while they are few. What
// is not is bounded by what it is about.
func limited(k Kind) bool {
	switch k {
	case Connection, Job, Share, Ban, Alert:
		return true
	case Proxy, Block, Pool, Switch, Act, Reload:
	}
	return false
}

// pass says whether an event is told by itself. mu is held.
func (l *Log) pass(e *Event) bool {
	if !limited(e.Kind) {
		return true
	}
	key := limitKey{kind: e.Kind, what: e.What, worker: e.Worker != ""}
	if e.Kind == Job {
		key.pool = e.Pool
	}
	if e.Kind == Share { // a sample already
		key = limitKey{kind: Share}
	}
	of := l.limits[key]
	if of == nil {
		if len(l.limits) >= maxLimits {
			return false
		}
		of = &limit{by: make(map[string]uint64)}
		l.limits[key] = of
	}
	if second := e.At.Unix(); second != of.second {
		l.tellMore(of)
		of.second, of.passed = second, 0
	}
	most := perSecond
	if e.Kind == Share {
		most = 10 * perSecond
	}
	if of.passed < most {
		of.passed++
		return true
	}
	if of.more == 0 {
		of.of = *e
	}
	of.more += max(e.Count, 1)
	if rank(e.Severity) > rank(of.worst) {
		of.worst = e.Severity
	}
	if _, known := of.by[e.Reason]; known || len(of.by) < maxReasons {
		of.by[e.Reason]++
	}
	return false
}

// tellMore tells of what was not told one by one. mu is held.
func (l *Log) tellMore(of *limit) {
	if of.more == 0 {
		return
	}
	e := Event{At: of.of.At, Kind: of.of.Kind, What: of.of.What, Severity: of.worst, Count: of.more}
	if e.Kind == Job {
		e.Pool = of.of.Pool
	}
	most := uint64(0)
	for reason, n := range of.by {
		if n > most || n == most && reason < e.Reason {
			e.Reason, most = reason, n
		}
	}
	of.more, of.worst = 0, ""
	clear(of.by)
	l.enter(&e)
}

// rank orders severities.
func rank(s Severity) int {
	switch s {
	case Critical:
		return 2
	case Warning:
		return 1
	case Info:
	}
	return 0
}

// switchKey is which way miners move, and why.
type switchKey struct{ what, route, from, to, reason string }

// gathered counts miners that move the same way.
type gathered struct {
	Event

	due time.Time
}

// gather counts a switch with others like it. mu is held.
func (l *Log) gather(e *Event) {
	key := switchKey{e.What, e.Route, e.From, e.To, e.Reason}
	if of := l.switches[key]; of != nil {
		of.Count += max(e.Count, 1)
		of.Miner, of.Worker, of.Message = 0, "", ""
		return
	}
	if len(l.switches) >= maxGathered {
		key = switchKey{what: Moved}
		if of := l.switches[key]; of != nil {
			of.Count += max(e.Count, 1)
			return
		}
		e = &Event{At: e.At, Kind: Switch, What: Moved, Count: e.Count, Message: fmt.Sprintf("miners were moved in more than %d ways at once", maxGathered)}
	}
	e.Count = max(e.Count, 1)
	wait := gatherFor
	if e.What == Balanced {
		wait = balanceFor
	}
	l.switches[key] = &gathered{*e, e.At.Add(wait)}
}

// Tick tells of what was counted together for long enough. It is to be called a few times a
// second.
func (l *Log) Tick(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, of := range l.limits {
		if of.second < now.Unix() {
			l.tellMore(of)
			delete(l.limits, key)
		}
	}
	l.tellSwitches(func(of *gathered) bool { return !now.Before(of.due) })
}

// Finish tells of everything that is counted together, at the end.
func (l *Log) Finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.limits {
		l.tellMore(of)
	}
	l.tellSwitches(func(*gathered) bool { return true })
}

// tellSwitches tells of those that are due. mu is held.
func (l *Log) tellSwitches(due func(*gathered) bool) {
	for key, of := range l.switches {
		if due(of) {
			delete(l.switches, key)
			l.enter(&of.Event)
		}
	}
}
