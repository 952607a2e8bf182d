package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// ErrNotAccepted is of a listener whose socket takes connections which its loop does not
// come to.
var ErrNotAccepted = errors.New("the connection is there, and is not accepted: the accept loop does not turn")

// errProbing is a probe while there is one.
var errProbing = errors.New("another probe is under way")

// selfTest is a connection that a listener makes to itself, to see that it accepts.
type selfTest struct {
	// port is where it comes from, 0 while that is not known.
	port atomic.Uint32
	// accepted is closed by the accept loop.
	accepted chan struct{}
}

// Probe connects to the listener from this machine and returns once its accept loop has
// met the connection, or why it has not by the end of ctx. Such a connection is known by
// the port that it comes from: it ends there, is no miner, and is counted nowhere. One
// probe at a time.
func (l *Listener) Probe(ctx context.Context) error {
	if l.ln == nil {
		return errNotListening
	}
	t := &selfTest{accepted: make(chan struct{})}
	if !l.probe.CompareAndSwap(nil, t) {
		return errProbing
	}
	defer l.probe.Store(nil)
	conn, err := l.knock(ctx, t)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", l.ln.Addr(), err)
	}
	defer func() { _ = conn.Close() }()
	select {
	case <-t.accepted:
		return nil
	case <-ctx.Done():
		return ErrNotAccepted
	}
}

// knock connects to the listener. Where it listens on all addresses, by loopback.
func (l *Listener) knock(ctx context.Context, t *selfTest) (conn net.Conn, err error) {
	bound, err := netip.ParseAddrPort(l.ln.Addr().String())
	if err != nil {
		return nil, err //nolint:wrapcheck // Probe says what of
	}
	addr := bound.Addr().Unmap()
	if configured, err := netip.ParseAddrPort(l.address); err == nil && configured.Addr().WithZone("") == addr {
		addr = configured.Addr() // with its zone, which the kernel does not tell
	}
	addrs := []netip.Addr{addr}
	if bound.Addr().IsUnspecified() { // an IPv6 one takes IPv4 as well, as Go listens
		addrs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	for _, addr := range addrs {
		network := "tcp4"
		if addr.Is6() {
			network = "tcp6"
		}
		// The port has to be known before the accept loop can meet the connection, and
		// the address has to be that of the other end: for one that the machine has
		// besides its first, the kernel would choose the first.
		d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
			port, err := bindAnyPort(c, addr)
			t.port.Store(uint32(port))
			return err
		}}
		if conn, err = d.DialContext(ctx, network, netip.AddrPortFrom(addr, bound.Port()).String()); err == nil {
			return conn, nil
		}
	}
	return nil, err //nolint:wrapcheck // Probe says what of
}

// isProbe says that an accepted connection is the listener's own, and tells who waits
// for it. Who connects from elsewhere cannot have an address of this end.
func (l *Listener) isProbe(conn net.Conn) bool {
	t := l.probe.Load()
	if t == nil {
		return false
	}
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	remote := remoteOf(conn)
	if !ok || remote.Addr() != plain(local.AddrPort().Addr()) || uint32(remote.Port()) != t.port.Load() || !l.probe.CompareAndSwap(t, nil) {
		return false
	}
	close(t.accepted)
	return true
}
