package listen

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/turns"
)

// Serve takes a connection over and drives it until it ends. preread is what
// was read of it already, arrival what is known of it. Serve may return before that: it calls gone once,
// when everything of the connection is gone; then it is closed, if it is not
// yet. When ctx ends, the connection ends soon.
type Serve func(ctx context.Context, conn net.Conn, preread []byte, arrival mining.Arrival, gone func())

// Config is what one listener is told. A zero field takes its default.
type Config struct {
	// Address is host:port to listen on; an empty host is every address of
	// both IP versions.
	Address string
	// HandshakeTimeout bounds how long everything before the first byte of
	// Stratum may take; 15 s.
	HandshakeTimeout time.Duration
	// FirstByteTimeout bounds how long the first of all bytes may take; as
	// HandshakeTimeout.
	FirstByteTimeout time.Duration
	// TLS is with what a miner's TLS hello is answered; nil refuses it.
	TLS *tls.Config
	// TLSRequired refuses Stratum that is not encrypted. The HTTP CONNECT around
	// it need not be.
	TLSRequired bool
	// ProxyFrom are the networks whose PROXY protocol header is believed.
	ProxyFrom []netip.Prefix
	// StrangerCost is how much memory a connection can take at the most until it has
	// a worker, and TLSCost how much more with TLS, in bytes.
	StrangerCost, TLSCost int64
	// StopTimeout bounds how long Run waits for connections after its ctx
	// ended; 10 s.
	StopTimeout time.Duration

	// secure is TLS as it was given; TLS itself is what that was made into.
	secure *tls.Config
}

// Counter counts events.
type Counter interface{ Inc() }

// Metrics are what a listener counts; nil members count nothing.
type Metrics struct {
	// Accepted counts accepted connections, refused ones included.
	Accepted Counter
	// Refused counts connections that were not handed on, by reason.
	Refused func(mining.Reason) Counter
	// AcceptErrors counts errors of accept.
	AcceptErrors Counter
}

// Deps are what a listener works with.
type Deps struct {
	// Serve takes the connections that speak Stratum.
	Serve Serve
	// Tunnel says why a connection that comes by an HTTP CONNECT is refused,
	// with one of the reasons of that name; empty hands it on. Nothing is
	// dialled for it: it speaks Stratum to us. Where Tunnel is nil a CONNECT is
	// refused as any other HTTP request.
	Tunnel func(mining.Arrival) mining.Reason
	// Turns are of all that is done before Stratum begins, Handshakes of the handshakes
	// of TLS among it. Both may be shared by listeners; nil is no bound.
	Turns      *turns.Turns
	Handshakes *Handshakes
	// Gate lets connections in, and may be shared by listeners. Each comes with its
	// [guard.Guest] as the Guest of its arrival. Where it is nil everybody may come
	// in, and has none.
	Gate *Gate
	// Logger may be nil.
	Logger  *slog.Logger
	Metrics Metrics
}

// nothing counts nothing.
type nothing struct{}

func (nothing) Inc() {}

// defaults fills what is zero.
func (c Config) defaults() Config {
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = 15 * time.Second
	}
	if c.FirstByteTimeout <= 0 || c.FirstByteTimeout > c.HandshakeTimeout {
		c.FirstByteTimeout = c.HandshakeTimeout
	}
	if c.StopTimeout <= 0 {
		c.StopTimeout = 10 * time.Second
	}
	return c
}

// defaults fills what is nil.
func (d Deps) defaults() Deps {
	if d.Gate == nil {
		d.Gate = NewGate(guard.New(guard.Config{}, guard.Deps{}))
		d.Gate.private = true
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Metrics.Accepted == nil {
		d.Metrics.Accepted = nothing{}
	}
	if d.Metrics.AcceptErrors == nil {
		d.Metrics.AcceptErrors = nothing{}
	}
	if d.Metrics.Refused == nil {
		d.Metrics.Refused = func(mining.Reason) Counter { return nothing{} }
	}
	return d
}

// entry is how a connection comes to the door.
func (c Config) entry(v *visit) guard.Entry {
	e := guard.Entry{Addr: v.arrival.Remote.Addr(), Behind: v.behind, Cost: c.StrangerCost, Visitor: v}
	if c.TLS != nil {
		e.Cost += c.TLSCost
	}
	return e
}

// believes says whether the PROXY protocol header of an address is believed.
func (c Config) believes(addr netip.Addr) bool {
	for _, p := range c.ProxyFrom {
		if p.Contains(addr) || p.Addr().Is4In6() && p.Contains(netip.AddrFrom16(addr.As16())) {
			return true
		}
	}
	return false
}
