package wire

import (
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// gather is how many bytes gather before they leave although the read that they
// answer is not over.
const gather = 64 << 10

// Send queues copies of the frames and writes what the peer takes now. It
// never blocks. The order of Send calls is the order on the wire, whoever
// calls; [Reset] alone overtakes. From the first Line of a read until after
// its Flush, what all goroutines send is gathered and leaves in one write; see
// Uncork, and Gather, which does the same beside it. What the peer does not take waits, within MaxQueueBytes,
// MaxQueueFrames and MaxQueueAge; past one of them the connection ends at once
// with slow_consumer. After the end began only the replies of the read in
// progress are taken; the rest is dropped in silence.
//
// A single frame that nothing stands before, such as a job that goes to
// everybody, is not copied: it leaves from where it is.
func (c *Conn) Send(frames ...Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.corked.Load() || c.gathering
	if c.abrupt || c.finished || c.reason != "" && !held {
		return
	}
	if len(frames) == 1 && c.open && c.queue.empty() && !c.draining && !held {
		c.sendOne(frames[0])
		return
	}
	for _, f := range frames {
		if gone := c.queue.push(f); gone > 0 {
			c.cfg.Metrics.Superseded.Add(float64(gone))
		}
	}
	if c.draining {
		c.queue.stamp(time.Now())
	}
	if !held || int64(c.queue.bytes()) >= min(gather, c.maxQueue.Load()) {
		c.pump()
	}
	if c.over() {
		c.fail(mining.SlowConsumer)
	}
}

// sendOne writes one frame without the queue, which is empty, and queues what
// the peer does not take; c.mu is held.
func (c *Conn) sendOne(f Frame) {
	if len(f.Data) == 0 {
		return
	}
	n, errno := rawWrite(c.fd, f.Data)
	if n == len(f.Data) {
		c.left(n, 1)
		return
	}
	c.queue.push(f)
	if c.wrote(n, errno) {
		c.drain()
	}
	if c.over() {
		c.fail(mining.SlowConsumer)
	}
}

// Uncork sends what was gathered during this read now, and lets the Sends of
// other goroutines leave at once until the next Line or Cork. A Line that is
// about to block calls it first.
func (c *Conn) Uncork() { c.uncork() }

// uncork is Uncork and says whether something left and nothing waits.
func (c *Conn) uncork() (sent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked.Store(false)
	before := c.bytesOut
	c.pump()
	if c.over() {
		c.fail(mining.SlowConsumer)
	}
	return c.bytesOut != before && c.queue.empty() && !c.draining
}

// Cork takes Uncork back for a Line that is about to go on: what is sent from
// here on belongs to the read in progress and leaves at its end, even if the
// connection's end begins before. Any goroutine may call it while the Line
// blocks. Once the end has begun it does nothing.
func (c *Conn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == "" {
		c.corked.Store(true)
	}
}

// Gather has what is sent wait from true to false, as during a read and beside it: its end
// lets a read go on gathering, and the end of a read or [Conn.Uncork] sends what there is
// by then. Any goroutine may call it, one at a time. Once the connection's end has begun it
// gathers nothing new.
func (c *Conn) Gather(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on {
		c.gathering = c.reason == ""
		return
	}
	c.gathering = false
	if c.corked.Load() {
		return
	}
	c.pump()
	if c.over() {
		c.fail(mining.SlowConsumer)
	}
}

// over reports whether more waits, for the peer or for Run or Go, than may;
// c.mu is held.
func (c *Conn) over() bool {
	if !c.draining && (c.raw == nil || c.open) {
		return false
	}
	return int64(c.queue.bytes()+c.flyingBytes) > c.maxQueue.Load() ||
		c.queue.len()+c.flyingFrames > c.cfg.MaxQueueFrames
}

// pump writes what the kernel takes now and starts a goroutine for the rest;
// c.mu is held.
func (c *Conn) pump() {
	switch {
	case c.draining || c.finished || c.queue.empty():
	case c.raw == nil:
		c.drain()
	case c.open && c.tryWrite() && !c.queue.empty():
		c.drain()
	}
}

// drain starts a goroutine that writes what waits; c.mu is held.
func (c *Conn) drain() {
	c.queue.stamp(time.Now())
	c.draining = true
	c.cfg.Metrics.Slow.Add(1)
	c.wg.Add(1)
	if c.raw != nil {
		go c.drainRaw()
	} else {
		go c.drainConn()
	}
}

// tryWrite is one write(2) of the whole queue and is false if that went wrong;
// c.mu is held and the socket is open.
func (c *Conn) tryWrite() bool { return c.wrote(rawWrite(c.fd, c.queue.front())) }

// wrote books what a write(2) of the queue's front did and is false if that
// went wrong; c.mu is held.
func (c *Conn) wrote(n int, errno syscall.Errno) bool {
	if errno != 0 && errno != syscall.EAGAIN {
		c.fail(writeReason(errno))
		return false
	}
	if n > 0 {
		c.left(n, c.queue.consume(n))
	}
	return true
}

// left books what left; c.mu is held.
func (c *Conn) left(bytes, frames int) {
	c.bytesOut += uint64(bytes)   //nolint:gosec // not negative
	c.framesOut += uint64(frames) //nolint:gosec // not negative
	c.cfg.Metrics.BytesOut.Add(float64(bytes))
	c.cfg.Metrics.FramesOut.Add(float64(frames))
}

// drainRaw writes whenever the socket takes more, until the queue is empty.
// The frames stay in the queue until the kernel has them.
func (c *Conn) drainRaw() {
	defer c.wg.Done()
	err := c.raw.Write(func(fd uintptr) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for !c.queue.empty() {
			n, errno := rawWrite(fd, c.queue.front())
			if !c.wrote(n, errno) {
				break
			}
			if errno == syscall.EAGAIN {
				c.writeBy = c.queue.oldest().Add(c.cfg.MaxQueueAge)
				c.setWriteDeadline()
				return false
			}
		}
		c.drained()
		return true
	})
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.fail(writeReason(err))
		c.drained()
	}
}

// drainConn writes in the ordinary way until the queue is empty, a scratch of whole
// frames at a time: what it has in hand can no longer be superseded.
func (c *Conn) drainConn() {
	defer c.wg.Done()
	scratch := borrow()
	defer scratches.Put(scratch)
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.queue.empty() {
		data, frames, oldest := c.queue.take(scratch[:0], len(scratch))
		c.flyingBytes, c.flyingFrames = len(data), frames
		c.writeBy = oldest.Add(c.cfg.MaxQueueAge)
		c.setWriteDeadline()
		c.mu.Unlock()
		n, err := c.conn.Write(data)
		c.mu.Lock()
		if err != nil {
			c.left(n, 0)
			c.fail(writeReason(err))
			break
		}
		c.flyingBytes, c.flyingFrames = 0, 0
		c.left(n, frames)
	}
	c.flyingBytes, c.flyingFrames = 0, 0
	c.drained()
}

// drained says that the drain goroutine ends; c.mu is held.
func (c *Conn) drained() {
	if c.draining {
		c.draining = false
		c.cfg.Metrics.Slow.Add(-1)
	}
	c.setWriteDeadline()
}

// answerWithin bounds what a read writes by itself; c.mu is held.
func (c *Conn) answerWithin(by time.Time) {
	if !c.records {
		return
	}
	c.answerBy = by
	if !c.draining {
		c.setWriteDeadline()
	}
}

// setWriteDeadline bounds the write in progress, or what a read may write; c.mu is held.
func (c *Conn) setWriteDeadline() {
	by := c.answerBy
	switch {
	case c.abrupt:
		by = time.Unix(1, 0)
	case c.draining:
		by = c.writeBy
		if !c.drainBy.IsZero() && (by.IsZero() || c.drainBy.Before(by)) {
			by = c.drainBy
		}
	}
	_ = c.conn.SetWriteDeadline(by)
}

// fail ends the connection with nothing more written; c.mu is held.
func (c *Conn) fail(reason mining.Reason) {
	c.end(reason)
	if c.abrupt {
		return
	}
	c.abrupt = true
	if n := c.queue.len() + c.flyingFrames; n > 0 {
		c.cfg.Metrics.Dropped.Add(float64(n))
	}
	c.queue.clear()
	if c.draining || c.records {
		c.setWriteDeadline()
	}
}
