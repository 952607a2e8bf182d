package sim

import (
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// maxOutbox bounds the lines waiting in an outbox; at the bound the
	// connection is closed.
	maxOutbox    = 8192
	writeTimeout = 10 * time.Second
)

// outbox writes lines to a connection at the times they are due, in one
// goroutine (run). Lines keep their order unless they are loose.
type outbox struct {
	conn net.Conn
	wake chan struct{}

	mu     sync.Mutex
	lines  []outLine // by due
	last   time.Time // the newest due of a line that is not loose
	closed bool
}

type outLine struct {
	due  time.Time
	data []byte
}

func newOutbox(conn net.Conn) *outbox {
	return &outbox{conn: conn, wake: make(chan struct{}, 1)}
}

// put queues a line, which it keeps. A loose line may overtake others.
func (o *outbox) put(data []byte, due time.Time, loose bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if len(o.lines) >= maxOutbox {
		o.closed = true
		_ = o.conn.Close()
		return
	}
	if !loose {
		if due.Before(o.last) {
			due = o.last
		}
		o.last = due
	}
	at := len(o.lines)
	for at > 0 && o.lines[at-1].due.After(due) {
		at--
	}
	o.lines = slices.Insert(o.lines, at, outLine{due: due, data: data})
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// close makes run return; what is queued is lost.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes until close, or until a write fails, which closes the connection.
func (o *outbox) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var buf []byte
	for {
		var wait time.Duration
		var open bool
		buf, wait, open = o.take(buf[:0])
		if !open {
			return
		}
		if len(buf) > 0 {
			_ = o.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := o.conn.Write(buf); err != nil {
				o.close()
				_ = o.conn.Close()
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-o.wake:
		case <-timer.C:
		}
	}
}

// take appends all lines that are due, and says how long until the next is.
func (o *outbox) take(buf []byte) (data []byte, wait time.Duration, open bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return buf, 0, false
	}
	now := time.Now()
	n := 0
	for n < len(o.lines) && !o.lines[n].due.After(now) {
		buf = append(buf, o.lines[n].data...)
		n++
	}
	o.lines = slices.Delete(o.lines, 0, n)
	if len(o.lines) == 0 {
		return buf, time.Hour, true
	}
	return buf, o.lines[0].due.Sub(now), true
}
