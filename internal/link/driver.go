package link

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// driver is the link as its connection sees it: the goroutine in Run calls
// these, one at a time.
type driver struct{ l *Link }

// Line feeds the session one line and tells what came of it.
func (d driver) Line(line []byte) error {
	l := d.l
	l.mu.Lock()
	unasked := l.session.UnknownReplies()
	now := time.Now()
	events, out, err := l.session.Line(line, now, l.events[:0], l.out.lines)
	l.timeJob(events, now)
	unasked = l.session.UnknownReplies() - unasked
	l.events, l.out.lines = events, out
	if err == nil {
		l.rearm()
	}
	l.flush()
	l.mu.Unlock()
	l.cause = err
	if unasked > 0 && l.deps.Watch != nil {
		l.deps.Watch.Unasked()
	}
	l.tell()
	return err
}

// timeJob tells how long a job took until it is one, if there is one among what a line
// brought that was handled since now. mu is held.
func (l *Link) timeJob(events []upstream.Event, now time.Time) {
	for i := range events {
		if events[i].Kind != upstream.Job {
			continue
		}
		l.metrics.ParseSeconds.Observe(time.Since(now).Seconds())
		if l.conn == nil {
			return
		}
		if read := l.conn.Mark(); !read.IsZero() {
			l.metrics.ReadSeconds.Observe(now.Sub(read).Seconds())
		}
		return
	}
}

// Flush ends a read: what it brought is told. What Line sends leaves in one write by
// itself.
func (d driver) Flush() { d.l.deps.Events.LinkRead(d.l) }

// Loud says nothing new: a pool has as much to say as it likes.
func (driver) Loud() {}

// Tick lets time pass in the session.
func (d driver) Tick(now time.Time) (mining.Reason, time.Time) {
	l := d.l
	l.mu.Lock()
	events, reason, next := l.session.Tick(now, l.events[:0])
	l.events, l.tickAt = events, next
	l.mu.Unlock()
	l.tell()
	l.deps.Events.LinkRead(l)
	if l.alarm == nil || reason != "" {
		return reason, next
	}
	if at := l.alarm(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	return reason, next
}

// tell passes the gathered events on, without the lock.
func (l *Link) tell() {
	for _, ev := range l.events {
		if ev.Kind == upstream.Subscribed && !l.taken {
			l.taken = true
			l.deps.Breaker.took(l.probe)
		}
		l.metrics.count(ev)
		l.notes.event(ev)
		if l.deps.Watch != nil {
			l.deps.Watch.Said(ev)
		}
		l.deps.Events.LinkEvent(l, ev)
	}
	clear(l.events) // keep no job alive
	l.events = l.events[:0]
}

// count counts what an event is worth.
func (m *Metrics) count(ev upstream.Event) {
	switch ev.Kind {
	case upstream.BadLine:
		m.BadLines.Inc()
	case upstream.Verdict:
		m.verdict(ev)
	case upstream.Subscribed, upstream.Job, upstream.Difficulty, upstream.Extranonce,
		upstream.Mask, upstream.Authorized, upstream.Message, upstream.Reconnect, upstream.AnsweredTwice:
	}
}

func (m *Metrics) verdict(ev upstream.Event) {
	switch {
	case ev.Local:
	case ev.Verdict == mining.Unanswered:
		m.Unanswered.Inc()
	case ev.Late:
		m.Late.Inc()
	default:
		m.RTT.Observe(ev.RTT.Seconds())
	}
}
