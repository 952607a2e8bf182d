package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/turns"
)

// visit is a connection, from when it was accepted until it is gone. What it takes to
// open it is let go once it is handed on: there are as many of them as miners.
type visit struct {
	*opening // nil once it was handed on

	// Static after construction.
	raw   net.Conn // the socket
	host  *host
	guest atomic.Pointer[guard.Guest]

	// Guarded by mu.
	mu sync.Mutex
	// ending is what it is to end for.
	ending mining.Reason
	// cancel ends what waits for something else than the socket; nil is nothing.
	cancel context.CancelFunc
}

// host is what a listener does with the visits of one Run.
type host struct {
	start func(v *visit)
	drop  func(v *visit, reason mining.Reason)
}

// opening is what is known of a connection before it is handed on or refused.
type opening struct {
	// Static after construction.
	turns *turns.Turns
	// behind says that it comes from a proxy whose headers are believed. proxy is
	// where that is, set with the header.
	behind bool

	// Owned by who handles it; nobody does while it waits at the gate.
	conn net.Conn // what is read and written: raw, or TLS over it
	// turn is given back for as long as the other side is waited for.
	turn turns.Turn
	// have is what was read and not used; heard says that anything was.
	have  []byte
	heard bool
	// until is when Stratum must have begun; hasty that the first byte is due before.
	until   time.Time
	hasty   bool
	arrival mining.Arrival
	proxy   netip.AddrPort
	// err is what it ended with, if that says more than the reason.
	err error
}

// Start implements [guard.Visitor].
func (v *visit) Start(g *guard.Guest) {
	v.guest.Store(g)
	v.host.start(v)
}

// Drop implements [guard.Visitor].
func (v *visit) Drop(g *guard.Guest, reason mining.Reason) {
	v.guest.Store(g)
	v.host.drop(v, reason)
}

// Close implements [guard.Visitor]: whoever reads or writes gives up.
func (v *visit) Close(reason mining.Reason) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ending == "" {
		v.ending = reason
	}
	_ = v.raw.SetDeadline(time.Unix(1, 0))
	if v.cancel != nil {
		v.cancel()
	}
}

// breakable is a context that ends with ctx and when the connection is to end, until
// done is called.
func (v *visit) breakable(ctx context.Context) (waits context.Context, done func()) {
	waits, cancel := context.WithCancel(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel = cancel
	if v.ending != "" {
		cancel()
	}
	return waits, func() {
		cancel()
		v.mu.Lock()
		defer v.mu.Unlock()
		v.cancel = nil
	}
}

// ends is what it is to end for; empty is nothing.
func (v *visit) ends() mining.Reason {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ending
}

// patience sets the deadline, unless it is to end; the zero time is none.
func (v *visit) patience(until time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ending == "" {
		_ = v.raw.SetDeadline(until)
	}
}

// heed lets the end of ctx end what is done until stop is called.
func (v *visit) heed(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		v.Close(mining.Shutdown)
	})
	return func() {
		if !cancel() {
			<-done
		}
	}
}

// first reads until the protocol is known.
func (v *visit) first(ctx context.Context) (protocol, mining.Reason) {
	for {
		p := sniff(v.have)
		if p != undecided {
			return p, ""
		}
		if err := v.read(longestStart - len(v.have)); err != nil {
			return p, v.failed(ctx, err)
		}
	}
}

// read adds at most n bytes to what there is. There is no error where something
// came.
func (v *visit) read(n int) error {
	chunk := make([]byte, n)
	v.turn.Give()
	n, err := v.conn.Read(chunk)
	v.takeTurn()
	v.have = append(v.have, chunk[:n]...)
	if n == 0 {
		return err //nolint:wrapcheck // for failed only
	}
	if !v.heard {
		v.heard = true
		if v.hasty {
			v.patience(v.until)
		}
	}
	return nil
}

// takeTurn waits for a turn among strangers, unless there is one.
func (v *visit) takeTurn() {
	if !v.turn.Held() {
		v.turn = v.turns.Take(turns.Stranger)
	}
}

// failed is why a connection ended on which nothing was handed on.
func (v *visit) failed(ctx context.Context, err error) mining.Reason {
	if reason := v.ends(); reason != "" {
		return reason
	}
	switch op := (*net.OpError)(nil); {
	case ctx.Err() != nil:
		return mining.Shutdown
	case errors.Is(err, os.ErrDeadlineExceeded) && !v.heard: // whichever deadline is the sooner
		return mining.FirstByteTimeout
	case errors.Is(err, os.ErrDeadlineExceeded):
		return mining.HandshakeTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return mining.PeerClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return mining.PeerReset
	case errors.As(err, &op) && op.Op == tlsAlert:
		v.err = err
		return mining.TLSHandshakeFailed
	default:
		v.err = err
		return mining.ReadFailed
	}
}

// remoteOf reads a connection's address; one without an address of its own
// (in-memory ones) has the zero AddrPort. What says by which link an address is reached is
// left out: no network in a configuration has it, and one with it is in none.
func remoteOf(conn net.Conn) netip.AddrPort {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		a := tcp.AddrPort()
		return netip.AddrPortFrom(plain(a.Addr()), a.Port())
	}
	a, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.AddrPort{}
	}
	return a
}

// plain is an address as its networks have it.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
