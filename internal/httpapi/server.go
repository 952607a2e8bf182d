package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// saveEvery is how often it is kept when tokens were used last.
const saveEvery = time.Minute

// Config says where and how to serve.
type Config struct {
	// Listen is the address, host:port.
	Listen string
	// ShutdownTimeout bounds how long Run waits for requests in flight when
	// it ends; 0 is 5 s.
	ShutdownTimeout time.Duration
	// MaxConnections bounds open HTTP connections; more are closed at once, and so
	// are those of one address that are more than half of it. 0 is 512.
	MaxConnections int
}

// Verifier knows tokens.
type Verifier interface {
	// Check says whose token was presented; [auth.ErrUnknown] and [auth.ErrExpired] are
	// of one that lets nobody in.
	Check(presented string, now time.Time) (auth.Identity, error)
	// CheckSum is Check of one of which only the sum was kept.
	CheckSum(sum auth.Sum, now time.Time) (auth.Identity, error)
}

// Disconnecter ends miners' connections.
type Disconnecter interface {
	// Disconnect ends one; false: there is none of that id.
	Disconnect(id mining.MinerID) bool
	// Describe says whose connection it is, for the audit record; nil: nobody's.
	Describe(id mining.MinerID) any
}

// Deps are what a server works with. Model, Token and Now are needed; a nil
// handler's paths do not exist.
type Deps struct {
	Model *view.Model
	Token Verifier
	// Now is the clock that tokens expire by.
	Now func() time.Time
	// Tokens serves what makes and removes tokens.
	Tokens TokenKeeper
	// Audit has every write that succeeds, besides Records.
	Audit ActFile
	// Counts is what this server counts.
	Counts Metrics
	// Metrics serves /metrics and /metrics/prometheus.
	Metrics http.Handler
	// Page serves / and everything under /web/.
	Page http.Handler
	// SignIn draws the form by which browsers sign in; nil: they cannot.
	SignIn func(http.ResponseWriter, *http.Request, SignInForm)
	// Miners serves DELETE /api/v1/miners/{id}.
	Miners Disconnecter
	// Control serves what drains pools, and pins and splits routes.
	Control Controller
	// Listeners serves GET /api/v1/listeners.
	Listeners Listeners
	// Bans serves who is kept out.
	Bans *Bans
	// Alerts serves alerts, silences and sinks.
	Alerts *Alerting
	// Acceptor serves what takes pools' payouts as right.
	Acceptor Acceptor
	// Reloader serves what puts configurations in place.
	Reloader Reloader
	// Records serves history, revenue, exports, payouts and the audit record, and
	// keeps the latter.
	Records *Records
	// Events serves what happens and has happened.
	Events *events.Log
	// Traces serves what the flight recorder has written.
	Traces TraceKeeper
	Logger *slog.Logger

	// Quota is how often one may ask, at first.
	Quota Quota

	// quotas hold it, and ending is closed when the server stops: for what would go on
	// for ever.
	quotas *quotas
	ending <-chan struct{}
}

// Server serves HTTP on one address. Make it with [New].
type Server struct {
	cfg      Config
	log      *slog.Logger
	deps     Deps
	listener net.Listener
	// end closes deps.ending, once.
	end func()
}

// New makes a server that does not listen yet.
func New(cfg Config, deps Deps) *Server {
	if cfg.ShutdownTimeout <= 0 {
		cfg.ShutdownTimeout = 5 * time.Second
	}
	if cfg.MaxConnections <= 0 {
		cfg.MaxConnections = 512
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	ending := make(chan struct{})
	deps.ending, deps.quotas = ending, &quotas{of: deps.Quota}
	return &Server{cfg: cfg, log: deps.Logger, deps: deps, end: sync.OnceFunc(func() { close(ending) })}
}

// Reconfigure puts another quota in place, at any time.
func (s *Server) Reconfigure(of Quota) { s.deps.quotas.set(of) }

// Listen binds the address, so that Addr is known and an address in use is
// an error before anything else has started.
func (s *Server) Listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("http.listen %s: %w", s.cfg.Listen, err)
	}
	s.listener = l
	return nil
}

// Addr is the bound address; nil before Listen.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Run serves until ctx ends, then finishes the requests in flight. It closes
// the listener and leaves no goroutine.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		return errors.New("http: Run before Listen")
	}
	server, conns := s.server(), new(sync.WaitGroup)
	server.ConnState = counting(conns)
	served := make(chan error, 1)
	bounded := newBoundedListener(s.listener, s.cfg.MaxConnections, s.deps.Now, s.log)
	go func() { served <- server.Serve(bounded) }()
	s.log.InfoContext(ctx, "http is served", "address", s.Addr().String(), "token_needed", !Loopback(s.Addr()))

	if err := s.untilDone(ctx, served); err != nil {
		return err
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
	defer cancel()
	s.end()
	err := server.Shutdown(grace)
	if err != nil { // somebody is slow: cut them off
		err = server.Close()
	}
	if stopped := <-served; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	conns.Wait() // those that were cut off know it by their contexts
	s.saveUses(context.WithoutCancel(ctx))
	return err
}

// counting counts connections, each of which has a goroutine, for who waits for their ends.
func counting(conns *sync.WaitGroup) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew: // by who accepts, so that none is added once that has ended
			conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			conns.Done()
		case http.StateActive, http.StateIdle:
		}
	}
}

// server is how HTTP is spoken: nobody can keep a connection busy by being slow, and
// nobody can send much before it is known who it is.
func (s *Server) server() *http.Server {
	return &http.Server{
		Handler:                      Handler(s.deps, Loopback(s.Addr())),
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  15 * time.Second,
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  time.Minute,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// untilDone waits for the end of ctx, or for what ends the serving before, and
// meanwhile keeps when tokens were used last.
func (s *Server) untilDone(ctx context.Context, served <-chan error) error {
	minute := time.NewTicker(saveEvery)
	defer minute.Stop()
	for {
		select {
		case err := <-served:
			return fmt.Errorf("http %s: %w", s.Addr(), err)
		case <-ctx.Done():
			return nil
		case <-minute.C:
			s.saveUses(ctx)
		}
	}
}

func (s *Server) saveUses(ctx context.Context) {
	if s.deps.Tokens == nil {
		return
	}
	if err := s.deps.Tokens.Save(); err != nil {
		s.log.WarnContext(ctx, "when tokens were used last could not be kept", "error", err)
	}
}

// Loopback says that only this machine can reach an address.
func Loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
