package link

import (
	"bytes"

	"github.com/loka/stratum/internal/wire"
)

// keepCap is the largest buffer in bytes that an outbox keeps.
const keepCap = 64 << 10

// outbox gathers the lines of many goroutines, so that one of them sends for
// all while the others go on. What it holds is bounded by what the session
// may have unanswered.
type outbox struct {
	// lines wait to be sent; guarded by the link's mu.
	lines []byte
	// sending says that somebody sends and will send these too; guarded by
	// the link's mu.
	sending bool

	// Owned by who sends: what is being sent, and each line of it.
	batch  []byte
	frames []wire.Frame
}

// take moves what waits into frames of one line each. mu is held.
func (o *outbox) take() []wire.Frame {
	o.lines, o.batch = o.batch[:0], o.lines
	o.frames = o.frames[:0]
	for line := range bytes.Lines(o.batch) {
		o.frames = append(o.frames, wire.Frame{Class: wire.Reply, Data: line})
	}
	return o.frames
}

// sent lets go of what a burst made large. mu is held.
func (o *outbox) sent() {
	if cap(o.batch) > keepCap {
		o.batch, o.frames = nil, nil
	}
	clear(o.frames)
}

// flush sends what waits, unless somebody does so already, and a Close that
// came meanwhile. mu is held before and after, but not while a socket is
// written to: the order of lines is that in which they were put.
func (l *Link) flush() {
	o := &l.out
	if o.sending {
		return
	}
	o.sending = true
	for len(o.lines) > 0 {
		conn := l.conn
		frames := o.take()
		l.mu.Unlock()
		if conn != nil {
			conn.Send(frames...)
		}
		l.mu.Lock()
		o.sent()
	}
	o.sending = false
	if l.closing != "" && l.conn != nil {
		l.conn.Close(l.closing)
	}
}
