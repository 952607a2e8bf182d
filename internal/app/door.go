package app

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/mining"
)

// What a miner's connection can hold until it has a worker, in bytes: a goroutine's
// stack, the line that it is in the middle of, and what it does not read. TLS adds what
// is read and not for us (24 KiB, in buffers that may be twice as large) and a record
// that is being written.
const (
	strangerStack = 8 << 10
	strangerCost  = strangerStack + strangerLine + strangerQueue
	tlsCost       = 64 << 10
)

// accessModes are the door's words for the file's.
//
//nolint:gochecknoglobals // a table
var accessModes = map[config.AccessMode]guard.Mode{
	config.AccessOff: guard.Off, config.AccessAllow: guard.Allow, config.AccessDeny: guard.Deny,
}

// doorConfig maps the configuration onto the door's; most is how many miners there may
// be.
func doorConfig(cfg *config.Config, most int) guard.Config {
	a := cfg.Access
	return guard.Config{
		Mode: accessModes[a.Mode], Allow: a.Allow, Deny: a.Deny,
		MaxConnections: most, MaxPerAddress: a.MaxPerAddress, MaxPerSubnet: a.MaxPerSubnet, MaxPerWorker: a.MaxPerWorker,
		SubnetV4: a.SubnetV4, SubnetV6: a.SubnetV6,
		StartsPerSecond: a.StartsPerSecond, StrangersMemory: int64(a.StrangersMemory),
	}
}

// makeDoor makes the door, which asks the book of bans and tells the standing of
// addresses: both are there when the first connection comes.
func (a *App) makeDoor() {
	a.door = guard.New(guard.Config{}, guard.Deps{
		Banned: func(addr netip.Addr, now time.Time) bool { return a.bans.Banned(addr, now) },
		OnOpen: func(addr netip.Addr) { a.standing.Opened(addr, time.Now()) },
		OnClose: func(addr netip.Addr, reason mining.Reason, settled bool) {
			a.standing.Closed(addr, reason, settled, time.Now())
		},
	})
	a.gate = listen.NewGate(a.door)
}

// guestOf is a miner's connection at the door; nil for one that came by none.
func guestOf(m *mining.Miner) *guard.Guest {
	g, _ := m.Guest.(*guard.Guest)
	return g
}

// settled tells the door and the standing of a login that was authorized, and says why it
// must end all the same. A ban or a pause may have come while a pool was asked: then the
// book, which ends those that are logged in, did not find it.
func (a *App) settled(m *mining.Miner, login string) mining.Reason {
	if g := guestOf(m); g != nil {
		if reason := g.Settled(login); reason != "" {
			return reason
		}
	}
	a.standing.Settled(m, time.Now())
	if e, ok := a.bans.Login(m.Remote.Addr(), login, time.Now()); ok {
		return e.Kind.Reason()
	}
	return ""
}

// earned tells the door of a miner of which a share was accepted.
func earned(m *mining.Miner) {
	if g := guestOf(m); g != nil {
		g.Earned()
	}
}

// ended tells the door why a miner's connection has ended.
func ended(m *mining.Miner, reason mining.Reason) {
	if g := guestOf(m); g != nil {
		g.Ended(reason)
	}
}

// admit serves a miner's connection, which outlives its listener's accept loop. One
// that came while its listener was removed may be too late for those that are closed
// with it.
func (a *App) admit(ctx context.Context, conn net.Conn, preread []byte, arrival mining.Arrival, gone func()) {
	c := a.serve.Serve(context.Background(), conn, preread, arrival, gone)
	if g := guestOf(c.Miner()); g != nil {
		g.Bind(func(reason mining.Reason) {
			if reason == mining.GaveWay { // others wait for its place
				c.Cut(reason)
				return
			}
			c.Close(reason)
		})
	}
	if errors.Is(context.Cause(ctx), errRemoved) {
		c.Close(mining.ListenerRemoved)
	}
}

// notSettled counts the connections that are no miners yet.
func (a *App) notSettled() (strangers, waiting int) {
	s := a.door.Stats()
	return s.Strangers, s.Waiting
}
