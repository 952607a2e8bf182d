package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// Config is what a session is given once. Zero durations and counts take the
// defaults that the fields name.
type Config struct {
	// Pool is the configured name of the pool; every job carries it.
	Pool string
	// UserAgent is what we call ourselves; at most 128 bytes of it are sent.
	UserAgent string
	// VersionMask is what we ask to roll; 0 asks for nothing (no configure).
	VersionMask work.VersionMask
	// SuggestDifficulty is what we ask the pool for once subscribed; 0 asks for
	// nothing. [V1.SuggestDifficulty] asks later, or for something else.
	SuggestDifficulty work.Difficulty

	// HandshakeTimeout bounds the wait for the subscribe reply (15 s).
	HandshakeTimeout time.Duration
	// ConfigureTimeout bounds the wait for the configure reply, counted from
	// the subscribe reply (3 s). It ends nothing: the mask counts as 0 until
	// the pool says otherwise.
	ConfigureTimeout time.Duration
	// SubmitTimeout is when a submit or authorize counts as unanswered (30 s).
	SubmitTimeout time.Duration
	// SilenceTimeout is how long a pool may say nothing at all (90 s).
	SilenceTimeout time.Duration
	// MaxPending bounds the requests that await an answer (4096).
	MaxPending int
}

func (c Config) withDefaults() Config {
	c.UserAgent = shown([]byte(c.UserAgent[:min(len(c.UserAgent), maxUserAgent)]))
	c.HandshakeTimeout = orDefault(c.HandshakeTimeout, 15*time.Second)
	c.ConfigureTimeout = orDefault(c.ConfigureTimeout, 3*time.Second)
	c.SubmitTimeout = orDefault(c.SubmitTimeout, 30*time.Second)
	c.SilenceTimeout = orDefault(c.SilenceTimeout, 90*time.Second)
	if c.MaxPending <= 0 {
		c.MaxPending = 4096
	}
	return c
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

const (
	// maxLine bounds a line of a pool, in bytes: the longest job that can be used has 36 KiB.
	maxLine = 64 << 10
	// maxEmit bounds a line to a pool with its line feed, in bytes: ckpool
	// closes on more than 1024.
	maxEmit = 1023
	// maxUserAgent bounds what we call ourselves, in bytes.
	maxUserAgent = 128
	// maxQueuedLogins bounds the authorizes that wait for the subscribe reply.
	maxQueuedLogins = 1024
	// maxBadLines bad lines within badLineWindow end a session.
	maxBadLines   = 5
	badLineWindow = time.Minute
	// startDifficulty counts until the pool says otherwise.
	startDifficulty = 1
)

// State is where a session is in its life.
type State uint8

// The states of a session.
const (
	// Idle: made, not started. Only Authorize and Start mean anything.
	Idle State = iota
	// Opening: started, no subscribe reply yet.
	Opening
	// Steady: subscribed.
	Steady
	// Closed: ended by an error, a deadline or Abandon. Nothing has an effect.
	Closed
)

// String names the state as logs do.
func (s State) String() string {
	names := [...]string{"idle", "opening", "steady", "closed"}
	if int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

type login struct {
	name, password string
	tag            uint64
}

// V1 is one Stratum V1 conversation with a pool. See the package comment.
type V1 struct {
	cfg Config // with its defaults, never changed

	state   State
	started time.Time
	opened  time.Time // subscribe reply
	heard   time.Time // latest line

	en1        work.Extranonce
	en2Size    int
	difficulty work.Difficulty
	mask       work.VersionMask // already ANDed with cfg.VersionMask
	maskKnown  bool
	last       *mining.Job
	held       *mining.Job // came before the subscribe reply

	asks    asks
	logins  []login         // wait for the subscribe reply
	suggest work.Difficulty // waits for the subscribe reply, 0 for nothing
	local   []Event         // verdicts of our own, told at the next Line or Tick
	localAt time.Time       // when the first of local was made

	bad    [maxBadLines]time.Time // ring of the latest bad lines' times
	counts Counts

	msg     sv1.Message // scratch of Line
	scratch scratch

	// What a call in progress works on.
	now    time.Time
	events []Event
	out    []byte
}

// Counts are a session's totals since its start.
type Counts struct {
	// Lines are lines heard, empty ones too.
	Lines uint64
	// BadLines are lines that were skipped.
	BadLines uint64
	// UnknownReplies are replies to nothing that was asked, second replies
	// among them.
	UnknownReplies uint64
	// Ignored are notifications that mean nothing to us.
	Ignored uint64
	// Jobs are jobs told.
	Jobs uint64
	// Submits are shares sent.
	Submits uint64
}

// NewV1 makes a session. Nothing happens before [V1.Start].
func NewV1(cfg Config) *V1 {
	cfg = cfg.withDefaults()
	return &V1{cfg: cfg, asks: newAsks(cfg.MaxPending), difficulty: startDifficulty, suggest: cfg.SuggestDifficulty}
}

// Start begins the conversation: mining.configure where a mask is wanted, and
// mining.subscribe, without waiting between them. A second Start does nothing.
func (s *V1) Start(now time.Time, out []byte) []byte {
	if s.state != Idle {
		return out
	}
	s.state, s.started, s.heard = Opening, now, now
	if s.cfg.VersionMask != 0 {
		out = s.appendConfigure(out, s.asks.put(askConfigure, 0, now))
	} else {
		s.maskKnown = true
	}
	return s.appendSubscribe(out, s.asks.put(askSubscribe, 0, now))
}

// Authorize names a worker, any number of them. Before the subscribe reply it
// is kept and sent right after it; a tag that cannot be sent is answered by
// an Authorized event of ours at the next Line or Tick.
func (s *V1) Authorize(name, password string, tag uint64, now time.Time, out []byte) []byte {
	switch s.state {
	case Idle, Opening:
		if len(s.logins) >= maxQueuedLogins {
			s.refuse(Authorized, tag, now, "too many logins wait for the pool")
			return out
		}
		s.logins = append(s.logins, login{name: name, password: password, tag: tag})
	case Steady:
		return s.sendLogin(login{name: name, password: password, tag: tag}, now, out)
	case Closed:
	}
	return out
}

// Line handles one line of the pool, without its line feed. What came of it
// is appended to events, what is to be sent to out. The error is a
// *[CloseError] and final. Line keeps no part of the line.
func (s *V1) Line(line []byte, now time.Time, events []Event, out []byte) ([]Event, []byte, error) {
	if s.state == Idle || s.state == Closed {
		return events, out, nil
	}
	s.now, s.events, s.out = now, s.flushLocal(events), out
	s.heard = now
	s.counts.Lines++
	err := s.handle(line)
	if err != nil {
		s.state = Closed
	}
	events, out = s.flushLocal(s.events), s.out
	s.events, s.out = nil, nil
	return events, out, err
}

// Tick handles what time alone brings. reason, when not empty, ends the
// session. next is when Tick wants to be called again, zero for never; a time
// in the past is at once.
func (s *V1) Tick(now time.Time, events []Event) (_ []Event, reason mining.Reason, next time.Time) {
	events = s.flushLocal(events)
	switch {
	case s.state == Idle || s.state == Closed:
		return events, "", time.Time{}
	case s.state == Opening && now.Sub(s.started) >= s.cfg.HandshakeTimeout:
		s.state = Closed
		return events, mining.PoolHandshakeTimeout, time.Time{}
	case now.Sub(s.heard) >= s.cfg.SilenceTimeout:
		s.state = Closed
		return events, mining.PoolSilent, time.Time{}
	}
	if s.state == Steady && !s.maskKnown && now.Sub(s.opened) >= s.cfg.ConfigureTimeout {
		s.maskKnown = true
		events = append(events, Event{Kind: Mask, VersionMask: s.mask})
	}
	for {
		oldest, ok := s.asks.oldest()
		if !ok || now.Sub(oldest.at) < s.cfg.SubmitTimeout {
			break
		}
		if given := s.asks.giveUp(oldest); given.tagged() {
			events = append(events, given.unanswered(now, "no answer of the pool in time"))
		}
	}
	s.asks.expireLate(now)
	return events, "", s.Deadline()
}

// Deadline is when Tick wants to be called next, zero for never. Line,
// Authorize and Submit may bring it closer.
func (s *V1) Deadline() time.Time {
	if len(s.local) > 0 {
		return s.localAt
	}
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	switch s.state {
	case Idle, Closed:
		return next
	case Opening:
		sooner(s.started.Add(s.cfg.HandshakeTimeout))
	case Steady:
		if !s.maskKnown {
			sooner(s.opened.Add(s.cfg.ConfigureTimeout))
		}
	}
	sooner(s.heard.Add(s.cfg.SilenceTimeout))
	if oldest, ok := s.asks.oldest(); ok {
		sooner(oldest.at.Add(s.cfg.SubmitTimeout))
	}
	return next
}

// Abandon ends the session from our side: every submit that still waits for
// its first verdict gets Unanswered. Logins get none; they may be named again
// to another pool.
func (s *V1) Abandon(now time.Time, events []Event) []Event {
	events = s.flushLocal(events)
	s.state = Closed
	s.logins = nil
	for {
		oldest, ok := s.asks.oldest()
		if !ok {
			return events
		}
		given := s.asks.giveUp(oldest)
		if given.kind == askSubmit {
			events = append(events, given.unanswered(now, "the connection to the pool ended"))
		}
	}
}
