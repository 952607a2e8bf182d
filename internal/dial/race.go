package dial

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// attemptDelay is how long an address may take before the next one is tried
// beside it, as RFC 8305, section 5, recommends.
const attemptDelay = 250 * time.Millisecond

// attempt is how one address's connection came out.
type attempt struct {
	conn net.Conn
	err  error
}

// race connects to the first of some addresses that answers. The next one is
// begun when one has failed or has not answered for attemptDelay, so that a dead
// one costs no more. The error is the first that came.
func (d *Dialer) race(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	racing, cancel := context.WithCancel(ctx)
	defer cancel()
	attempts := make(chan attempt)
	begun, ended := 0, 0
	begin := func() {
		to := netip.AddrPortFrom(addrs[begun], port)
		begun++
		go func() {
			conn, err := d.tcp(racing, to)
			attempts <- attempt{conn, err}
		}()
	}
	next := time.NewTimer(attemptDelay)
	defer next.Stop()
	begin()
	var won net.Conn
	var first error
	for ended < begun {
		select {
		case a := <-attempts:
			ended++
			switch {
			case a.err == nil && won == nil:
				won = a.conn
				cancel()
			case a.err == nil:
				_ = a.conn.Close()
				continue
			case first == nil:
				first = a.err
			}
		case <-next.C:
		}
		if won == nil && begun < len(addrs) && ctx.Err() == nil {
			begin()
			next.Reset(attemptDelay)
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, first
}

// connectTCP opens one connection.
func connectTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	// Who runs the connection sets the keepalive that it wants.
	dialer := net.Dialer{KeepAlive: -1}
	return dialer.DialContext(ctx, "tcp", to.String())
}
