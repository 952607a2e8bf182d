package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/guard/kernel"
	"github.com/loka/stratum/internal/mining"
)

// bansAtStart bounds how long a start waits for the bans of a store that is away. They
// hold from when it is there.
const bansAtStart = 2 * time.Second

// bansConfig maps the configuration onto the book's.
func bansConfig(cfg *config.Config) bans.Config {
	of := cfg.Bans
	b := bans.Config{Automatic: of.Automatic, First: of.First, Longest: of.Longest, Forget: of.Forget, Exempt: slices.Clone(of.Never)}
	for i := range cfg.Listeners {
		b.Exempt = append(b.Exempt, cfg.Listeners[i].ProxyFrom...)
	}
	return b
}

// makeBans makes the book of bans, with what an earlier run has left, and who judges
// for it.
func (a *App) makeBans(cfg *config.Config, instance string) {
	a.dropper = &dropper{log: a.log, table: "loka_" + instance}
	a.bans = bans.New(bansConfig(cfg), bans.Deps{
		Store: a.kept.warehouse, Instance: instance, Conns: minerConns{a}, Drop: a.dropper,
		Logger: a.log, Metrics: a.counts.bans(), Events: a.happened.log, Now: time.Now,
	})
	a.standing = bans.NewStanding(a.bans)
	ctx, cancel := context.WithTimeout(context.Background(), bansAtStart)
	defer cancel()
	if err := a.bans.Load(ctx); err != nil {
		a.log.Warn("bans of earlier runs are not known yet: the store is away; they hold from when it is there", "error", err)
	}
}

func (c *counts) bans() bans.Metrics {
	of := &c.m.Bans
	return bans.Metrics{
		InForce:  func(k bans.Kind, cause bans.Cause) bans.Gauge { return of.InForce(k, cause) },
		Added:    func(k bans.Kind, cause bans.Cause) bans.Counter { return of.Added(k, cause) },
		Overflow: of.Overflow, Unkept: of.Unkept,
	}
}

// minerConns are the miners' connections for the book of bans.
type minerConns struct{ app *App }

// End implements [bans.Conns]. Who is not logged in is at the door still.
func (m minerConns) End(judge func(netip.Addr, []string) mining.Reason) (ended int) {
	ended = m.app.door.Evict(func(addr netip.Addr, settled bool) mining.Reason {
		if settled {
			return ""
		}
		return judge(addr, nil)
	})
	for _, c := range m.app.serve.Conns() {
		s := c.State()
		if len(s.Session.Workers) == 0 {
			continue
		}
		if reason := judge(s.Miner.Remote.Addr(), s.Session.Workers); reason != "" {
			c.Close(reason)
			ended++
		}
	}
	return ended
}

// dropper has the kernel drop what banned addresses send, if it is configured and can
// be done.
type dropper struct {
	log   *slog.Logger
	table string

	mu     sync.Mutex // guards what follows
	filter *kernel.Filter
	ports  []uint16
	// latest is what was banned last, for a filter that is opened later.
	latest []bans.Dropped
}

// use opens or closes the filter, as the configuration says, and has it watch what is
// listened on.
func (d *dropper) use(want config.KernelDrop, addrs []net.Addr) {
	ports := portsOf(addrs)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case want != config.KernelNftables:
		d.close()
	case d.filter == nil:
		d.open(ports)
	case !slices.Equal(d.ports, ports):
		if err := d.filter.SetPorts(ports); err != nil {
			d.log.Warn("banned addresses are dropped by the kernel at the former ports only", "error", err)
			return
		}
		d.ports = ports
	}
}

// open opens the filter; d.mu is held.
func (d *dropper) open(ports []uint16) {
	filter, err := kernel.Open(kernel.Config{Table: d.table, Ports: ports})
	if err != nil {
		d.log.Warn("bans.kernel has no effect; banned addresses are refused by loka itself", "error", err)
		return
	}
	d.filter, d.ports = filter, ports
	if err := filter.Drop(time.Now(), d.latest); err != nil && !errors.Is(err, kernel.ErrTooMany) {
		d.log.Warn("the kernel does not take the bans; banned addresses are refused by loka itself", "error", err)
		return
	}
	d.log.Info("banned addresses are dropped by the kernel", "table", d.table, "ports", ports)
}

// Drop implements [bans.Dropper].
func (d *dropper) Drop(now time.Time, all []bans.Dropped) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest = all
	if d.filter == nil {
		return nil
	}
	return d.filter.Drop(now, all)
}

// close takes the filter away; d.mu is held.
func (d *dropper) close() {
	if d.filter == nil {
		return
	}
	if err := d.filter.Close(); err != nil {
		d.log.Warn("banned addresses may still be dropped by the kernel", "table", d.table, "error", err)
	}
	d.filter = nil
}

// end takes the filter away at the end of the program.
func (d *dropper) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.close()
}

// portsOf are the TCP ports of addresses, sorted.
func portsOf(addrs []net.Addr) []uint16 {
	var ports []uint16
	for _, addr := range addrs {
		if tcp, ok := addr.(*net.TCPAddr); ok {
			ports = append(ports, tcp.AddrPort().Port())
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// dropBanned has the kernel drop banned addresses, as far as a configuration wants it,
// at what is listened on now.
func (a *App) dropBanned(cfg *config.Config) {
	a.mu.Lock()
	addrs := make([]net.Addr, 0, len(a.served))
	for _, s := range a.served {
		addrs = append(addrs, s.listener.Addr())
	}
	a.mu.Unlock()
	a.dropper.use(cfg.Bans.Kernel, addrs)
}
