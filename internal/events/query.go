package events

import (
	"slices"
	"strings"
	"time"
)

// MaxPage is how many events are given at a time.
const MaxPage = 1000

// Filter picks events; what is empty picks all.
type Filter struct {
	Kinds []Kind
	// Severity is the least.
	Severity Severity
	// Pool is one that the event is about: a switch is about both. Worker is a login.
	Pool, Route, Worker string
	// Text is a part of the message, the worker's or the pool's name or the address,
	// whatever the case.
	Text string
	// Since and Until bound when it happened; the latter is not included.
	Since, Until time.Time
	// Before is the id before which it happened.
	Before uint64
	// Limit is how many, [MaxPage] at the most; 0 is 100.
	Limit int
}

// Query picks events of those that are remembered.
func (l *Log) Query(f Filter) Page {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, MaxPage)
	f.Text = strings.ToLower(f.Text)
	page := Page{Events: []Event{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := range backward(&l.kept, &l.passing) {
		if !f.picks(e) {
			continue
		}
		if len(page.Events) == f.Limit {
			page.Before = page.Events[f.Limit-1].ID
			break
		}
		page.Events = append(page.Events, *e)
	}
	return page
}

func (f *Filter) picks(e *Event) bool {
	switch {
	case f.Before > 0 && e.ID >= f.Before,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind),
		f.Severity != "" && rank(e.Severity) < rank(f.Severity),
		f.Pool != "" && e.Pool != f.Pool && (e.Kind != Switch || e.From != f.Pool),
		f.Route != "" && e.Route != f.Route,
		f.Worker != "" && e.Worker != f.Worker,
		!f.Since.IsZero() && e.At.Before(f.Since),
		!f.Until.IsZero() && !e.At.Before(f.Until):
		return false
	case f.Text == "":
		return true
	}
	for _, in := range []string{e.Message, e.Worker, e.Pool, e.Route, e.Remote, e.Reason, e.Who} {
		if strings.Contains(strings.ToLower(in), f.Text) {
			return true
		}
	}
	return false
}

const (
	// maxSwitches is how many switches a timeline has.
	maxSwitches = 1000
	// settle is how long after a start a pool's state may come to be known.
	settle = 5 * time.Second
)

// Timeline is what became of a pool from a time until another one.
func (l *Log) Timeline(pool string, from, to time.Time) Timeline {
	t := Timeline{Pool: pool, From: from.UTC(), To: to.UTC(), Intervals: []Interval{}, Switches: []Event{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := drawing{of: &t, current: Interval{State: Unknown, From: t.From}}
	for i := range l.kept.len() {
		e := l.kept.at(i)
		switch {
		case !e.At.Before(to):
		case e.Kind == Proxy, e.Kind == Pool && e.Pool == pool:
			d.next(e)
		case e.Kind == Switch && (e.Pool == pool || e.From == pool) && !e.At.Before(from):
			t.Switches = append(t.Switches, *e)
		}
	}
	d.until(t.To)
	if over := len(t.Switches) - maxSwitches; over > 0 {
		t.Switches = t.Switches[over:]
	}
	return t
}

// drawing makes a timeline of events that come in their order.
type drawing struct {
	of      *Timeline
	current Interval
}

// next begins another interval where the event says so.
func (d *drawing) next(e *Event) {
	is := Interval{From: e.At}
	switch {
	case e.Kind == Pool:
		is.State, is.Reason, is.Error = e.To, e.Reason, e.Detail
	case e.What == Started:
		is.State = Unknown
	default:
		is.State = NotRunning
	}
	if d.current.State == Unknown && is.State != NotRunning && e.At.Sub(d.current.From) < settle && d.current.Reason == Started {
		is.From = d.current.From // it was only not looked at yet
	} else {
		d.until(e.At)
	}
	if is.State == Unknown {
		is.Reason = Started
	}
	d.current = is
}

// until ends the current interval, as far as it is in the time that is asked for.
func (d *drawing) until(end time.Time) {
	is, after := d.current, d.of.From
	if n := len(d.of.Intervals); n > 0 {
		after = d.of.Intervals[n-1].To // and not before it, where the clock has gone back
	}
	if is.From.Before(after) {
		is.From = after
	}
	if !is.From.Before(end) {
		return
	}
	is.To, is.Seconds = end, end.Sub(is.From).Seconds()
	d.of.Intervals = append(d.of.Intervals, is)
}
