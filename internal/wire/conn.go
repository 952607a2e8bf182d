package wire

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Conn is one connection. Its life is [Conn.Run] or [Conn.Go], one of which is
// called once. All other methods may be called from any goroutine, and none of
// them blocks.
//
// What a Send looks at comes first, side by side: where a line goes to thousands of
// connections, memory that has not been looked at for long is most of what it takes.
type Conn struct {
	cfg    *Config     // static after construction; shared by connections
	corked atomic.Bool // Sends gather until the read's end
	ended  atomic.Bool // reason is set
	steady atomic.Bool // SetSteady was called

	// Guarded by mu.
	abrupt    bool // nothing more is written
	finished  bool // the reader is past its last write
	gathering bool // Sends wait for Gather's end
	draining  bool // a drain goroutine owns the writing
	woken     bool // Wake was called since the last Tick
	mu        sync.Mutex
	// open says that fd is raw's descriptor: from the start of the life, whose
	// end alone closes it, until finished.
	open                bool
	fd                  uintptr
	reason              mining.Reason
	queue               queue
	bytesOut, framesOut uint64

	// Static after construction.
	conn net.Conn
	raw  syscall.RawConn // nil: the ordinary way

	// Owned by the reader: the goroutine in Run, or one of Go's after the other.
	handler Handler
	preread []byte
	// partial is the start of a line whose end has not come, right-sized.
	partial []byte
	// after is what follows the life of a connection that has goroutines of
	// its own; moved says that it has gone on to a fresh one.
	after func()
	moved bool
	// records says that conn is around another, as TLS is: a read of it ends with a record,
	// however much more there is, and may write. It is static.
	records bool
	// mark is when the read in progress began to be handled, or what the handler has
	// made of it; zero where the read is not timed. untimed counts down to the next
	// that is.
	untimed int32
	mark    time.Time

	// Atomic.
	maxLine          atomic.Int64
	maxQueue         atomic.Int64
	bytesIn, linesIn atomic.Uint64
	wg               sync.WaitGroup

	// Guarded by mu, too.
	done chan struct{} // made when asked for, closed once there is a reason
	// flying is what the drain goroutine has in hand.
	flyingBytes, flyingFrames int
	// writeBy is the age bound of what is being written, drainBy the bound of
	// the last flush; the earlier one is the write deadline.
	writeBy, drainBy time.Time
	// answerBy is the write deadline while nothing of ours is written, and bounds what a
	// read writes by itself: TLS answers who asks for new keys. Without records none does,
	// and it is zero.
	answerBy time.Time
}

// New makes a connection of conn, which it owns from then on: nobody else may
// close it. What is sent before Run or Go waits for it. preread is what
// was read of it before; it is handled first and not kept. cfg must not change
// any more; see [Config.Complete].
func New(conn net.Conn, preread []byte, cfg *Config) *Conn {
	c := &Conn{
		conn:    conn,
		raw:     rawOf(conn),
		cfg:     cfg.Complete(),
		preread: preread,
	}
	_, c.records = conn.(wrapper)
	c.maxLine.Store(int64(c.cfg.MaxLine))
	c.maxQueue.Store(int64(c.cfg.MaxQueueBytes))
	return c
}

// Run reads until the connection ends and returns the one reason. The end of
// ctx closes with shutdown, or with the reason that its cause carries. When
// the end is graceful, what is queued is flushed within DrainTimeout. The
// connection is closed, and every goroutine of it gone, when Run returns.
func (c *Conn) Run(ctx context.Context, h Handler) mining.Reason {
	stop := c.begin(ctx, h)
	c.read()
	return c.finish(stop)
}

// Go is Run in goroutines of the connection's own, the last of which calls
// done. Once the connection is steady its life goes on in a fresh one: a
// handshake needs a larger stack than waiting does, and the collector halves
// stacks that are hardly used, but not to the least there is.
func (c *Conn) Go(ctx context.Context, h Handler, done func(mining.Reason)) {
	go func() {
		stop := c.begin(ctx, h)
		c.after = func() { done(c.finish(stop)) }
		if !c.read() {
			c.after()
		}
	}()
}

// rest is the life of a steady connection.
func (c *Conn) rest() {
	if c.raw != nil {
		c.readRaw()
	} else {
		c.readConn()
	}
	c.after()
}

// begin prepares a connection for reading; stop undoes what watches ctx.
func (c *Conn) begin(ctx context.Context, h Handler) (stop func() bool) {
	c.handler = h
	setOptions(c.conn, c.cfg.SocketBuffer)
	c.start()
	if ctx.Done() == nil {
		return func() bool { return false }
	}
	c.wg.Add(1)
	return context.AfterFunc(ctx, func() {
		defer c.wg.Done()
		c.Close(shutdownReason(ctx))
	})
}

// start lets out what was sent before. From here on the descriptor is
// written to without a detour: what package net does around a write(2) costs a
// tenth of one, in caches that a fan-out finds cold.
func (c *Conn) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw != nil {
		c.open = c.raw.Control(func(fd uintptr) { c.fd = fd }) == nil
	}
	c.pump()
}

// Close ends the connection for the reason after what is queued has left. The
// first reason wins.
func (c *Conn) Close(reason mining.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(reason)
}

// Cut ends the connection for the reason at once: what is queued does not leave, and
// nobody waits for a peer that takes nothing. The first reason wins.
func (c *Conn) Cut(reason mining.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail(reason)
}

// Done is closed as soon as the end has a reason: Close was called, the
// context ended, the peer left or a write went wrong. While Line blocks
// nothing is read, so a peer that leaves is not noticed until it returns.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.reason != "" {
			close(c.done)
		}
	}
	return c.done
}

// Wake makes the reader call Tick soon.
func (c *Conn) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == "" && !c.finished {
		c.woken = true
		c.interrupt()
	}
}

// SetMaxLine sets the longest line in bytes from the next line on.
func (c *Conn) SetMaxLine(n int) { c.maxLine.Store(int64(n)) }

// SetMaxQueue sets how many bytes may wait for the peer from the next Send on.
func (c *Conn) SetMaxQueue(n int) { c.maxQueue.Store(int64(n)) }

// SetSteady says that the peer waits for its answers and is not of the kind
// that sends everything and hangs up: from the next read on a read whose
// answer has left is taken for the end of what is there.
func (c *Conn) SetSteady() { c.steady.Store(true) }

// Warm reads beside what a Send looks at first, so that a loop over many connections can
// have several of them on their way from memory at once. It changes nothing.
func (c *Conn) Warm() bool { return c.cfg != nil && !c.ended.Load() }

// Stats returns the figures so far.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		BytesIn:      c.bytesIn.Load(),
		LinesIn:      c.linesIn.Load(),
		BytesOut:     c.bytesOut,
		FramesOut:    c.framesOut,
		QueuedBytes:  c.queue.bytes() + c.flyingBytes,
		QueuedFrames: c.queue.len() + c.flyingFrames,
	}
}

// end sets the reason if there is none and wakes the reader; c.mu is held.
func (c *Conn) end(reason mining.Reason) {
	if c.reason != "" {
		return
	}
	c.reason = reason
	c.ended.Store(true)
	if c.done != nil {
		close(c.done)
	}
	if reason == mining.SlowConsumer {
		c.cfg.Metrics.SlowConsumers.Add(1)
	}
	c.interrupt()
	c.answerWithin(time.Now().Add(c.cfg.DrainTimeout))
}

// interrupt makes a read that waits, or the next one, return; c.mu is held.
// The reader sets its deadlines under c.mu too, so none is lost.
func (c *Conn) interrupt() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) }

// finish flushes what is queued, waits for every goroutine and hangs up.
func (c *Conn) finish(stop func() bool) mining.Reason {
	if stop() {
		c.wg.Done()
	}
	c.mu.Lock()
	c.corked.Store(false)
	c.pump()
	c.finished = true
	if c.draining && !c.abrupt {
		c.drainBy = time.Now().Add(c.cfg.DrainTimeout)
		c.setWriteDeadline()
	}
	c.mu.Unlock()
	c.wg.Wait()
	c.mu.Lock()
	reason, abrupt := c.reason, c.abrupt
	c.mu.Unlock()
	c.hangUp(abrupt)
	return reason
}
