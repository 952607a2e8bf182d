package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// Config says where and how to serve.
type Config struct {
	// Listen is the address, host:port.
	Listen string
	// ShutdownTimeout bounds how long Run waits for requests in flight when
	// it ends; 0 is 5 s.
	ShutdownTimeout time.Duration
	// MaxConnections bounds open HTTP connections; more are closed at once.
	// 0 is 512.
	MaxConnections int
}

// Verifier knows the admin token.
type Verifier interface {
	Check(presented string) bool
}

// Disconnecter ends miners' connections.
type Disconnecter interface {
	// Disconnect ends one; false: there is none of that id.
	Disconnect(id mining.MinerID) bool
}

// Deps are what a server works with. Model and Token are needed; a nil
// handler's paths do not exist.
type Deps struct {
	Model *view.Model
	Token Verifier
	// Metrics serves /metrics and /metrics/prometheus.
	Metrics http.Handler
	// Page serves / and everything under /web/.
	Page http.Handler
	// Miners serves DELETE /api/v1/miners/{id}.
	Miners Disconnecter
	// Control serves what drains pools, and pins and splits routes.
	Control Controller
	// Acceptor serves what takes pools' payouts as right.
	Acceptor Acceptor
	// Reloader serves what puts configurations in place.
	Reloader Reloader
	// Records serves history, revenue, exports, payouts and the audit record, and
	// keeps the latter.
	Records *Records
	Logger  *slog.Logger
}

// Server serves HTTP on one address. Make it with [New].
type Server struct {
	cfg      Config
	log      *slog.Logger
	deps     Deps
	listener net.Listener
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
	return &Server{cfg: cfg, log: deps.Logger, deps: deps}
}

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
	server := &http.Server{
		Handler:           Handler(s.deps, Loopback(s.Addr())),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	bounded := &boundedListener{Listener: s.listener, free: make(chan struct{}, s.cfg.MaxConnections), log: s.log}
	go func() { served <- server.Serve(bounded) }()
	s.log.InfoContext(ctx, "http is served", "address", s.Addr().String(), "token_needed", !Loopback(s.Addr()))

	select {
	case err := <-served:
		return fmt.Errorf("http %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil { // somebody is slow: cut them off
		err = server.Close()
	}
	if stopped := <-served; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	return err
}

// Loopback says that only this machine can reach an address.
func Loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// boundedListener closes connections over a bound at once.
type boundedListener struct {
	net.Listener

	free chan struct{}
	log  *slog.Logger
	full bool // only Accept's goroutine reads and writes it
}

// Accept waits for a connection within the bound.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			l.full = false
			return &boundedConn{Conn: conn, free: l.free}, nil
		default:
			if !l.full {
				l.full = true
				l.log.Warn("http connections are at their bound; more are closed at once", "max_connections", cap(l.free))
			}
			_ = conn.Close()
		}
	}
}

// boundedConn gives its place back once when it is closed.
type boundedConn struct {
	net.Conn

	free chan struct{}
	done atomic.Bool
}

// Close closes the connection.
func (c *boundedConn) Close() error {
	if !c.done.Swap(true) {
		<-c.free
	}
	return c.Conn.Close()
}
