package serve

import (
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/turns"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// Conn is one miner's connection: a session and the wire under it.
//
// What work that comes for the miner looks at comes first; see [wire.Conn].
type Conn struct {
	// Static after construction; the session is driven with mu held.
	server  *Server
	wire    *wire.Conn
	session *downstream.V1

	// Guarded by mu.
	mu sync.Mutex
	// reading is true while the reader is between the first line of a read
	// and its Flush, but for its waits: what is said then leaves with that
	// Flush. waiting is true during such a wait.
	reading, waiting bool
	// voice is lent while something is said that has not been sent; else nil.
	voice *voice

	// Static after construction.
	miner mining.Miner
	since time.Time

	// Guarded by mu.
	// wake has room for one signal, the answer that unblocks the reader; nil
	// unless it waits.
	wake chan struct{}
	// late is what was answered by [Conn.Answer] and the watch does not know yet.
	late late

	// Owned by the reader: its turn; whether it has a worker; and whether it says more
	// than is listened to.
	turn        turns.Turn
	known, loud bool
	// Also: what the session had counted at the last line, and the
	// difficulty that the miner had.
	malformed, unsupported uint64
	difficulty             work.Difficulty
	// earned says that a share of it was accepted.
	earned bool
	// replied is when the last reply to a share of the read in progress was made, if
	// that is timed.
	replied time.Time
}

// closing is the error with which a line ends its connection.
type closing struct{ reason mining.Reason }

func (e *closing) Error() string         { return "connection ends: " + string(e.reason) }
func (e *closing) Reason() mining.Reason { return e.reason }

// Miner is what everybody may know of the connection.
func (c *Conn) Miner() *mining.Miner { return &c.miner }

// welcome gives a miner with an authorized worker the longer lines, and takes
// it for one that stays. login is what it has asked for last.
func (c *Conn) welcome(login string) {
	c.mu.Lock()
	info := c.session.Info()
	c.mu.Unlock()
	workers := info.Workers
	if len(workers) == 0 {
		return
	}
	if !c.known && c.server.deps.Tell != nil {
		c.server.deps.Tell(&c.miner, arrivalOf(c, login, info.UserAgent))
	}
	c.known = true
	c.wire.SetMaxLine(c.server.cfg.Wire.MaxLine)
	c.wire.SetMaxQueue(c.server.cfg.Wire.MaxQueueBytes)
	c.wire.SetSteady()
	if settled := c.server.deps.Settled; settled != nil && slices.Contains(workers, login) {
		if reason := settled(&c.miner, login); reason != "" {
			c.wire.Close(reason)
		}
	}
}

// earn tells that a share was accepted, once.
func (c *Conn) earn() {
	if c.earned {
		return
	}
	c.earned = true
	if earned := c.server.deps.Earned; earned != nil {
		earned(&c.miner)
	}
}

// hold keeps the reader until the connection ends, while answers still go out.
func (c *Conn) hold() {
	c.server.deps.House.Flush(&c.miner)
	c.mu.Lock()
	c.reading = false
	c.send()
	c.mu.Unlock()
	c.wire.Uncork()
	c.turn.Give()
	<-c.wire.Done()
}

// await holds the reader while the session cannot take another line. What
// was said so far goes out first.
func (c *Conn) await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.session.Blocked() {
		return
	}
	c.replied = time.Time{} // what is written now is no measure
	wake := make(chan struct{}, 1)
	c.reading, c.waiting, c.wake = false, true, wake
	defer func() { c.reading, c.waiting, c.wake = true, false, nil }()
	c.send()
	c.wire.Uncork()
	c.turn.Give()
	timeout := time.NewTimer(c.server.cfg.AnswerTimeout)
	defer timeout.Stop()
	for c.session.Blocked() {
		c.mu.Unlock()
		ended, late := false, false
		select {
		case <-wake:
		case <-c.wire.Done():
			ended = true
		case <-timeout.C:
			late = true
		}
		c.mu.Lock()
		switch {
		case ended || !c.session.Blocked():
			return
		case late:
			// Under c.mu, so that an answer which comes now is not sent.
			c.wire.Close(mining.PoolUnreachable)
			return
		}
	}
}

// Flush ends a read: held work and everything said leave in one write.
func (c *Conn) Flush() {
	c.loud = false
	defer c.turn.Give()
	c.server.deps.House.Flush(&c.miner)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
	c.session.Flush(c.out())
	c.send()
	c.stopWatch()
}

// Tick asks the session for its deadlines; see [wire.Handler].
func (c *Conn) Tick(now time.Time) (mining.Reason, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Tick(now)
}

// Work gives the miner new work. It may be called from any goroutine and
// never blocks.
func (c *Conn) Work(a mining.Assignment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.Work(a)
	if !c.reading {
		c.render(a.Work)
		c.send()
	}
}

// Warm reads beside what Work will need; see [wire.Conn.Warm]. It may be called from any
// goroutine, and never blocks.
func (c *Conn) Warm() bool { return c.wire.Warm() && c.session.Warm() }

// Answer answers an earlier request. It may be called from any goroutine
// and never blocks.
func (c *Conn) Answer(a mining.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	blocked := c.session.Blocked()
	c.session.Answer(a, c.out())
	c.late.add(a, blocked && !c.session.Blocked())
	if a.Close != "" {
		defer c.wire.Close(a.Close)
	}
	if !c.reading {
		// While the reader waits in the middle of a read, more of the
		// miner's requests may be in hand: work waits for the read's Flush.
		if !blocked {
			c.session.Flush(c.out())
		}
		c.send()
	}
	if c.waiting && !c.session.Blocked() {
		// The read goes on from here, not from when the reader wakes: what
		// comes in between must not overtake the requests in hand.
		c.reading = true
		c.wire.Cork()
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// SetExtranonce tells the miner a new extranonce1 and size (bytes) before
// its next work. It is false when this miner cannot follow.
func (c *Conn) SetExtranonce(en1 work.Extranonce, size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.SetExtranonce(en1, size)
}

// Gather has what is said wait from true to false, so that it leaves in one write. It
// may be called from any goroutine and never blocks.
func (c *Conn) Gather(on bool) { c.wire.Gather(on) }

// Follows says that the miner can be told another extranonce1.
func (c *Conn) Follows() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Follows()
}

// Close ends the connection for the reason after what is queued has left.
// It may be called from any goroutine and does not wait.
func (c *Conn) Close(reason mining.Reason) { c.wire.Close(reason) }

// Cut is Close that waits for nothing to leave.
func (c *Conn) Cut(reason mining.Reason) { c.wire.Cut(reason) }

// out is where the session speaks; c.mu is held.
func (c *Conn) out() *downstream.Out {
	if c.voice == nil {
		c.voice, _ = c.server.outs.Get().(*voice)
	}
	return &c.voice.out
}

// send hands everything said to the wire; c.mu is held.
func (c *Conn) send() {
	v := c.voice
	if v == nil {
		return
	}
	v.frames = v.frames[:0]
	for _, f := range v.out.Frames() {
		v.frames = append(v.frames, wire.Frame{Class: classOf(f.Class), Key: f.Key, Data: f.Data})
	}
	if len(v.frames) > 0 {
		c.wire.Send(v.frames...)
	}
	v.out.Reset()
	clear(v.frames) // they alias what Reset may have let go
	c.voice = nil
	c.server.outs.Put(v)
}

// classOf maps what a session says onto how the wire queues it.
func classOf(class downstream.Class) wire.Class {
	switch class {
	case downstream.Setting:
		return wire.Setting
	case downstream.Job:
		return wire.Update
	case downstream.CleanJob:
		return wire.Reset
	case downstream.Gate:
		return wire.Anchor
	default:
		return wire.Reply
	}
}

// State is a snapshot of a connection for readers.
type State struct {
	Miner   *mining.Miner
	Since   time.Time
	Session downstream.Info
	Wire    wire.Stats
}

// State takes a snapshot.
func (c *Conn) State() State {
	c.mu.Lock()
	info := c.session.Info()
	c.mu.Unlock()
	return State{Miner: &c.miner, Since: c.since, Session: info, Wire: c.wire.Stats()}
}
