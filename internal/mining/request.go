package mining

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/loka/stratum/work"
)

// RequestKind says what a miner asks for.
type RequestKind uint8

// The kinds of request that a session cannot answer alone.
const (
	// Negotiate asks which version bits may be rolled.
	Negotiate RequestKind = iota + 1
	// Open asks for an extranonce and work.
	Open
	// Authorize names a worker.
	Authorize
	// Submit hands in a share.
	Submit
	// Suggest tells which difficulty the miner would like. The session has
	// answered it: it is told, not asked, and its [Answer] is not looked at.
	Suggest
)

// String names the kind as logs and metrics do.
func (k RequestKind) String() string {
	switch k {
	case Negotiate:
		return "negotiate"
	case Open:
		return "open"
	case Authorize:
		return "authorize"
	case Submit:
		return "submit"
	case Suggest:
		return "suggest"
	}
	return "unknown"
}

// Request is what a downstream session asks of the house. The session owns
// it: it is valid until the handler returns, and whoever keeps a part of it
// longer copies that part.
type Request struct {
	Kind RequestKind
	// Ticket is the session's own number of the request; the [Answer]
	// carries it back.
	Ticket uint64
	// At is when the request's line was read.
	At time.Time

	// VersionMask is what the miner wants to roll (Negotiate).
	VersionMask work.VersionMask

	// UserAgent is what the miner calls itself (Open); untrusted, bounded.
	UserAgent string

	// Floor is the least difficulty that the miner's firmware can be told; 0
	// is no such bound (Open).
	Floor work.Difficulty
	// Difficulty is what the miner would like (Suggest).
	Difficulty work.Difficulty
	// Worker is who authorizes or submits. For Authorize only Login is set
	// by the session; the identity middleware fills the rest. For Submit it is
	// nil where this connection did not authorize the name that came: the
	// share has been refused, and its [Answer] is not looked at, but it has to
	// be booked and it may be a block.
	Worker *Worker
	// Password is the miner's (Authorize). It never reaches a pool or a log.
	Password Secret
	// NoOptions says that what the password asks for has no effect (Authorize).
	NoOptions bool

	// Share is what is submitted (Submit).
	Share Share

	// Doubted says that the miner has misbehaved: its share is refused as
	// Unauthorized whatever it is worth, unless it is a block (Submit). A pool that
	// judges shares itself is asked as ever.
	Doubted bool

	// Mark is when the step before the one in progress was over, for a share whose steps
	// are timed; zero for all others. Who ends a step moves it.
	Mark time.Time
	// Trace follows the share; nil is not followed (Submit).
	Trace Trace

	// Skip has a bit for each middleware that lets the request pass unseen; the
	// chain of middlewares sets it, by the miner's route.
	Skip uint64
}

// Answer is the house's reply to a [Request].
type Answer struct {
	Ticket uint64
	// Verdict is Pending when the answer comes later by the same ticket,
	// Accepted when the request is granted, anything else refuses it.
	Verdict Verdict

	// Booked says that the share of this request is in the books already.
	Booked bool
	// Text, if not empty, is what the miner of a refused share or login is told
	// in place of the verdict's usual words.
	Text string
	// Excused says that a refusal is no fault of the miner's: somebody has decided
	// before that it is to be kept out (Authorize), or a pool refuses a share that is
	// worth its difficulty (Submit).
	Excused bool
	// Close, if not empty, ends the connection once the reply has left. Hold keeps
	// the connection's reader for so long, so that the miner is slowed by TCP:
	// replies and jobs go out meanwhile, and nobody else waits.
	Close Reason
	Hold  time.Duration
	// VersionMask is what may be rolled, requested ∧ ours ∧ the pool's
	// (Negotiate); 0 refuses.
	VersionMask work.VersionMask

	// Extranonce1 and Extranonce2Size are the miner's (Open).
	Extranonce1     work.Extranonce
	Extranonce2Size int
}

// Miner is what everybody may know of a downstream connection; the session's
// driver makes it and nobody changes it once requests come.
type Miner struct {
	Arrival

	ID MinerID
	// Seat is where the house keeps what it knows of the miner, so that a
	// share finds it without a lock. It is set once, before the first request.
	Seat any
	// Slots are where middlewares keep what they know of the miner, each its own:
	// only the goroutine that reads the connection may touch what is in them,
	// unless it says otherwise.
	Slots []any
}

// Arrival is what is known of a miner's connection before its first line.
type Arrival struct {
	// Listener is the configured address the miner came in by.
	Listener string
	// Remote is where it came from.
	Remote netip.AddrPort
	// TLS says that it is encrypted. ServerName is the name that the miner asked
	// for then, in lower case; empty is none.
	TLS        bool
	ServerName string
	// ClientName is the name of the certificate that the miner has shown and that
	// was verified; empty is none.
	ClientName string
	// Connect is the target of the HTTP CONNECT that it came by, host:port as
	// steer.Target writes it; empty is none. ConnectRoute is the route that it
	// named there; empty is none.
	Connect, ConnectRoute string
	// Guest is the connection at the door that let it in, for those who know doors;
	// nil is none.
	Guest any
}

// Secret is a string that prints as stars wherever it is formatted or encoded
// as text. A struct that is printed whole must hold it in an exported field:
// fmt does not ask unexported ones how they print.
type Secret string

// String prints stars, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// Format prints what [Secret.String] does, whatever the verb: without it a verb
// that does not fit a string, such as %d, would print the secret itself.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, s.String()) }

// GoString prints stars.
func (s Secret) GoString() string { return s.String() }

// MarshalText prints stars.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself, for the one place that must send it.
func (s Secret) Reveal() string { return string(s) }
