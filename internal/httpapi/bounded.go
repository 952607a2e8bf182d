package httpapi

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/loka/stratum/internal/pace"
)

// boundedListener closes connections over a bound at once. One address has half of
// it at the most, so that nobody keeps all others out.
type boundedListener struct {
	net.Listener

	// Static after construction.
	most, each int
	now        func() time.Time
	log        *slog.Logger

	// full is when it was told last that there is no room, which anybody can cause.
	full pace.Pace

	// mu guards what follows: open are the connections by whose they are, and all.
	mu   sync.Mutex
	open map[netip.Addr]int
	all  int
}

func newBoundedListener(l net.Listener, most int, now func() time.Time, log *slog.Logger) *boundedListener {
	return &boundedListener{Listener: l, most: most, each: max((most+1)/2, 1), now: now, log: log, open: make(map[netip.Addr]int)}
}

// Accept waits for a connection within the bound.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := source(conn.RemoteAddr().String())
		if l.take(from) {
			return &boundedConn{Conn: conn, free: sync.OnceFunc(func() { l.give(from) })}, nil
		}
		if l.full.Due(l.now()) {
			l.log.Warn("http connections are at their bound; more are closed at once, and told of once a minute", "max_connections", l.most, "of_one_address", l.each)
		}
		_ = conn.Close()
	}
}

func (l *boundedListener) take(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.most || l.open[from] >= l.each {
		return false
	}
	l.all++
	l.open[from]++
	return true
}

func (l *boundedListener) give(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[from]--; l.open[from] == 0 {
		delete(l.open, from)
	}
}

// boundedConn gives its place back once when it is closed.
type boundedConn struct {
	net.Conn

	free func()
}

// Close closes the connection.
func (c *boundedConn) Close() error {
	c.free()
	return c.Conn.Close()
}
