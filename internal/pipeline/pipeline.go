package pipeline

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Handler answers a miner's requests. It never waits for anybody: where the
// answer needs somebody else's word its verdict is [mining.Pending] and the
// answer follows by the same ticket.
type Handler interface {
	Handle(m *mining.Miner, req *mining.Request) mining.Answer
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(m *mining.Miner, req *mining.Request) mining.Answer

// Handle calls f.
func (f HandlerFunc) Handle(m *mining.Miner, req *mining.Request) mining.Answer { return f(m, req) }

// Middleware stands between a session and the last handler. It answers a
// request itself or hands it, perhaps completed, to the next handler. It may
// also be an [Enterer], a [Leaver] and a [Watcher].
type Middleware interface {
	// Name is the middleware's word in configuration, logs, metrics and docs.
	Name() string
	// Wrap returns the handler that stands before next. It is called once. slot
	// is where the middleware finds what its Enter made of a miner.
	Wrap(next Handler, slot Slot) Handler
}

// Enterer is a middleware that keeps something of each connection.
type Enterer interface {
	// Enter returns it, before the miner's first request. A pointer is best:
	// [Kept] finds it.
	Enter(m *mining.Miner, now time.Time) any
}

// Leaver is a middleware that is told when a connection has ended.
type Leaver interface {
	// Leave is called after everything else about the miner. state is what Enter
	// returned.
	Leave(m *mining.Miner, state any, reason mining.Reason)
}

// Watcher is a middleware that is told of what never became a request.
type Watcher interface {
	// Watch takes an event and says what is to be done about the connection.
	// state is what Enter returned.
	Watch(m *mining.Miner, state any, e Event) Reaction
}

// EventKind says what an [Event] is about.
type EventKind uint8

// The kinds of event.
const (
	// Answered: a line that the session answered by itself and that is nothing
	// remarkable, such as a ping or a login that it has already.
	Answered EventKind = iota + 1
	// Malformed: a line that cannot be read.
	Malformed
	// Unsupported: a line with a method that is not known.
	Unsupported
	// Refused: a share that the session refused, with Verdict.
	Refused
	// Late: verdicts on requests whose answer had been pending. Of is Submit or
	// Authorize.
	Late
	// Retargeted: the miner was told another difficulty since its last line.
	Retargeted
)

// Event is something about a connection that never was a request.
type Event struct {
	Kind EventKind
	// At is when it was seen.
	At time.Time
	// Of is the kind of request that a Late or Refused is about.
	Of mining.RequestKind
	// Verdict is that of a Refused or Late.
	Verdict mining.Verdict
	// Worker is whose share was Refused; nil is nobody's of the connection.
	Worker *mining.Worker
	// Times is how many alike there were, at least 1.
	Times int
}

// Reaction is what is to be done about a connection; see [mining.Answer]. The
// zero Reaction is nothing.
type Reaction struct {
	Close mining.Reason
	Hold  time.Duration
}

// Add puts two reactions together: the first reason, the longer hold.
func (r Reaction) Add(o Reaction) Reaction {
	if r.Close == "" {
		r.Close = o.Close
	}
	r.Hold = max(r.Hold, o.Hold)
	return r
}

// Into puts a reaction into an answer that may have one already.
func (r Reaction) Into(a mining.Answer) mining.Answer {
	if a.Close == "" {
		a.Close = r.Close
	}
	a.Hold = max(a.Hold, r.Hold)
	return a
}

// Slot is a middleware's place in [mining.Miner.Slots].
type Slot int

// Of returns what the middleware keeps of a miner, nil where there is nothing.
func (s Slot) Of(m *mining.Miner) any {
	if m == nil || int(s) >= len(m.Slots) {
		return nil
	}
	return m.Slots[s]
}

// Kept is the *T in a middleware's slot of a miner, nil where there is none.
func Kept[T any](m *mining.Miner, s Slot) *T {
	p, _ := s.Of(m).(*T)
	return p
}

// Refuse is the answer that refuses a request for the given reason.
func Refuse(req *mining.Request, v mining.Verdict) mining.Answer {
	return mining.Answer{Ticket: req.Ticket, Verdict: v}
}

// Counter counts. A nil Counter in a middleware's Metrics counts nothing.
type Counter interface{ Inc() }

// Count counts one, and nothing where c is nil.
func Count(c Counter) {
	if c != nil {
		c.Inc()
	}
}
