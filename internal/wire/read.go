package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
)

const (
	// scratchSize is the read buffer in bytes while there is data, and so how much
	// of what a peer says is handled before others have their turn: some 30 shares.
	scratchSize = 4 << 10
	// idleSize is the buffer that a connection which is not plain TCP on
	// Linux waits with: a share fits.
	idleSize = 512
	// readsInARow bounds the reads between two looks at the clock.
	readsInARow = 16
	// leastTick is the least time between two calls of Tick by the clock, so
	// that a handler which names a past time cannot keep reads out.
	leastTick = 10 * time.Millisecond
)

// scratches lends read buffers.
//
//nolint:gochecknoglobals // a pool is shared by all connections by its nature
var scratches = sync.Pool{New: func() any { return new([scratchSize]byte) }}

func borrow() *[scratchSize]byte {
	s, _ := scratches.Get().(*[scratchSize]byte)
	return s
}

// read runs until the connection has a reason to end, or goes on in another
// goroutine, which it then says.
func (c *Conn) read() (moved bool) {
	if !c.tick() {
		return false
	}
	if preread := c.preread; len(preread) > 0 {
		c.preread = nil
		c.input(preread)
	}
	if c.raw != nil {
		return c.readRaw()
	}
	return c.readConn()
}

// tick asks the handler for its next time and sets the read deadline to it.
// It is false when the connection has ended.
func (c *Conn) tick() bool {
	for {
		c.mu.Lock()
		c.woken = false
		c.mu.Unlock()
		now := time.Now()
		reason, next := c.handler.Tick(now)
		if reason != "" {
			c.Close(reason)
			return false
		}
		if !next.IsZero() && next.Sub(now) < leastTick {
			next = now.Add(leastTick)
		}
		c.mu.Lock()
		ended, woken := c.reason != "", c.woken
		if !ended && !woken {
			_ = c.conn.SetReadDeadline(next)
			if c.records && !next.IsZero() {
				next = next.Add(c.cfg.MaxQueueAge)
			}
			c.answerWithin(next)
		}
		c.mu.Unlock()
		if ended || !woken {
			return !ended
		}
	}
}

// readRaw spends the connection's life in one raw read: its callback reads
// until nothing is there and then waits in the poller without a buffer.
// Only the timer, the end and a flood get out of it.
func (c *Conn) readRaw() (moved bool) {
	for !c.ended.Load() {
		err := c.raw.Read(c.readable)
		if c.readError(err) {
			return false
		}
		if c.moves() {
			c.moved = true
			go c.rest()
			return true
		}
	}
	return false
}

// moves says that the connection's life is to go on with a fresh stack.
func (c *Conn) moves() bool { return c.after != nil && !c.moved && c.steady.Load() }

// readable reads until there is nothing more. A short read is not the end of
// it: the poller is edge-triggered, so that a FIN which came together with
// the data would never be told again. Once the connection is steady it is,
// where whole lines were read and their answer has left: should the peer have
// closed together with them, the answer draws a reset, which is told. That
// saves a third of the system calls of a request. A peer that talks faster than it is
// listened to gets it out of the raw read now and then, for only between two
// of them is the deadline looked at.
func (c *Conn) readable(fd uintptr) (over bool) {
	scratch := borrow()
	defer scratches.Put(scratch)
	for range readsInARow {
		if c.ended.Load() {
			break
		}
		steady := c.steady.Load()
		n, errno := rawRead(fd, scratch[:])
		switch {
		case errno == syscall.EAGAIN:
			return c.moves()
		case errno != 0:
			c.Close(readReason(errno))
		case n == 0:
			c.Close(readReason(io.EOF))
		default:
			if answered := c.input(scratch[:n]); answered && steady && n < len(scratch) && !c.ended.Load() {
				return c.moves()
			}
			if n == len(scratch) {
				c.yield()
			}
		}
	}
	return true
}

// yield tells the handler that the peer says more than is read, and lets all others that
// wait for a processor go first. Without this twenty such peers keep everybody else
// waiting for as long as the scheduler lets each of them go on.
func (c *Conn) yield() {
	c.handler.Loud()
	runtime.Gosched()
}

// readConn reads in the ordinary way, with a small buffer until data fills it. It
// goes on with a fresh stack as readRaw does.
func (c *Conn) readConn() (moved bool) {
	var idle [idleSize]byte
	full, quick := false, haste{since: time.Now()}
	for !c.ended.Load() {
		var err error
		large := full
		if large {
			scratch := borrow()
			full, err = c.readInto(scratch[:])
			scratches.Put(scratch)
		} else {
			full, err = c.readInto(idle[:])
		}
		if c.records && quick.read() || large && full {
			c.yield()
		}
		if c.readError(err) {
			return false
		}
		if c.moves() {
			c.moved = true
			go c.rest()
			return true
		}
	}
	return false
}

// haste tells whether reads follow each other without a wait in between. A read of TLS
// ends with the record, so that a peer which talks in small ones never fills a buffer.
type haste struct {
	since time.Time
	reads int
	is    bool
}

// read counts one and says whether the last of them were quick.
func (h *haste) read() bool {
	if h.reads++; h.reads == readsInARow {
		now := time.Now()
		h.is = now.Sub(h.since) < leastTick
		h.since, h.reads = now, 0
	}
	return h.is
}

// readInto does one read and handles what it brought.
func (c *Conn) readInto(buf []byte) (full bool, err error) {
	n, err := c.conn.Read(buf)
	if n > 0 {
		c.input(buf[:n])
	}
	return n == len(buf), err
}

// readError handles what a read ended with and reports whether that was the
// last one.
func (c *Conn) readError(err error) (over bool) {
	switch {
	case err == nil:
		return c.ended.Load()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.ended.Load() || !c.tick()
	default:
		c.Close(readReason(err))
		return true
	}
}

// input cuts one read's data into lines and hands them on. What a line or
// its want makes of the connection happens after Flush, so that the replies
// to the lines before it leave. answered says that the data ended with a line
// and that something was written since, and nothing waits.
func (c *Conn) input(data []byte) (answered bool) {
	c.time()
	c.bytesIn.Add(uint64(len(data)))
	c.cfg.Metrics.BytesIn.Add(float64(len(data)))
	var reason mining.Reason
	lines := 0
	for len(data) > 0 && reason == "" && !c.ended.Load() {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			reason = c.keep(data)
			break
		}
		line := data[:end]
		data = data[end+1:]
		if reason = c.check(line); reason != "" {
			break
		}
		if len(c.partial) > 0 {
			line = append(c.partial, line...)
			c.partial = nil
		}
		if line = bytes.TrimSuffix(line, []byte{'\r'}); len(line) == 0 {
			continue
		}
		lines++
		if !c.corked.Load() {
			c.corked.Store(true)
		}
		if err := c.handler.Line(line); err != nil {
			reason = reasonIn(err, mining.InternalError)
		}
	}
	if lines > 0 {
		c.linesIn.Add(uint64(lines))
		c.cfg.Metrics.LinesIn.Add(float64(lines))
		c.handler.Flush()
		answered = c.uncork() && len(c.partial) == 0
		c.timed()
	}
	if reason != "" {
		c.Close(reason)
	}
	return answered
}

// check looks at more bytes of the line that partial begins.
func (c *Conn) check(more []byte) mining.Reason {
	switch {
	case bytes.IndexByte(more, 0) >= 0:
		return mining.NULByte
	case int64(len(c.partial)+len(more)) > c.maxLine.Load():
		return mining.LineTooLong
	default:
		return ""
	}
}

// keep stores the start of a line.
func (c *Conn) keep(data []byte) mining.Reason {
	if reason := c.check(data); reason != "" {
		return reason
	}
	c.partial = append(c.partial, data...)
	return ""
}
