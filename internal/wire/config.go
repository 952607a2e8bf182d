package wire

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Class says how a frame behaves while it waits to be sent.
type Class uint8

// The classes of frame.
const (
	// Reply is never dropped. A Reset may overtake it, nothing else.
	Reply Class = iota
	// Setting replaces an older unsent Setting of the same Key if no Update
	// and no Reset stands between the two.
	Setting
	// Update is kept until a Reset comes.
	Update
	// Reset removes all older unsent Updates and Resets, and then the
	// Settings which that made obsolete. Where the peer keeps frames waiting,
	// it goes ahead of the Replies that have not begun to leave, with the
	// Settings that are left directly before it.
	Reset
	// Anchor is a reply that nothing overtakes: whatever is sent after it
	// leaves after it.
	Anchor
)

// Frame is one message to send.
type Frame struct {
	Class Class
	// Key tells Settings apart.
	Key uint8
	// Data is the whole message, line end included. Send copies it.
	Data []byte
}

// Handler is what a connection drives. Line, Flush and Tick are called by
// its reader alone, in [Conn.Run] or of [Conn.Go], never two at a time.
type Handler interface {
	// Line takes one complete line without its LF or CRLF. It aliases the
	// read buffer and is valid until Line returns. Empty lines are skipped.
	// A non-nil error ends the connection after what is queued has left; it
	// may carry a reason: interface{ Reason() mining.Reason }, found by
	// errors.As. Without one the reason is internal_error.
	//
	// Line may block, for instance until a pool answers. It then calls
	// [Conn.Uncork] first, and gives up when [Conn.Done] is closed.
	Line(line []byte) error
	// Flush is called once after the last complete line of one read, also
	// when one of its lines returned an error.
	Flush()
	// Tick is asked once at the start, when the time it last named has come,
	// and after [Conn.Wake]. A non-empty reason ends the connection; a zero
	// time means no timer.
	Tick(now time.Time) (mining.Reason, time.Time)
}

// Config bounds a connection. A zero field takes its default.
type Config struct {
	// MaxLine is the longest line in bytes, LF not counted; 16 KiB.
	MaxLine int
	// MaxQueueBytes bounds what waits for the peer; 256 KiB.
	MaxQueueBytes int
	// MaxQueueFrames bounds how many frames wait for the peer; 4096.
	MaxQueueFrames int
	// MaxQueueAge is how long a frame may wait for the peer; 10 s.
	MaxQueueAge time.Duration
	// SocketBuffer is how many bytes the kernel may keep of what the peer has sent and
	// we have not read, and as many of what it has not read. 0 leaves both to the system,
	// which lets a peer fill tens of megabytes that no other bound here sees, and that all
	// sockets of the machine have in common. The system rounds up, and doubles it for
	// what it needs itself.
	SocketBuffer int
	// DrainTimeout bounds the last flush of a graceful end; 2 s.
	DrainTimeout time.Duration
	// Metrics may be shared by any number of connections.
	Metrics Metrics
	// TimeOneIn is of how many reads one is timed; 0 is none.
	TimeOneIn int

	complete bool // nothing is zero
}

// Complete is c, or a copy of it with what is zero filled in. Connections that
// are given the result share it.
func (c *Config) Complete() *Config {
	if c.complete {
		return c
	}
	full := *c
	set(&full.MaxLine, 16<<10)
	set(&full.MaxQueueBytes, 256<<10)
	set(&full.MaxQueueFrames, 4096)
	set(&full.MaxQueueAge, 10*time.Second)
	set(&full.DrainTimeout, 2*time.Second)
	full.Metrics = full.Metrics.defaults()
	full.complete = true
	return &full
}

// set gives a number its default.
func set[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Adder counts amounts.
type Adder interface{ Add(float64) }

// Metrics are what connections count; nil members count nothing.
type Metrics struct {
	// BytesIn and BytesOut count what sockets took and gave.
	BytesIn, BytesOut Adder
	// LinesIn counts complete lines handed to a handler; FramesOut frames
	// the kernel took whole.
	LinesIn, FramesOut Adder
	// Superseded counts frames that a newer one made needless.
	Superseded Adder
	// Dropped counts frames that an end left unsent.
	Dropped Adder
	// SlowConsumers counts connections that ended as one.
	SlowConsumers Adder
	// Slow is how many connections' peers keep lines waiting.
	Slow Adder
	// Written takes the time in seconds from what a handler marks until what the read
	// brought about is written; see [Conn.Mark].
	Written Observer
}

// Observer takes measurements.
type Observer interface{ Observe(v float64) }

// defaults replaces nil members.
func (m Metrics) defaults() Metrics {
	for _, a := range []*Adder{&m.BytesIn, &m.BytesOut, &m.LinesIn, &m.FramesOut, &m.Superseded, &m.Dropped, &m.SlowConsumers, &m.Slow} {
		if *a == nil {
			*a = nothing{}
		}
	}
	if m.Written == nil {
		m.Written = nothing{}
	}
	return m
}

// nothing counts nothing.
type nothing struct{}

func (nothing) Add(float64)     {}
func (nothing) Observe(float64) {}

// Stats are one connection's figures.
type Stats struct {
	BytesIn, BytesOut  uint64
	LinesIn, FramesOut uint64
	// QueuedBytes and QueuedFrames wait for the peer now.
	QueuedBytes, QueuedFrames int
}
