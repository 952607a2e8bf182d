package guard

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
)

func addrOf(text string) netip.Addr { return netip.MustParseAddr(text) }

// Strangers of the address with most of them go first, the oldest first; settled miners
// and those of other addresses stay.
func TestFullDoorPushesOutTheCrowd(t *testing.T) {
	d := New(Config{MaxConnections: 10}, Deps{})
	miner, honest := let(t, d, "10.0.0.1", epoch), let(t, d, "10.0.0.2", epoch)
	miner.settle(t, "a")
	crowd := make([]*caller, 0, 8)
	for i := range 8 {
		crowd = append(crowd, let(t, d, "203.0.113.1", epoch.Add(time.Duration(i))))
	}
	// More of the same: the oldest has its time first.
	if _, reason := enter(d, "203.0.113.1", epoch.Add(time.Second)); reason != mining.MaxConnections {
		t.Errorf("one more of the crowd: %q", reason)
	}
	let(t, d, "10.0.0.3", epoch.Add(time.Second))
	if crowd[0].closed != mining.GaveWay || crowd[1].gone() {
		t.Errorf("the oldest of the crowd: %q, the next: %t", crowd[0].closed, crowd[1].gone())
	}
	late := epoch.Add(3 * time.Second)
	let(t, d, "203.0.113.1", late)
	if crowd[1].closed != mining.GaveWay {
		t.Error("the crowd does not push out its own")
	}
	if miner.gone() || honest.gone() {
		t.Error("who has done nothing was ended")
	}
	// Where there are settled miners only, a newcomer is refused.
	full := New(Config{MaxConnections: 2}, Deps{})
	let(t, full, "10.0.0.1", epoch).settle(t, "a")
	let(t, full, "10.0.0.1", epoch).settle(t, "b")
	if _, reason := enter(full, "10.0.0.3", late); reason != mining.MaxConnections || full.GiveWay(late) {
		t.Errorf("settled miners give way: %q", reason)
	}
}

// A farm that is known may have as many strangers as it had miners: somebody unknown
// does not push them out, and it pushes out unknown ones.
func TestCreditProtects(t *testing.T) {
	d := New(Config{MaxConnections: 8}, Deps{})
	farm := make([]*caller, 0, 8)
	for range 8 {
		c := let(t, d, "192.0.2.1", epoch)
		c.settle(t, "a")
		farm = append(farm, c)
	}
	for _, c := range farm {
		c.leave(mining.PeerReset)
	}
	now := epoch.Add(time.Minute)
	strange := let(t, d, "203.0.113.1", now)
	for range 7 {
		let(t, d, "192.0.2.1", now)
	}
	if _, reason := enter(d, "203.0.113.2", now.Add(time.Minute)); reason != "" || strange.closed != mining.GaveWay {
		t.Errorf("an unknown one pushes out an unknown one: %q, %q", reason, strange.closed)
	}
	let(t, d, "192.0.2.1", now.Add(2*time.Minute))
	if _, reason := enter(d, "203.0.113.3", now.Add(3*time.Minute)); reason != mining.MaxConnections {
		t.Errorf("an unknown one against a known farm: %q", reason)
	}
}

// Who has only logged in has no credit by that: what it leaves behind gives way.
func TestLoginsEarnNoCredit(t *testing.T) {
	d := New(Config{StrangersMemory: 8000}, Deps{})
	crowd := make([]*caller, 0, 8)
	for range 8 {
		c := let(t, d, "203.0.113.1", epoch)
		c.guest.Settled("anybody")
		crowd = append(crowd, c)
	}
	for _, c := range crowd {
		c.leave(mining.PeerClosed)
		let(t, d, "203.0.113.1", epoch)
	}
	late := epoch.Add(grace)
	honest, _ := enter(d, "10.0.0.1", late)
	for range 2 { // what is asked to go has gone
		starts(d, late)
	}
	if honest.starts != 1 {
		t.Errorf("an honest miner waits: %+v", d.Stats())
	}
}

// A crowd that has only logged in does not keep others out for good: its oldest give way
// to who comes from where there are less, and no miner does, nor one that comes with it.
func TestLoiterersGiveWay(t *testing.T) {
	d := New(Config{MaxConnections: 8}, Deps{})
	miner := let(t, d, "10.0.0.1", epoch)
	miner.settle(t, "a")
	lone := let(t, d, "10.0.0.2", epoch) // one that has found no share yet
	lone.guest.Settled("b")
	crowd := make([]*caller, 0, 6)
	for i := range 6 {
		c := let(t, d, "203.0.113.1", epoch.Add(time.Duration(i)))
		c.guest.Settled("anybody")
		crowd = append(crowd, c)
	}
	if _, reason := enter(d, "10.0.0.3", epoch.Add(loiter-time.Second)); reason != mining.MaxConnections {
		t.Errorf("they have no time to find a share: %q", reason)
	}
	late := epoch.Add(loiter + time.Second)
	if _, reason := enter(d, "203.0.113.1", late); reason != mining.MaxConnections {
		t.Errorf("one more of the crowd: %q", reason)
	}
	if _, reason := enter(d, "10.0.0.3", late); reason != "" || crowd[0].closed != mining.GaveWay || crowd[1].gone() {
		t.Errorf("another one: %q, the crowd's oldest %q", reason, crowd[0].closed)
	}
	if miner.gone() || lone.gone() {
		t.Error("one that is no crowd gave way")
	}
}

// Where memory is full the crowd's oldest give way; what they hold counts until they
// have gone.
func TestMemoryGivesWay(t *testing.T) {
	d := New(Config{StrangersMemory: 10_000}, Deps{})
	crowd := make([]*caller, 0, 9)
	for i := range 9 {
		c := let(t, d, "203.0.113.1", epoch.Add(time.Duration(i)))
		c.slow = true
		crowd = append(crowd, c)
	}
	honest := let(t, d, "10.0.0.1", epoch)
	queued, _ := enter(d, "10.0.0.2", epoch.Add(time.Second))
	if starts(d, epoch.Add(time.Second)) != 0 || crowd[0].gone() {
		t.Error("strangers have no time to log in")
	}
	late := epoch.Add(3 * time.Second)
	if starts(d, late) != 0 || crowd[0].closed != mining.GaveWay || crowd[1].gone() || d.Stats().Memory != 10_000 {
		t.Errorf("asked: %q, %t; %+v", crowd[0].closed, crowd[1].gone(), d.Stats())
	}
	crowd[0].leave(mining.GaveWay)
	if starts(d, late) != 1 || queued.starts != 1 || honest.gone() {
		t.Errorf("started %d times, the other: %t", queued.starts, honest.gone())
	}
	// One that holds less than was thought makes room.
	more, _ := enter(d, "10.0.0.3", late)
	honest.guest.Relieve(999)
	queued.guest.Relieve(1)
	if starts(d, late); more.starts != 1 || d.Stats().Memory != 10_000 {
		t.Errorf("started %d times: %+v", more.starts, d.Stats())
	}
}

// GiveWay frees the descriptor of who has had its time.
func TestGiveWay(t *testing.T) {
	d := New(Config{}, Deps{})
	a, b := let(t, d, "10.0.0.1", epoch), let(t, d, "10.0.0.1", epoch)
	a.settle(t, "a")
	if d.GiveWay(epoch.Add(grace-1)) || b.gone() {
		t.Error("a stranger has no time to log in")
	}
	late := epoch.Add(grace)
	if !d.GiveWay(late) || b.closed != mining.GaveWay || d.GiveWay(late) || a.gone() {
		t.Errorf("stranger %q, miner %t", b.closed, a.gone())
	}
}

// model is what a door must agree with.
type model struct {
	d       *Door
	cfg     Config
	now     time.Time
	callers []*caller
}

func (m *model) drop(c *caller) {
	for i, other := range m.callers {
		if other == c {
			m.callers = append(m.callers[:i], m.callers[i+1:]...)
		}
	}
}

// check compares what the door counts with who is there, and holds it to its limits.
func (m *model) check(t *rapid.T) {
	kept := m.callers[:0]
	for _, c := range m.callers {
		if !c.gone() || c.slow && c.dropped == "" {
			kept = append(kept, c)
		}
	}
	m.callers = kept
	byAddr, bySubnet := map[netip.Addr]int{}, map[netip.Prefix]int{}
	held := int64(0)
	for _, c := range m.callers {
		byAddr[c.addr]++
		bySubnet[netip.PrefixFrom(c.addr, 24).Masked()]++
		held += c.guest.held
		if c.closed == mining.GaveWay && c.guest.earned {
			t.Fatalf("a miner gave way")
		}
	}
	s := m.d.Stats()
	if s.Guests != len(m.callers) || s.Guests-m.d.leaving > m.cfg.MaxConnections || m.d.leaving > maxLeaving {
		t.Fatalf("%d guests of %d, %d leaving, %d there", s.Guests, m.cfg.MaxConnections, m.d.leaving, len(m.callers))
	}
	if s.Memory != held || held > m.cfg.StrangersMemory {
		t.Fatalf("%d bytes are held, %d counted, of %d", held, s.Memory, m.cfg.StrangersMemory)
	}
	for addr, n := range byAddr {
		if n > m.cfg.MaxPerAddress || m.d.byAddr[addr] != n {
			t.Fatalf("%s has %d, %d counted", addr, n, m.d.byAddr[addr])
		}
	}
	for prefix, n := range bySubnet {
		if n > m.cfg.MaxPerSubnet || m.d.bySubnet[prefix] != n {
			t.Fatalf("%s has %d, %d counted", prefix, n, m.d.bySubnet[prefix])
		}
	}
	for login, n := range m.d.byWorker {
		if n > m.cfg.MaxPerWorker {
			t.Fatalf("%s is here %d times", login, n)
		}
	}
}

// Whatever happens in whatever order: no limit is exceeded, no miner that has earned gives way,
// everything counted is there, and in the end nothing is counted.
func TestPropertyOfCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{now: epoch, cfg: Config{
			MaxConnections: rapid.IntRange(1, 20).Draw(t, "most"), MaxPerAddress: rapid.IntRange(1, 8).Draw(t, "address"),
			MaxPerSubnet: rapid.IntRange(1, 12).Draw(t, "subnet"), MaxPerWorker: 3,
			StrangersMemory: int64(rapid.IntRange(1, 12).Draw(t, "memory")) * 1000, StartsPerSecond: rapid.IntRange(1, 100).Draw(t, "pace"),
		}}
		m.d = New(m.cfg, Deps{})
		addr := rapid.Custom(func(t *rapid.T) netip.Addr {
			return netip.AddrFrom4([4]byte{10, 0, byte(rapid.IntRange(0, 2).Draw(t, "net")), byte(rapid.IntRange(0, 3).Draw(t, "host"))})
		})
		one := func(t *rapid.T) *caller {
			if len(m.callers) == 0 {
				t.Skip("nobody is here")
			}
			return rapid.SampledFrom(m.callers).Draw(t, "who")
		}
		t.Repeat(map[string]func(*rapid.T){
			"": m.check,
			"enter": func(t *rapid.T) {
				c := &caller{addr: addr.Draw(t, "addr"), slow: rapid.Bool().Draw(t, "slow")}
				g, reason := m.d.Enter(Entry{Addr: c.addr, Cost: 1000, Visitor: c}, m.now)
				if c.guest = g; reason == "" {
					m.callers = append(m.callers, c)
				}
			},
			"enter again": func(t *rapid.T) { // twice as often
				c := &caller{addr: addr.Draw(t, "addr")}
				g, reason := m.d.Enter(Entry{Addr: c.addr, Cost: 1000, Visitor: c}, m.now)
				if c.guest = g; reason == "" {
					m.callers = append(m.callers, c)
				}
			},
			"pass": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"start":  func(*rapid.T) { starts(m.d, m.now) },
			"settle": func(t *rapid.T) { one(t).guest.Settled(strconv.Itoa(rapid.IntRange(0, 3).Draw(t, "login"))) },
			"earn":   func(t *rapid.T) { one(t).guest.Earned() },
			"leave":  func(t *rapid.T) { c := one(t); c.leave(mining.PeerClosed); m.drop(c) },
			"evict": func(t *rapid.T) {
				m.d.Evict(of(netip.PrefixFrom(addr.Draw(t, "addr"), rapid.IntRange(22, 32).Draw(t, "bits")).Masked(), mining.Disconnected))
			},
			"give way": func(*rapid.T) { m.d.GiveWay(m.now) },
		})
		for _, c := range m.callers {
			c.leave(mining.PeerClosed)
		}
		d := m.d
		if s := d.Stats(); s != (Stats{}) || d.lounges.top() != nil || d.leaving != 0 || d.given != 0 || d.turns.len != 0 ||
			len(d.parties)+len(d.byAddr)+len(d.bySubnet)+len(d.byWorker) != 0 || d.holders.top() != nil || d.crowds.top() != nil {
			t.Fatalf("left over: %+v, %d leaving, %d given, %d parties, %v %v", s, d.leaving, d.given, len(d.parties), d.byAddr, d.byWorker)
		}
	})
}

// Whoever gives way for a newcomer is of a party that has more strangers above its
// credit than any other, or of the newcomer's own; and is that one's oldest.
func TestPropertyOfGivingWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(Config{MaxConnections: 12}, Deps{})
		var all []*caller
		now := epoch
		for range rapid.IntRange(12, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
			c := &caller{addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(0, 4).Draw(t, "host"))})}
			before := map[netip.Addr]int{}
			oldest := map[netip.Addr]time.Time{}
			for _, other := range all {
				if g := other.guest; !other.gone() && !g.miner {
					before[other.addr]++
					if at, ok := oldest[other.addr]; !ok || g.since.Before(at) {
						oldest[other.addr] = g.since
					}
				}
			}
			excess := func(addr netip.Addr, n int) int {
				if p := d.parties[netip.PrefixFrom(addr, 32)]; p != nil {
					return p.excess(n)
				}
				return n - d.credits.young[netip.PrefixFrom(addr, 32)]
			}
			g, reason := d.Enter(Entry{Addr: c.addr, Visitor: c}, now)
			c.guest = g
			for _, other := range all {
				if other.closed != mining.GaveWay && other.dropped != mining.GaveWay || other.slow {
					continue
				}
				other.slow = true // seen
				switch {
				case other.guest.earned:
					t.Fatal("a miner gave way")
				case other.guest.miner: // it has only logged in
					if now.Sub(other.guest.since) < loiter {
						t.Fatal("one that is logged in had not its time")
					}
					continue
				}
				for addr, n := range before {
					if other.addr != c.addr && excess(addr, n) > max(0, excess(other.addr, before[other.addr])) {
						t.Fatalf("one of %s gave way, which had %d, while %s had %d: %v", other.addr, before[other.addr], addr, n, before)
					}
				}
				if !other.guest.since.Equal(oldest[other.addr]) {
					t.Fatalf("one of %s gave way that was not its oldest", other.addr)
				}
			}
			if reason != "" {
				continue
			}
			all = append(all, c)
			starts(d, now)
			if rapid.IntRange(0, 2).Draw(t, "settles") == 0 {
				g.Settled("x")
			}
			if rapid.Bool().Draw(t, "earns") {
				g.Earned() // nothing, of a stranger
			}
		}
	})
}

// The lists answer as a plain search for the longest prefix does.
func TestPropertyOfLists(t *testing.T) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		if rapid.Bool().Draw(t, "v6") {
			a := netip.AddrFrom16([16]byte{0x20, 0x01, byte(rapid.IntRange(0, 3).Draw(t, "b")), 15: byte(rapid.IntRange(0, 3).Draw(t, "c"))})
			return netip.PrefixFrom(a, rapid.IntRange(0, 128).Draw(t, "bits"))
		}
		a := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, "b")), byte(rapid.IntRange(0, 3).Draw(t, "c")), byte(rapid.IntRange(0, 255).Draw(t, "d"))})
		bits := rapid.IntRange(0, 32).Draw(t, "bits")
		if rapid.Bool().Draw(t, "mapped") {
			return netip.PrefixFrom(netip.AddrFrom16(a.As16()), bits+96)
		}
		return netip.PrefixFrom(a, bits)
	})
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Mode:  rapid.SampledFrom([]Mode{Off, Allow, Deny}).Draw(t, "mode"),
			Allow: rapid.SliceOfN(prefix, 0, 8).Draw(t, "allow"), Deny: rapid.SliceOfN(prefix, 0, 8).Draw(t, "deny"),
		}
		l := newLists(cfg)
		for range 8 {
			addr := plain(prefix.Draw(t, "addr").Addr())
			want, best := cfg.Mode != Allow, -1
			for _, list := range []struct {
				prefixes []netip.Prefix
				allowed  bool
			}{{cfg.Allow, true}, {cfg.Deny, false}} {
				for _, p := range list.prefixes {
					if p = native(p); p.Contains(addr) && (p.Bits() > best || p.Bits() == best && !list.allowed) {
						best, want = p.Bits(), list.allowed
					}
				}
			}
			if cfg.Mode == Off {
				want = true
			}
			if got := l.admits(addr); got != want {
				t.Fatalf("%s: %t, want %t (allow %v, deny %v)", addr, got, want, cfg.Allow, cfg.Deny)
			}
		}
	})
}
