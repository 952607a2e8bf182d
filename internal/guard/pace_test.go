package guard

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// run lets time pass, in which who may starts and settles.
func run(t *testing.T, d *Door, from, until time.Time, settles func(*Guest) bool) (order []*Guest) {
	t.Helper()
	for now := from; now.Before(until); now = now.Add(time.Millisecond) {
		for {
			g, _ := d.Next(now)
			if g == nil {
				break
			}
			g.Start()
			if settles(g) {
				g.Settled("m")
			}
			order = append(order, g)
		}
	}
	return order
}

func everybody(*Guest) bool { return true }

// A farm of 18,000 behind one address that comes back at once is let in whole, at the
// pace, and nobody is refused.
func TestWholeFarmGetsIn(t *testing.T) {
	d := New(Config{MaxConnections: 20_000, StartsPerSecond: 4000, StrangersMemory: 64 << 20}, Deps{})
	for range 18_000 {
		if _, reason := enter(d, "192.0.2.1", epoch); reason != "" {
			t.Fatalf("refused as %s", reason)
		}
	}
	if n := len(run(t, d, epoch, epoch.Add(time.Second), everybody)); n < 4000 || n > 4201 {
		t.Errorf("%d have started in a second", n)
	}
	run(t, d, epoch.Add(time.Second), epoch.Add(5*time.Second), everybody)
	if s := d.Stats(); s.Guests != 18_000 || s.Waiting != 0 || s.Strangers != 0 || s.Memory != 0 {
		t.Errorf("after five seconds: %+v", s)
	}
}

// While 50 addresses come 5,000 times a second and a farm of 18,000 comes back, a single
// miner is let in at once, and the farm within ten seconds, whether it is known from
// before or not.
func TestFloodStarvesNobody(t *testing.T) {
	for name, known := range map[string]bool{"known": true, "new": false} {
		t.Run(name, func(t *testing.T) {
			d := New(Config{MaxConnections: 100_000, StartsPerSecond: 4000, StrangersMemory: 512 << 20}, Deps{})
			if known {
				d.credits.keep(PartyOf(addrOf("192.0.2.1")), 18_000)
			}
			farm, farmIn := 0, 0
			honest := func(g *Guest) bool { return g.addr.As4()[0] == 192 || g.addr.As4()[0] == 198 }
			for ms := range 10_000 {
				now := epoch.Add(time.Duration(ms) * time.Millisecond)
				for i := range 5 {
					c := &caller{}
					c.guest, _ = d.Enter(Entry{Addr: addrOf(fmt.Sprintf("203.0.113.%d", (ms*5+i)%50)), Cost: 36 << 10, Visitor: c}, now)
				}
				for range 18 {
					if farm < 18_000 {
						farm++
						c := &caller{}
						if _, reason := d.Enter(Entry{Addr: addrOf("192.0.2.1"), Cost: 36 << 10, Visitor: c}, now); reason != "" {
							t.Fatalf("the farm is refused as %s", reason)
						}
					}
				}
				if ms%1000 == 500 {
					c := &caller{}
					c.guest, _ = d.Enter(Entry{Addr: addrOf(fmt.Sprintf("198.51.100.%d", ms/1000)), Visitor: c}, now)
					run(t, d, now, now.Add(100*time.Millisecond), honest)
					if c.starts != 1 {
						t.Fatalf("after %d ms a single miner waits for more than 100 ms", ms)
					}
				}
				for _, g := range run(t, d, now, now.Add(time.Millisecond), honest) {
					if g.addr.As4()[0] == 192 {
						farmIn++
					}
				}
			}
			limit := 17_000 // what came last may wait still
			if p := d.parties[PartyOf(addrOf("192.0.2.1"))]; p == nil || p.settled < limit {
				t.Errorf("of 18,000 of the farm %d are in (%d counted): %+v", p.settled, farmIn, d.Stats())
			}
		})
	}
}

// Who waits starts in the order of coming within a party, and the parties in turn.
func TestTurns(t *testing.T) {
	d := New(Config{StartsPerSecond: 1000}, Deps{})
	exhaust(d, epoch)
	want := make([]*Guest, 0, 9)
	var parties [3][]*Guest
	for i := range parties {
		for range 3 {
			c, _ := enter(d, fmt.Sprintf("10.0.0.%d", i), epoch)
			parties[i] = append(parties[i], c.guest)
		}
	}
	for i := range 3 {
		for _, p := range parties {
			want = append(want, p[i])
		}
	}
	got := run(t, d, epoch, epoch.Add(20*time.Millisecond), everybody)
	if !slices.Equal(got, want) {
		t.Errorf("started in the order\n%p, want\n%p", got, want)
	}
}

// Next says when it is worth asking again.
func TestNextSaysWhen(t *testing.T) {
	d := New(Config{StartsPerSecond: 10, StrangersMemory: 2500}, Deps{})
	if g, wait := d.Next(epoch); g != nil || wait != 0 {
		t.Errorf("nobody waits: %v, %v", g, wait)
	}
	let(t, d, "10.0.0.1", epoch)
	_, _ = enter(d, "10.0.0.1", epoch)
	if g, wait := d.Next(epoch); g != nil || wait != 100*time.Millisecond {
		t.Errorf("by the pace: %v, %v", g, wait)
	}
	starts(d, epoch.Add(time.Second))
	_, _ = enter(d, "10.0.0.1", epoch.Add(time.Second))
	if g, wait := d.Next(epoch.Add(2 * time.Second)); g != nil || wait != retry {
		t.Errorf("by memory: %v, %v", g, wait)
	}
}

// What a party has had settled is remembered for a while, and forgotten.
func TestCreditIsRemembered(t *testing.T) {
	d := New(Config{}, Deps{})
	now := epoch
	for i := range 3 {
		c := let(t, d, "10.0.0.1", now)
		c.settle(t, "a")
		if i < 2 {
			defer c.leave(mining.PeerClosed)
		} else {
			c.leave(mining.PeerClosed)
		}
	}
	p := d.parties[PartyOf(addrOf("10.0.0.1"))]
	if p.credit != 3 || p.settled != 2 {
		t.Errorf("credit %d, settled %d", p.credit, p.settled)
	}
	for name, tt := range map[string]struct {
		after time.Duration
		want  int
	}{"soon": {90 * time.Minute, 1}, "late": {5 * time.Hour, 0}} {
		d := New(Config{}, Deps{})
		c := let(t, d, "10.0.0.1", epoch)
		c.settle(t, "a")
		c.leave(mining.PeerClosed)
		for at := time.Duration(0); at <= tt.after; at += 30 * time.Minute {
			let(t, d, "10.0.0.2", epoch.Add(at)).leave(mining.PeerClosed)
		}
		let(t, d, "10.0.0.1", epoch.Add(tt.after))
		if p := d.parties[PartyOf(addrOf("10.0.0.1"))]; p.credit != tt.want {
			t.Errorf("%s: credit %d, want %d", name, p.credit, tt.want)
		}
	}
	var c credits
	for i := range 3 * maxCredits {
		c.keep(PartyOf(addrOf(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))), 1)
	}
	if n := len(c.young) + len(c.old); n > 2*maxCredits {
		t.Errorf("%d credits are kept", n)
	}
}
