package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

var epoch = time.Unix(1_700_000_000, 0)

// caller is a connection that notes what it is told. Asked to close, it leaves at once
// unless it is slow.
type caller struct {
	addr    netip.Addr
	guest   *Guest
	starts  int
	slow    bool
	dropped mining.Reason
	closed  mining.Reason
}

func (c *caller) Start(g *Guest) { c.guest = g; c.starts++ }

func (c *caller) Drop(g *Guest, reason mining.Reason) {
	c.dropped = reason
	g.Ended(reason)
	g.Leave()
}

func (c *caller) Close(reason mining.Reason) {
	c.closed = reason
	if !c.slow {
		c.leave(reason)
	}
}

func (c *caller) leave(reason mining.Reason) {
	c.guest.Ended(reason)
	c.guest.Leave()
}

// gone says that it was ended by the door.
func (c *caller) gone() bool { return c.dropped != "" || c.closed != "" }

// enter has somebody enter, and wait.
func enter(d *Door, addr string, now time.Time) (*caller, mining.Reason) {
	c := &caller{addr: netip.MustParseAddr(addr)}
	g, reason := d.Enter(Entry{Addr: c.addr, Cost: 1000, Visitor: c}, now)
	c.guest = g
	return c, reason
}

// exhaust has nobody start for now.
func exhaust(d *Door, now time.Time) { d.pace.AllowN(now, d.pace.Burst()) }

// starts lets in who may, and returns how many that are.
func starts(d *Door, now time.Time) (n int) {
	for {
		g, _ := d.Next(now)
		if g == nil {
			return n
		}
		g.Start()
		n++
	}
}

// let has somebody enter and start.
func let(t *testing.T, d *Door, addr string, now time.Time) *caller {
	t.Helper()
	c, reason := enter(d, addr, now)
	if reason != "" {
		t.Fatalf("%s is refused as %s", addr, reason)
	}
	if starts(d, now); c.starts != 1 {
		t.Fatalf("%s has started %d times", addr, c.starts)
	}
	return c
}

// settle makes a miner of it.
func (c *caller) settle(t *testing.T, login string) {
	t.Helper()
	if reason := c.guest.Settled(login); reason != "" {
		t.Fatalf("%s is refused as %s", login, reason)
	}
	c.guest.Earned()
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestLists(t *testing.T) {
	both := Config{
		Allow: prefixes("10.0.0.0/8", "10.1.2.0/24", "2001:db8::/32", "::ffff:192.0.2.0/120"),
		Deny:  prefixes("10.1.0.0/16", "10.1.2.3/32", "2001:db8:bad::/48", "203.0.113.7/32"),
	}
	for addr, want := range map[string]struct{ allow, deny bool }{
		"10.9.9.9":          {true, true},
		"10.1.9.9":          {false, false},
		"10.1.2.9":          {true, true},
		"10.1.2.3":          {false, false},
		"::ffff:10.1.2.3":   {false, false},
		"::ffff:10.9.9.9":   {true, true},
		"192.0.2.1":         {true, true},
		"198.51.100.1":      {false, true},
		"203.0.113.7":       {false, false},
		"2001:db8::1":       {true, true},
		"2001:db8:bad::1":   {false, false},
		"2001:db9::1":       {false, true},
		"2001:db9::1%eth0":  {false, true},
		"2001:db8::1%eth0":  {true, true},
		"2001:db8:bad::1%x": {false, false},
	} {
		for mode, admitted := range map[Mode]bool{Off: true, Allow: want.allow, Deny: want.deny} {
			cfg := both
			cfg.Mode = mode
			_, reason := enter(New(cfg, Deps{}), addr, epoch)
			if wanted := map[bool]mining.Reason{true: "", false: mining.AccessDenied}[admitted]; reason != wanted {
				t.Errorf("%s by mode %d: %q, want %q", addr, mode, reason, wanted)
			}
		}
	}
	same := Config{Mode: Allow, Allow: prefixes("10.0.0.0/8"), Deny: prefixes("10.0.0.0/8")}
	if _, reason := enter(New(same, Deps{}), "10.0.0.1", epoch); reason != mining.AccessDenied {
		t.Errorf("who is in both lists by the same prefix: %q", reason)
	}
}

func TestCaps(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg     Config
		in      []string // two get in
		refused string
		reason  mining.Reason
		other   string // gets in all the same
	}{
		"address": {Config{MaxPerAddress: 2}, []string{"10.0.0.1", "::ffff:10.0.0.1"}, "10.0.0.1", mining.MaxPerAddress, "10.0.0.2"},
		"v4":      {Config{MaxPerSubnet: 2}, []string{"10.0.0.1", "10.0.0.2"}, "10.0.0.3", mining.MaxPerSubnet, "10.0.1.1"},
		"v4 /16":  {Config{MaxPerSubnet: 2, SubnetV4: 16}, []string{"10.0.0.1", "10.0.1.2"}, "10.0.2.3", mining.MaxPerSubnet, "10.1.0.1"},
		"v6":      {Config{MaxPerSubnet: 2}, []string{"2001:db8::1", "2001:db8::2"}, "2001:db8::3", mining.MaxPerSubnet, "2001:db8:0:1::1"},
		"v6 /48":  {Config{MaxPerSubnet: 2, SubnetV6: 48}, []string{"2001:db8::1", "2001:db8:0:1::2"}, "2001:db8:0:2::3", mining.MaxPerSubnet, "2001:db8:1::1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := New(tt.cfg, Deps{})
			first := let(t, d, tt.in[0], epoch)
			let(t, d, tt.in[1], epoch)
			if _, reason := enter(d, tt.refused, epoch); reason != tt.reason {
				t.Errorf("the third: %q, want %s", reason, tt.reason)
			}
			let(t, d, tt.other, epoch)
			first.leave(mining.PeerClosed)
			let(t, d, tt.refused, epoch)
		})
	}
}

func TestMaxPerWorker(t *testing.T) {
	d := New(Config{MaxPerWorker: 2}, Deps{})
	a, b, c := let(t, d, "10.0.0.1", epoch), let(t, d, "10.0.0.1", epoch), let(t, d, "10.0.0.2", epoch)
	a.settle(t, "alice.1")
	a.settle(t, "alice.1") // once more on the same connection
	b.settle(t, "alice.1")
	if reason := c.guest.Settled("alice.1"); reason != mining.MaxPerWorker {
		t.Errorf("the third: %q", reason)
	}
	c.settle(t, "alice.2")
	a.leave(mining.PeerClosed)
	c.settle(t, "alice.1")
	b.leave(mining.PeerClosed)
	c.leave(mining.PeerClosed)
	if len(d.byWorker) != 0 {
		t.Errorf("left over: %v", d.byWorker)
	}
}

// A banned address is refused wherever it turns up.
func TestBanned(t *testing.T) {
	bad := netip.MustParseAddr("203.0.113.9")
	d := New(Config{}, Deps{Banned: func(addr netip.Addr, now time.Time) bool {
		return addr == bad && now.Before(epoch.Add(time.Minute))
	}})
	for _, text := range []string{"203.0.113.9", "::ffff:203.0.113.9"} {
		if _, reason := enter(d, text, epoch); reason != mining.Banned {
			t.Errorf("%s: %q", text, reason)
		}
	}
	let(t, d, "203.0.113.9", epoch.Add(time.Minute)).leave(mining.PeerClosed)

	proxied := &caller{}
	g, reason := d.Enter(Entry{Addr: bad, Behind: true, Visitor: proxied}, epoch)
	if reason != "" {
		t.Fatalf("a believed proxy is refused as %s", reason)
	}
	if reason := g.Known(bad, epoch); reason != mining.Banned {
		t.Errorf("who a proxy speaks for: %q", reason)
	}
	g.Leave()
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("left over: %+v", s)
	}
}

// Of a connection that comes by a believed proxy only the address that it is for counts.
func TestBehind(t *testing.T) {
	d := New(Config{Mode: Allow, Allow: prefixes("10.0.0.0/8"), MaxPerAddress: 1, StartsPerSecond: 1}, Deps{})
	proxy := netip.MustParseAddr("192.0.2.1")
	come := func() *caller {
		c := &caller{}
		g, reason := d.Enter(Entry{Addr: proxy, Behind: true, Cost: 1000, Visitor: c}, epoch)
		if c.guest = g; reason != "" || c.starts != 0 {
			t.Fatalf("the proxy: %q, started %d times", reason, c.starts)
		}
		return c
	}
	for range 3 {
		come() // more than one address may have
	}
	if s := d.Stats(); s.Strangers != 3 || s.Memory != 3000 || s.Waiting != 0 {
		t.Errorf("before they are known: %+v", s)
	}
	a, b, c, e := come(), come(), come(), come()
	for who, want := range map[*caller]struct {
		addr   string
		reason mining.Reason
	}{
		a: {"10.0.0.1", ""},
		c: {"198.51.100.1", mining.AccessDenied},
	} {
		if reason := who.guest.Known(netip.MustParseAddr(want.addr), epoch); reason != want.reason {
			t.Errorf("%s: %q, want %q", want.addr, reason, want.reason)
		}
	}
	if reason := b.guest.Known(netip.MustParseAddr("::ffff:10.0.0.1"), epoch); reason != mining.MaxPerAddress {
		t.Errorf("another one of that address: %q", reason)
	}
	if reason := e.guest.Known(netip.MustParseAddr("10.0.0.2"), epoch); reason != "" {
		t.Errorf("another address: %q", reason)
	}
	if s := d.Stats(); s.Waiting != 2 {
		t.Errorf("known, and: %+v", s)
	}
	if n := starts(d, epoch); n != 1 || a.starts != 1 { // one a second
		t.Errorf("%d have started", n)
	}
	if n := starts(d, epoch.Add(time.Second)); n != 1 || e.starts != 1 {
		t.Errorf("%d have started a second later", n)
	}
	if a.guest.addr != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("it is judged as %s", a.guest.addr)
	}
}

func TestHooks(t *testing.T) {
	var told []string
	d := New(Config{}, Deps{
		OnOpen: func(addr netip.Addr) { told = append(told, "open "+addr.String()) },
		OnClose: func(addr netip.Addr, reason mining.Reason, settled bool) {
			told = append(told, fmt.Sprint("close ", addr, " ", reason, " ", settled))
		},
	})
	a := let(t, d, "10.0.0.1", epoch)
	a.leave(mining.UnknownProtocol)
	a.guest.Leave() // once only
	b := let(t, d, "10.0.0.2", epoch)
	b.settle(t, "x")
	b.leave(mining.PeerClosed)
	proxied := &caller{}
	proxied.guest, _ = d.Enter(Entry{Addr: netip.MustParseAddr("192.0.2.1"), Behind: true, Visitor: proxied}, epoch)
	proxied.leave(mining.PeerClosed) // a health check of its own
	proxied.guest, _ = d.Enter(Entry{Addr: netip.MustParseAddr("192.0.2.1"), Behind: true, Visitor: proxied}, epoch)
	_ = proxied.guest.Known(netip.MustParseAddr("10.0.0.3"), epoch)
	proxied.leave(mining.HTTPRequest)
	want := "[open 10.0.0.1 close 10.0.0.1 unknown_protocol false open 10.0.0.2 close 10.0.0.2 peer_closed true " +
		"open 10.0.0.3 close 10.0.0.3 http_request false]"
	if got := fmt.Sprint(told); got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
}

// Whatever stage a guest is at, an operator can end it, by address or by network.
func TestEvict(t *testing.T) {
	d := New(Config{StartsPerSecond: 100}, Deps{})
	settledOne, strange, far := let(t, d, "10.0.0.1", epoch), let(t, d, "10.0.0.1", epoch), let(t, d, "10.0.1.1", epoch)
	settledOne.settle(t, "a")
	bound := mining.Reason("")
	strange.guest.Bind(func(r mining.Reason) { bound = r; strange.leave(r) })
	exhaust(d, epoch.Add(time.Minute))
	queued, _ := enter(d, "10.0.0.1", epoch.Add(time.Minute))
	if starts(d, epoch.Add(time.Minute)) != 0 {
		t.Fatal("it does not wait")
	}
	if n := d.Evict(of(netip.MustParsePrefix("10.0.0.0/24"), mining.Banned)); n != 3 {
		t.Errorf("%d are evicted", n)
	}
	if settledOne.closed != mining.Banned || bound != mining.Banned || strange.closed != "" || queued.dropped != mining.Banned || far.gone() {
		t.Errorf("settled %q, bound %q, its visitor %q, queued %q, far %t", settledOne.closed, bound, strange.closed, queued.dropped, far.gone())
	}
	if n := d.Evict(of(netip.MustParsePrefix("10.0.1.1/32"), mining.Disconnected)); n != 1 || far.closed != mining.Disconnected {
		t.Errorf("%d, %q", n, far.closed)
	}
	// One that was asked to end before it is bound hears of it then.
	slow := let(t, d, "10.0.3.1", epoch.Add(2*time.Minute))
	slow.slow = true
	d.Evict(of(netip.MustParsePrefix("10.0.3.1/32"), mining.Banned))
	late := mining.Reason("")
	slow.guest.Bind(func(r mining.Reason) { late = r })
	if late != mining.Banned {
		t.Errorf("bound late, told %q", late)
	}
	if n := d.Evict(of(netip.MustParsePrefix("10.0.3.1/32"), mining.Banned)); n != 0 {
		t.Error("it is asked twice")
	}
}

// A new list ends whom it refuses, and nobody else; new limits hold for who comes.
func TestReconfigure(t *testing.T) {
	d := New(Config{}, Deps{})
	in, out := let(t, d, "10.0.0.1", epoch), let(t, d, "10.1.0.1", epoch)
	in.settle(t, "a")
	out.settle(t, "b")
	proxied := &caller{}
	proxied.guest, _ = d.Enter(Entry{Addr: netip.MustParseAddr("192.0.2.1"), Behind: true, Visitor: proxied}, epoch)
	stranger := let(t, d, "10.1.0.2", epoch)
	next := Config{Mode: Allow, Allow: prefixes("10.0.0.0/16"), MaxConnections: 9, MaxPerSubnet: 2, SubnetV4: 16}
	if n := d.Refused(next); n != 1 || out.gone() {
		t.Errorf("%d would be refused; the one is gone: %t", n, out.gone())
	}
	stranger.leave(mining.PeerClosed)
	n := d.Reconfigure(next)
	if n != 1 || in.gone() || out.closed != mining.AccessDenied || proxied.gone() {
		t.Errorf("%d ended: %t, %q, %t", n, in.gone(), out.closed, proxied.gone())
	}
	if d.Max() != 9 {
		t.Errorf("%d guests at most", d.Max())
	}
	let(t, d, "10.0.9.9", epoch)
	if _, reason := enter(d, "10.0.8.8", epoch); reason != mining.MaxPerSubnet {
		t.Errorf("a third of the new subnet: %q", reason)
	}
	in.leave(mining.PeerClosed)
	let(t, d, "10.0.8.8", epoch)
}

func TestWithdraw(t *testing.T) {
	d := New(Config{StartsPerSecond: 1}, Deps{})
	first := let(t, d, "10.0.0.1", epoch)
	second, _ := enter(d, "10.0.0.1", epoch)
	if d.Withdraw(first.guest) || !d.Withdraw(second.guest) || d.Withdraw(second.guest) {
		t.Error("only who waits can be withdrawn, and once")
	}
	if n := starts(d, epoch.Add(time.Hour)); n != 0 || second.starts != 0 {
		t.Errorf("%d have started", n)
	}
	second.guest.Leave()
	first.leave(mining.PeerClosed)
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("left over: %+v", s)
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	d := New(Config{MaxConnections: 100_000, StrangersMemory: 1 << 30, Mode: Deny, Deny: prefixes("203.0.113.0/24")}, Deps{})
	addrs := make([]netip.Addr, 1024)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	b.ReportAllocs()
	for i := range b.N {
		c := &caller{}
		c.guest, _ = d.Enter(Entry{Addr: addrs[i%len(addrs)], Cost: 1000, Visitor: c}, epoch)
		g, _ := d.Next(epoch)
		g.Start()
		g.Settled("alice.1")
		g.Leave()
	}
}

// of judges guests by where they come from.
func of(prefix netip.Prefix, reason mining.Reason) func(netip.Addr, bool) mining.Reason {
	return func(addr netip.Addr, _ bool) mining.Reason {
		if prefix.Contains(addr) {
			return reason
		}
		return ""
	}
}
