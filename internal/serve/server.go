package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/turns"
	"github.com/loka/stratum/internal/wire"
)

// House takes miners in and lets them go.
type House interface {
	// Join announces a miner before its first request.
	Join(m *mining.Miner, c *Conn)
	// Refused tells of a share that was refused before it became a request;
	// w is nil where the connection did not authorize whom it named. It must
	// not call the connection.
	Refused(m *mining.Miner, w *mining.Worker, v mining.Verdict)
	// Flush says that a read of the miner's is over, or that its reader is about to wait.
	Flush(m *mining.Miner)
	// Leave says that the miner is gone; nothing may be sent to it any more.
	Leave(m *mining.Miner)
}

// Watch follows every connection; [pipeline.Chain] is one. All its calls about one
// miner come one after the other. It must not wait.
type Watch interface {
	// Enter announces a connection before its first request and event.
	Enter(m *mining.Miner, now time.Time)
	// Tell is told of what never became a request, and says what to do about it.
	Tell(m *mining.Miner, e pipeline.Event) pipeline.Reaction
	// Leave says that the connection has ended.
	Leave(m *mining.Miner, reason mining.Reason)
}

// unwatched is a Watch that does nothing.
type unwatched struct{}

func (unwatched) Enter(*mining.Miner, time.Time)                           {}
func (unwatched) Tell(*mining.Miner, pipeline.Event) (r pipeline.Reaction) { return r }
func (unwatched) Leave(*mining.Miner, mining.Reason)                       {}

// Counter counts events.
type Counter interface{ Inc() }

// Observer takes measurements, in seconds.
type Observer interface{ Observe(seconds float64) }

// Metrics are what serve counts; nil members count nothing.
type Metrics struct {
	// Closed counts ends by reason.
	Closed func(mining.Reason) Counter
	// ReadSeconds, DecodeSeconds and AnswerSeconds take how long steps of a share took
	// that was read in a read that is timed; see [wire.Config].
	ReadSeconds, DecodeSeconds, AnswerSeconds Observer
	// RenderSeconds takes how long it took to make a work's line.
	RenderSeconds Observer
}

func (m *Metrics) defaults() {
	if m.Closed == nil {
		m.Closed = func(mining.Reason) Counter { return nothing{} }
	}
	for _, o := range []*Observer{&m.ReadSeconds, &m.DecodeSeconds, &m.AnswerSeconds, &m.RenderSeconds} {
		if *o == nil {
			*o = nothing{}
		}
	}
}

// Config holds what every miner's connection is given.
type Config struct {
	// Session is the sessions' configuration; SessionID is set for each.
	Session downstream.Config
	// Wire is the connections' configuration.
	Wire wire.Config
	// StrangerLine is the longest line, in bytes, of a miner that has no
	// authorized worker; 0 is Wire.MaxLine.
	StrangerLine int
	// StrangerQueue bounds, in bytes, what may wait for such a miner; 0 is
	// Wire.MaxQueueBytes.
	StrangerQueue int
	// AnswerTimeout bounds how long a handshake request waits for its answer.
	AnswerTimeout time.Duration
}

// Deps are what serve works with.
type Deps struct {
	House House
	// Turns are of connections that have no authorized worker and of those that have one
	// and say more at a time than is read; nil is no bound.
	Turns   *turns.Turns
	Handler pipeline.Handler
	// Watch may be nil.
	Watch Watch
	// Settled hears of each login that a miner has authorized, and ends the miner by
	// the reason that it returns, if any. Earned hears once of each miner of which a
	// share was accepted. Ended hears of each end. All may be nil.
	Settled func(m *mining.Miner, login string) mining.Reason
	Earned  func(m *mining.Miner)
	Ended   func(m *mining.Miner, reason mining.Reason)
	// Tell hears of each miner that has its first worker, and of its end; nil is nobody.
	Tell    func(m *mining.Miner, e events.Event)
	Logger  *slog.Logger
	Metrics Metrics
}

// Server drives every miner's connection.
type Server struct {
	cfg  Config
	deps Deps
	// session is what new sessions are given.
	session atomic.Pointer[downstream.Config]
	ids     atomic.Uint64
	// draining: no more lines are taken, what is due is still answered.
	draining atomic.Bool
	// outs lends the memory in which sessions speak, so that an idle
	// connection holds none.
	outs  sync.Pool
	notes notes

	mu    sync.Mutex
	conns map[mining.MinerID]*Conn
	// closing is what CloseAll was called with.
	closing mining.Reason
}

// New makes a server. A nil Logger logs nothing; AnswerTimeout of 0 is 30 s.
func New(cfg Config, deps Deps) *Server {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Watch == nil {
		deps.Watch = unwatched{}
	}
	deps.Metrics.defaults()
	if cfg.AnswerTimeout <= 0 {
		cfg.AnswerTimeout = 30 * time.Second
	}
	cfg.Wire = *cfg.Wire.Complete()
	s := &Server{cfg: cfg, deps: deps, notes: newNotes(deps.Logger), conns: make(map[mining.MinerID]*Conn)}
	s.Reconfigure(cfg.Session)
	s.outs.New = func() any { return new(voice) }
	return s
}

// nothing counts nothing.
type nothing struct{}

func (nothing) Inc()            {}
func (nothing) Observe(float64) {}

// voice is what a session speaks into, and the same as frames for the wire.
type voice struct {
	out    downstream.Out
	frames []wire.Frame
}

// Serve drives one connection until it ends, in goroutines of its own, and
// calls gone when everything of it is gone. preread is what was read of it
// already.
func (s *Server) Serve(ctx context.Context, conn net.Conn, preread []byte, arrival mining.Arrival, gone func()) *Conn {
	c := s.join(conn, preread, arrival)
	c.wire.Go(ctx, c, func(reason mining.Reason) {
		s.leave(ctx, c, reason)
		gone()
	})
	return c
}

func (s *Server) join(conn net.Conn, preread []byte, arrival mining.Arrival) *Conn {
	id := mining.MinerID(s.ids.Add(1))
	c := &Conn{
		server: s,
		miner:  mining.Miner{ID: id, Arrival: arrival},
		since:  time.Now(),
	}
	c.takeTurn()
	defer c.turn.Give()
	c.session = downstream.NewV1(s.session.Load(), fmt.Sprintf("%08x", uint64(id)), c.since)
	c.wire = wire.New(conn, preread, &s.cfg.Wire)
	if s.cfg.StrangerLine > 0 {
		c.wire.SetMaxLine(s.cfg.StrangerLine)
	}
	s.deps.Watch.Enter(&c.miner, c.since)
	if s.cfg.StrangerQueue > 0 {
		c.wire.SetMaxQueue(s.cfg.StrangerQueue)
	}
	// Join sets the miner's Seat, which whoever finds the connection reads.
	s.deps.House.Join(&c.miner, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[id] = c
	if s.closing != "" {
		c.wire.Close(s.closing)
	}
	return c
}

func (s *Server) leave(ctx context.Context, c *Conn, reason mining.Reason) {
	c.takeTurn()
	defer c.turn.Give()
	s.mu.Lock()
	delete(s.conns, c.miner.ID)
	s.mu.Unlock()
	s.deps.House.Leave(&c.miner)
	s.deps.Watch.Leave(&c.miner, reason)
	if s.deps.Ended != nil {
		s.deps.Ended(&c.miner, reason)
	}
	s.deps.Metrics.Closed(reason).Inc()
	state := c.State()
	s.notes.ended(ctx, state, reason)
	if c.known && s.deps.Tell != nil { // of strangers it is counted only
		s.deps.Tell(&c.miner, endOf(&state, reason))
	}
}

// Len is the number of connected miners.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Conns returns the connections there are now, in no order.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		all = append(all, c)
	}
	return all
}

// Find returns a connection by its miner's id, or nil.
func (s *Server) Find(id mining.MinerID) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[id]
}

// Reconfigure gives miners that connect from now on another configuration of
// their sessions.
func (s *Server) Reconfigure(session downstream.Config) { s.session.Store(&session) }

// CloseListener asks every connection that came in by a listener to end for the
// reason, and returns how many there are; it does not wait.
func (s *Server) CloseListener(listener string, reason mining.Reason) (closed int) {
	for _, c := range s.Conns() {
		if c.miner.Listener == listener {
			c.Close(reason)
			closed++
		}
	}
	return closed
}

// Count is the number of connections that came in by a listener.
func (s *Server) Count(listener string) (n int) {
	for _, c := range s.Conns() {
		if c.miner.Listener == listener {
			n++
		}
	}
	return n
}

// Drain stops taking miners' lines. What they were promised an answer to is
// still answered; what they say now stays unread.
func (s *Server) Drain() { s.draining.Store(true) }

// CloseAll asks every connection to end for the reason, and those that come
// later too; it does not wait.
func (s *Server) CloseAll(reason mining.Reason) {
	s.mu.Lock()
	s.closing = reason
	s.mu.Unlock()
	for _, c := range s.Conns() {
		c.Close(reason)
	}
}
