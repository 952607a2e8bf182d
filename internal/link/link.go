package link

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// Events is told what happens on a link. Calls come from the goroutine that
// runs [Link.Run], never with the link's lock held, so the methods of the
// link may be called from them.
type Events interface {
	// LinkEvent tells one thing the pool said. Text in it is safe to log.
	LinkEvent(l *Link, ev upstream.Event)
	// LinkRead says that what was told since the last time is all that has come: what
	// follows from it may leave together.
	LinkRead(l *Link)
	// LinkEnded is the last call for a link. err has the details; it is nil
	// where the reason says all.
	LinkEnded(l *Link, reason mining.Reason, err error)
}

// Watcher looks at what a pool says, and has no part in what comes of it. Calls come
// from the goroutine that runs the link, without its lock.
type Watcher interface {
	// Said is told what [Events] is told next.
	Said(ev upstream.Event)
	// Unasked is told that the pool has answered what was not asked, or was answered
	// before.
	Unasked()
}

// Config is what a link is given once. Zero durations and counts take the
// defaults of package upstream.
type Config struct {
	// ID names the link in logs and the API.
	ID mining.LinkID
	// Pool is the configured name of the pool.
	Pool string
	// Endpoint is where the pool is.
	Endpoint dial.Endpoint
	// Sent says that the pool has sent us there.
	Sent bool
	// UserAgent, VersionMask and SuggestDifficulty are what we say of
	// ourselves and ask for; see [upstream.Config].
	UserAgent         string
	VersionMask       work.VersionMask
	SuggestDifficulty work.Difficulty

	HandshakeTimeout time.Duration
	ConfigureTimeout time.Duration
	SubmitTimeout    time.Duration
	SilenceTimeout   time.Duration
	MaxPending       int
}

func (c Config) session() upstream.Config {
	return upstream.Config{
		Pool:              c.Pool,
		UserAgent:         c.UserAgent,
		VersionMask:       c.VersionMask,
		SuggestDifficulty: c.SuggestDifficulty,
		HandshakeTimeout:  c.HandshakeTimeout,
		ConfigureTimeout:  c.ConfigureTimeout,
		SubmitTimeout:     c.SubmitTimeout,
		SilenceTimeout:    c.SilenceTimeout,
		MaxPending:        c.MaxPending,
	}
}

// Dial opens a connection to a pool. An error that is a *[dial.Error] names
// the link's end; any other ends it with dial_failed.
type Dial func(ctx context.Context, endpoint dial.Endpoint) (net.Conn, error)

// Deps is what a link needs of others.
type Deps struct {
	Dial   Dial
	Events Events
	// Watch may be nil.
	Watch Watcher
	// Logger and Metrics may be nil.
	Logger  *slog.Logger
	Metrics *Metrics
	// Quota may be shared by links; nil is one of the link's own.
	Quota *Quota
	// Breaker is told whether the pool takes the link; nil is nobody. Who runs the
	// link has asked it.
	Breaker *Breaker
	// Wire is how the connection is driven. A MaxLine of 0 is 64 KiB.
	Wire wire.Config
}

// defaultMaxLine bounds a line of a pool, in bytes. The longest that says anything is a job
// with 36 KiB; the beginning of a line is kept until its end comes, on each of very many
// links.
const defaultMaxLine = 64 << 10

// Link is one conversation with a pool, over one connection. Its methods may
// be called from any goroutine.
type Link struct {
	// Never changed.
	cfg     Config
	deps    Deps
	metrics Metrics
	// alarm, if not nil, is asked at each tick by the goroutine in Run and
	// says when it wants to be asked next, zero for never.
	alarm func(now time.Time) time.Time
	// probe says that it is a keeper's.
	probe bool

	// Owned by the goroutine in Run.
	events []upstream.Event
	notes  notes
	cause  error
	taken  bool // the pool has subscribed it

	mu      sync.Mutex
	session *upstream.V1
	conn    *wire.Conn         // nil until dialed and after the end
	cancel  context.CancelFunc // ends the dial under way
	closing mining.Reason      // what Close asked for
	tickAt  time.Time          // when the reader will call Tick next
	out     outbox
	remote  string
	since   time.Time
	// redirected: another link takes its place soon.
	redirected bool
}

// New makes a link. Nothing happens before [Link.Run].
func New(cfg Config, deps Deps) *Link {
	if deps.Wire.MaxLine == 0 {
		deps.Wire.MaxLine = defaultMaxLine
	}
	l := &Link{cfg: cfg, deps: deps, metrics: deps.Metrics.orNone(), session: upstream.NewV1(cfg.session())}
	l.notes.log, l.notes.quota = slog.New(slog.DiscardHandler), deps.Quota
	if deps.Quota == nil {
		l.notes.quota = new(Quota)
	}
	if deps.Logger != nil {
		l.notes.log = deps.Logger.With(slog.String("pool", cfg.Pool), slog.Uint64("link", uint64(cfg.ID)))
	}
	return l
}

// ID is the link's name.
func (l *Link) ID() mining.LinkID { return l.cfg.ID }

// Pool is the pool's configured name.
func (l *Link) Pool() string { return l.cfg.Pool }

// Endpoint is where the link goes.
func (l *Link) Endpoint() dial.Endpoint { return l.cfg.Endpoint }

// Sent says that the pool has sent us to where the link goes.
func (l *Link) Sent() bool { return l.cfg.Sent }

// Redirect says that the link is about to be sent elsewhere. It is false where it
// was so before.
func (l *Link) Redirect() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.redirected
	l.redirected = true
	return !was
}

// strayed says of a link that has ended that the pool sent it where it was not
// taken. The goroutine in Run asks.
func (l *Link) strayed() bool { return l.cfg.Sent && !l.taken }

// Run lives the link's one life: dial, handshake, steady, end. It returns when
// everything of it is gone and LinkEnded has returned. A link runs once.
func (l *Link) Run(ctx context.Context) mining.Reason {
	reason, err := l.live(ctx)
	l.mu.Lock()
	l.conn = nil
	if l.closing == "" {
		l.closing = reason
	}
	l.events = l.session.Abandon(time.Now(), l.events[:0])
	l.mu.Unlock()
	l.tell()
	l.deps.Events.LinkRead(l)
	if !l.taken {
		l.deps.Breaker.ended(reason, l.probe)
	}
	l.metrics.closed(reason)
	l.notes.ended(reason, err)
	l.deps.Events.LinkEnded(l, reason, err)
	return reason
}

// live dials and drives the connection to its end.
func (l *Link) live(ctx context.Context) (mining.Reason, error) {
	conn, reason, err := l.dial(ctx)
	if reason != "" {
		return reason, err
	}
	l.mu.Lock()
	if closing := l.closing; closing != "" {
		l.mu.Unlock()
		_ = conn.Close()
		return closing, nil
	}
	w := wire.New(conn, nil, &l.deps.Wire)
	l.conn, l.since = w, time.Now()
	if addr := conn.RemoteAddr(); addr != nil {
		l.remote = addr.String()
	}
	l.out.lines = l.session.Start(l.since, l.out.lines)
	l.flush()
	l.mu.Unlock()
	reason = w.Run(ctx, driver{l})
	return reason, l.cause
}

// dial opens the connection; a reason says that there is none.
func (l *Link) dial(ctx context.Context) (net.Conn, mining.Reason, error) {
	dialing, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	closing := l.closing
	l.cancel = cancel
	l.mu.Unlock()
	if closing != "" {
		return nil, closing, nil
	}
	conn, err := l.deps.Dial(dialing, l.cfg.Endpoint)
	l.mu.Lock()
	l.cancel = nil
	closing = l.closing
	l.mu.Unlock()
	var failed *dial.Error
	switch {
	case err == nil:
		return conn, "", nil
	case closing != "":
		return nil, closing, err
	case ctx.Err() != nil:
		return nil, endOf(ctx), err
	case errors.As(err, &failed) && failed.Reason != "":
		return nil, failed.Reason, err
	default:
		return nil, mining.DialFailed, err
	}
}

// endOf is the reason for ctx's end: what its cause carries, else shutdown.
func endOf(ctx context.Context) mining.Reason {
	var reasoned interface{ Reason() mining.Reason }
	if errors.As(context.Cause(ctx), &reasoned) {
		return reasoned.Reason()
	}
	return mining.Shutdown
}

// Authorize names a worker to the pool; at any time before the end. Before
// the pool has subscribed us it waits. The answer is an Authorized event with
// the tag; a link that ends first gives none.
func (l *Link) Authorize(name, password string, tag uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.lines = l.session.Authorize(name, password, tag, time.Now(), l.out.lines)
	l.rearm()
	l.flush()
}

// Submit hands in a share. Exactly one first Verdict event comes under its
// tag, before LinkEnded at the latest. It is false, and no event comes, where
// the link is not subscribed, is closed, or is flooded with shares that
// cannot be sent.
func (l *Link) Submit(sub upstream.Submit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.put(sub) {
		return false
	}
	l.flush()
	return true
}

// Put is Submit of a share that leaves with the next [Link.Flush], or before: what comes
// together leaves together.
func (l *Link) Put(sub upstream.Submit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.put(sub)
}

// Flush sends the shares that were put.
func (l *Link) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

// put hands a share to the session. mu is held.
func (l *Link) put(sub upstream.Submit) bool {
	if l.conn == nil || l.closing != "" || !l.session.CanSubmit() {
		return false
	}
	l.out.lines = l.session.Submit(sub, time.Now(), l.out.lines)
	l.rearm()
	return true
}

// SuggestDifficulty asks the pool for a difficulty; see
// [upstream.V1.SuggestDifficulty]. Before the pool has subscribed us it waits.
func (l *Link) SuggestDifficulty(d work.Difficulty) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.lines = l.session.SuggestDifficulty(d, time.Now(), l.out.lines)
	l.rearm()
	l.flush()
}

// Close ends the link with a reason, unless it is ending already. It does not
// wait. Submits that were taken before leave first.
func (l *Link) Close(reason mining.Reason) {
	l.mu.Lock()
	if l.closing != "" {
		l.mu.Unlock()
		return
	}
	l.closing = reason
	conn, cancel, sending := l.conn, l.cancel, l.out.sending
	if conn != nil && !sending { // it closes, too
		l.flush()
	}
	l.mu.Unlock()
	switch {
	case sending: // flush closes
	case conn != nil:
		conn.Close(reason)
	case cancel != nil:
		cancel()
	}
}

// rearm wakes the reader where it would call Tick too late. mu is held.
func (l *Link) rearm() {
	next := l.session.Deadline()
	if l.conn == nil || next.IsZero() || (!l.tickAt.IsZero() && !next.Before(l.tickAt)) {
		return
	}
	l.tickAt = next
	l.conn.Wake()
}

// nudge has the alarm asked soon.
func (l *Link) nudge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.Wake()
	}
}

// Info is a snapshot of a link.
type Info struct {
	ID   mining.LinkID
	Pool string
	// Remote is the pool's address, and Since when it was reached; empty and
	// zero before.
	Remote  string
	Since   time.Time
	Session upstream.Info
	Wire    wire.Stats
}

// Info returns a snapshot.
func (l *Link) Info() Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := Info{ID: l.cfg.ID, Pool: l.cfg.Pool, Remote: l.remote, Since: l.since, Session: l.session.Info()}
	if l.conn != nil {
		info.Wire = l.conn.Stats()
	}
	return info
}
