package downstream

import (
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// Class says what may become of a frame that waits to be sent.
type Class uint8

// The classes of frames.
const (
	// Reply answers a request and is never dropped. A CleanJob may overtake it.
	Reply Class = iota
	// Setting is replaced by a newer setting of the same key as long as no
	// job stands between the two.
	Setting
	// Job is a notify that leaves earlier jobs valid.
	Job
	// CleanJob is a notify that replaces earlier jobs that still wait.
	CleanJob
	// Gate answers a handshake's request: firmware takes the next line for
	// that answer, so nothing may overtake it.
	Gate
)

// String names the class.
func (c Class) String() string {
	switch c {
	case Reply:
		return "reply"
	case Setting:
		return "setting"
	case Job:
		return "job"
	case CleanJob:
		return "clean_job"
	case Gate:
		return "gate"
	}
	return "unknown"
}

// The keys of the settings: a newer one replaces an older one of its key.
const (
	KeyDifficulty uint8 = iota + 1
	KeyVersionMask
	KeyExtranonce
)

// Frame is one whole line to send, its '\n' included.
type Frame struct {
	Class Class
	// Key tells settings apart; it is 0 for other classes.
	Key uint8
	// Data aliases the memory of the [Out] it came from, or is shared by many
	// miners: it must not be changed.
	Data []byte
}

// Out gathers what a session wants sent, in order. The zero Out is ready.
// Its frames are valid until the next call of Reset.
type Out struct {
	buf   []byte
	marks []mark
	list  []Frame

	refused []Refused

	// What a line in hand needs: the message, empty between lines, and the
	// request that became of it.
	msg sv1.Message
	req mining.Request
}

// mark is a frame by its end in buf, which may still move while it grows, or
// one whose bytes are shared.
type mark struct {
	end    int
	class  Class
	key    uint8
	shared []byte
}

// Keeping more than this after Reset would let one burst hold memory for good.
const maxKept = 64 << 10

// Reset forgets all frames and keeps the memory, unless it grew large.
func (o *Out) Reset() {
	if cap(o.buf) > maxKept {
		*o = Out{}
		return
	}
	clear(o.refused)
	clear(o.marks)
	clear(o.list)
	o.buf, o.marks, o.list, o.refused = o.buf[:0], o.marks[:0], o.list[:0], o.refused[:0]
}

// Frames returns the frames in the order in which they are to be sent.
func (o *Out) Frames() []Frame {
	o.list = o.list[:0]
	start := 0
	for _, m := range o.marks {
		data := m.shared
		if data == nil {
			data = o.buf[start:m.end:m.end]
			start = m.end
		}
		o.list = append(o.list, Frame{Class: m.class, Key: m.key, Data: data})
	}
	return o.list
}

// Refused is a share that the session answered itself: it never became a
// request, so it is up to the driver to book it.
type Refused struct {
	// Worker is nil when the share was of no worker of this connection.
	Worker *mining.Worker
	// Verdict is Unauthorized, Invalid or JobNotFound.
	Verdict mining.Verdict
}

// Refused lists the shares that the session refused itself, in order. It is
// valid until the next call of Reset.
func (o *Out) Refused() []Refused { return o.refused }

// answer closes a frame that answers a request.
func (o *Out) answer(gate bool) {
	class := Reply
	if gate {
		class = Gate
	}
	o.end(class, 0)
}

// end closes the frame whose bytes were appended to buf.
func (o *Out) end(class Class, key uint8) {
	o.marks = append(o.marks, mark{end: len(o.buf), class: class, key: key})
}

// share appends a frame of bytes that others have too; they are not copied.
func (o *Out) share(line []byte, class Class) {
	o.marks = append(o.marks, mark{class: class, shared: line})
}
