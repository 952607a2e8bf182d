package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
)

// errNotListening is Run before Listen.
var errNotListening = errors.New("listener is not bound: call Listen before Run")

// StopError says that connections did not end within StopTimeout.
type StopError struct {
	// Left is how many.
	Left int
}

// Error describes it.
func (e *StopError) Error() string {
	return fmt.Sprintf("%d connections did not end in time", e.Left)
}

// Listener accepts connections at one address.
type Listener struct {
	// Static after construction.
	address string
	deps    Deps
	// cfg is for who connects from now on.
	cfg atomic.Pointer[Config]

	// Set by Listen.
	ln net.Listener

	wg sync.WaitGroup

	// telling spaces the news of refused CONNECTs.
	telling pace.Pace

	// Guarded by mu.
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	// warned is when the limit was last logged.
	warned time.Time
}

// New makes a listener.
func New(cfg Config, deps Deps) *Listener {
	l := &Listener{address: cfg.Address, deps: deps.defaults(), conns: make(map[net.Conn]struct{})}
	l.Reconfigure(cfg)
	return l
}

// Reconfigure has connections from now on handled by another configuration, but for
// the address, which stays.
func (l *Listener) Reconfigure(cfg Config) {
	cfg = cfg.defaults()
	cfg.Address = l.address
	if before := l.cfg.Load(); before != nil && cfg.TLS == before.secure {
		cfg.TLS, cfg.secure = before.TLS, before.secure // with the keys of its sessions
	} else {
		cfg.TLS, cfg.secure = noting(cfg.TLS), cfg.TLS
	}
	l.cfg.Store(&cfg)
}

// Address is the address as configured.
func (l *Listener) Address() string { return l.address }

// Listen binds the address. From then on [Listener.Addr] is known and
// connections queue up for Run.
func (l *Listener) Listen(ctx context.Context) error {
	// Who runs a connection sets the keepalive that it wants.
	lc := net.ListenConfig{KeepAlive: -1}
	ln, err := lc.Listen(ctx, "tcp", l.address)
	if err != nil {
		return fmt.Errorf("listen for miners on %s: %w", l.address, err)
	}
	l.ln = ln
	return nil
}

// Addr is the bound address; nil before Listen.
func (l *Listener) Addr() net.Addr {
	if l.ln == nil {
		return nil
	}
	return l.ln.Addr()
}

// Close unbinds a listener that is not run. Run closes by itself.
func (l *Listener) Close() error {
	if l.ln == nil {
		return nil
	}
	return l.ln.Close() //nolint:wrapcheck // the error names the operation and the address
}

// Run accepts until ctx ends, each connection in a goroutine of its own,
// whose context ends with ctx. It returns when all of them are gone, or
// after StopTimeout with a [*StopError] when it had to break the rest off.
func (l *Listener) Run(ctx context.Context) error {
	if l.ln == nil {
		return errNotListening
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = l.ln.Close()
	})
	err := l.accept(ctx)
	if stop() {
		_ = l.ln.Close()
	} else {
		<-closed
	}
	return errors.Join(err, l.wait())
}

// accept is the accept loop. Errors such as a lack of descriptors pause it
// and never end it.
func (l *Listener) accept(ctx context.Context) error {
	pause := pauses{}
	for {
		conn, err := l.ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err == nil:
			if pause.over() {
				l.deps.Logger.LogAttrs(ctx, slog.LevelInfo, "accepting connections again", slog.String("listener", l.address))
			}
			l.admit(ctx, conn)
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept miners on %s: %w", l.address, err)
		default:
			l.deps.Metrics.AcceptErrors.Inc()
			if pause.first() {
				l.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "cannot accept connections, trying on",
					slog.String("listener", l.address), slog.Any("error", err))
			}
			pause.wait(ctx)
		}
	}
}

// admit starts the goroutine of a connection, if there is a place for it.
func (l *Listener) admit(ctx context.Context, conn net.Conn) {
	l.deps.Metrics.Accepted.Inc()
	if !l.deps.Limiter.Acquire() {
		_ = conn.Close()
		l.refused(ctx, &visit{conn: conn}, mining.MaxConnections)
		l.warnFull(ctx)
		return
	}
	l.mu.Lock()
	l.conns[conn] = struct{}{}
	l.mu.Unlock()
	l.wg.Add(1)
	go l.handle(ctx, conn)
}

// gone lets a connection's place go.
func (l *Listener) gone(conn net.Conn) {
	_ = conn.Close()
	l.deps.Limiter.Release()
	l.mu.Lock()
	delete(l.conns, conn)
	l.mu.Unlock()
	l.wg.Done()
}

// refused books a connection that was not handed on.
func (l *Listener) refused(ctx context.Context, v *visit, reason mining.Reason) {
	l.deps.Metrics.Refused(reason).Inc()
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("listener", l.address), slog.String("remote", v.conn.RemoteAddr().String()),
		slog.String("reason", string(reason)),
	}
	if v.err != nil {
		attrs = append(attrs, slog.Any("error", v.err))
	}
	if v.arrival.Connect != "" { // a miner of ours may be set up wrong
		attrs = append(attrs, slog.String("connect", v.arrival.Connect), slog.String("connect_route", v.arrival.ConnectRoute))
		if l.telling.Due(time.Now()) {
			level = slog.LevelInfo
			attrs = append(attrs, slog.String("advice", mining.Describe(reason).Do))
		}
	}
	l.deps.Logger.LogAttrs(ctx, level, "connection refused", attrs...)
}

// warnFull logs that the limit is reached, once a minute at most.
func (l *Listener) warnFull(ctx context.Context) {
	now := time.Now()
	l.mu.Lock()
	quiet := !l.warned.IsZero() && now.Sub(l.warned) < time.Minute
	if !quiet {
		l.warned = now
	}
	l.mu.Unlock()
	if !quiet {
		l.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "connection limit reached, refusing more",
			slog.String("listener", l.address), slog.Int("max_connections", l.deps.Limiter.Max()))
	}
}

// wait waits for all connections, and breaks off what is left in the end.
func (l *Listener) wait() error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		l.wg.Wait()
	}()
	timeout := time.NewTimer(l.cfg.Load().StopTimeout)
	defer timeout.Stop()
	select {
	case <-gone:
		return nil
	case <-timeout.C:
	}
	l.mu.Lock()
	left := len(l.conns)
	for conn := range l.conns {
		// Close would wait for whoever is in the middle of a raw read.
		_ = conn.SetDeadline(time.Unix(1, 0))
	}
	l.mu.Unlock()
	if left == 0 {
		<-gone
		return nil
	}
	return &StopError{Left: left}
}
