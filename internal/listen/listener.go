package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/turns"
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
	gate    *Gate
	// tells spaces the news of those that the door refuses, by reason.
	tells map[mining.Reason]*pace.Pace
	// cfg is for who connects from now on.
	cfg atomic.Pointer[Config]

	// Set by Listen.
	ln net.Listener

	wg sync.WaitGroup
	// probe is the connection that the listener makes to itself, nil while it does not.
	probe atomic.Pointer[selfTest]

	// telling spaces the news of refused CONNECTs, failing that of errors of accept.
	telling, failing pace.Pace

	// Guarded by mu.
	mu    sync.Mutex
	conns map[*visit]struct{}
}

// New makes a listener.
func New(cfg Config, deps Deps) *Listener {
	l := &Listener{address: cfg.Address, deps: deps.defaults(), conns: make(map[*visit]struct{}), tells: make(map[mining.Reason]*pace.Pace)}
	for _, reason := range []mining.Reason{
		mining.MaxConnections, mining.AccessDenied, mining.Banned, mining.MaxPerAddress, mining.MaxPerSubnet,
		mining.GaveWay, mining.ProxyHeaderUntrusted, mining.ProxyHeaderMalformed,
	} {
		l.tells[reason] = new(pace.Pace)
	}
	l.gate = l.deps.Gate
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
	l.sendAway()
	return errors.Join(err, l.wait())
}

// accept is the accept loop. Errors such as a lack of descriptors pause it
// and never end it.
func (l *Listener) accept(ctx context.Context) error {
	pause, told, h := pauses{}, false, l.host(ctx)
	for {
		conn, err := l.ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err == nil:
			if pause.over() && told {
				told = false
				l.deps.Logger.LogAttrs(ctx, slog.LevelInfo, "accepting connections again", slog.String("listener", l.address))
			}
			turn := l.deps.Turns.Take(turns.Accept)
			l.meet(ctx, h, conn)
			turn.Give()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept miners on %s: %w", l.address, err)
		default:
			l.deps.Metrics.AcceptErrors.Inc()
			if pause.first() && l.failing.Due(time.Now()) {
				told = true
				l.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "cannot accept connections, trying on",
					slog.String("listener", l.address), slog.Any("error", err))
			}
			if outOfDescriptors(err) && l.gate.door.GiveWay(time.Now()) {
				pause.hurry()
			}
			pause.wait(ctx)
		}
	}
}

// host is what is done with connections that are accepted until ctx ends.
func (l *Listener) host(ctx context.Context) *host {
	return &host{
		start: func(v *visit) { go l.handle(ctx, v) },
		drop: func(v *visit, reason mining.Reason) {
			abort(v.raw)
			l.refused(ctx, v, reason)
			l.gone(v)
		},
	}
}

// meet admits a connection, unless it is the listener's own: the other end of that may
// still be connecting, and has it go without a trace.
func (l *Listener) meet(ctx context.Context, h *host, conn net.Conn) {
	if l.isProbe(conn) {
		_ = conn.Close()
		return
	}
	l.admit(ctx, h, conn)
}

// outOfDescriptors says that there are too few of them, in the process or the system.
func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// admit asks the door for a place, and sends the connection away if there is none.
func (l *Listener) admit(ctx context.Context, h *host, conn net.Conn) {
	l.deps.Metrics.Accepted.Inc()
	cfg := l.cfg.Load()
	v := &visit{raw: conn, host: h, opening: &opening{
		conn: conn, turns: l.deps.Turns, arrival: mining.Arrival{Listener: l.address, Remote: remoteOf(conn)},
	}}
	behind := cfg.believes(v.arrival.Remote.Addr())
	v.behind = behind
	l.mu.Lock()
	l.conns[v] = struct{}{}
	l.mu.Unlock()
	l.wg.Add(1)
	// Once it has entered, another goroutine that passes the gate may start it: what is
	// owned by who handles it is out of bounds from here on, and may be gone.
	g, reason := l.gate.door.Enter(cfg.entry(v), time.Now())
	switch {
	case reason != "":
		abort(conn)
		l.refused(ctx, v, reason)
		l.gone(v)
	case behind:
		v.Start(g)
	default:
		v.guest.Store(g)
		l.gate.pass()
	}
}

// abort closes a connection without a word and without a trace in the kernel.
func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// sendAway ends those who wait for their turn.
func (l *Listener) sendAway() {
	l.mu.Lock()
	all := slices.Collect(maps.Keys(l.conns))
	l.mu.Unlock()
	for _, v := range all {
		if g := v.guest.Load(); g != nil && l.gate.door.Withdraw(g) {
			v.host.drop(v, mining.Shutdown)
		}
	}
}

// gone lets a connection's place go.
func (l *Listener) gone(v *visit) {
	_ = v.raw.Close()
	next := false
	if g := v.guest.Load(); g != nil {
		next = g.Leave()
	}
	l.mu.Lock()
	delete(l.conns, v)
	l.mu.Unlock()
	l.wg.Done()
	if next {
		l.gate.pass()
	}
}

// refused books a connection that was not handed on.
func (l *Listener) refused(ctx context.Context, v *visit, reason mining.Reason) {
	l.deps.Metrics.Refused(reason).Inc()
	if g := v.guest.Load(); g != nil {
		g.Ended(reason)
	}
	level, now := slog.LevelDebug, time.Now()
	attrs := []slog.Attr{
		slog.String("listener", l.address), slog.String("remote", v.arrival.Remote.String()),
		slog.String("reason", string(reason)),
	}
	if v.proxy.IsValid() {
		attrs = append(attrs, slog.String("proxy", v.proxy.String()))
	}
	if v.err != nil {
		attrs = append(attrs, slog.Any("error", v.err))
	}
	if v.arrival.Connect != "" { // a miner of ours may be set up wrong
		attrs = append(attrs, slog.String("connect", v.arrival.Connect), slog.String("connect_route", v.arrival.ConnectRoute))
		if l.telling.Due(now) {
			level = slog.LevelInfo
			attrs = append(attrs, slog.String("advice", mining.Describe(reason).Do))
		}
	}
	if p := l.tells[reason]; p != nil && p.Due(now) {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("advice", mining.Describe(reason).Do))
	}
	if reason == mining.MaxConnections {
		attrs = append(attrs, slog.Int("max_connections", l.gate.door.Max()))
		l.deps.Logger.LogAttrs(ctx, level, "connection limit reached, refusing more", attrs...)
		return
	}
	l.deps.Logger.LogAttrs(ctx, level, "connection refused", attrs...)
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
	for v := range l.conns {
		// Close would wait for whoever is in the middle of a raw read.
		_ = v.raw.SetDeadline(time.Unix(1, 0))
	}
	l.mu.Unlock()
	if left == 0 {
		<-gone
		return nil
	}
	return &StopError{Left: left}
}
