package bans_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
)

// yard is a book and who judges for it, with miners to try.
type yard struct {
	*bans.Standing

	book *bans.Book
	now  time.Time
	ids  mining.MinerID
}

func newYard() *yard {
	b := bans.New(terms(), bans.Deps{})
	return &yard{Standing: bans.NewStanding(b), book: b, now: epoch}
}

// come has a miner connect.
func (y *yard) come(addr string) *mining.Miner {
	y.ids++
	m := &mining.Miner{ID: y.ids, Arrival: mining.Arrival{Remote: netip.AddrPortFrom(ip(addr), 1)}}
	y.Opened(m.Remote.Addr(), y.now)
	return m
}

// good has one connect and do well.
func (y *yard) good(addr, login string) *mining.Miner {
	m := y.come(addr)
	y.Earned(m, login, y.now)
	return m
}

// leave has one go for a reason.
func (y *yard) leave(m *mining.Miner, reason mining.Reason, settled bool) {
	y.Left(m, y.now)
	y.Closed(m.Remote.Addr(), reason, settled, y.now)
}

// bad has one connect, misbehave and be closed; it may do well first.
func (y *yard) bad(addr, login string, wellFirst bool) {
	m := y.come(addr)
	if wellFirst {
		y.Earned(m, login, y.now)
	}
	y.Offended(m, login, y.now)
	y.leave(m, "misbehaved", login != "")
}

func (y *yard) banned(addr string) bool { return y.book.Banned(ip(addr), y.now) }

func (y *yard) refused(addr, login string) bool {
	_, refused := y.book.Refused(ip(addr), login, y.now)
	return refused
}

const nat = "192.0.2.7"

// TestOneBrokenMiner has a machine among n reconnect every second and misbehave, for
// an hour: its worker is banned there, for longer each time, and nobody else.
func TestOneBrokenMiner(t *testing.T) {
	for _, n := range []int{1, 2, 3, 2000} {
		for _, wellFirst := range []bool{false, true} {
			y := newYard()
			for i := range n - 1 {
				y.good(nat, fmt.Sprintf("farm.rig%d", i))
			}
			times := 0
			for range 3600 {
				y.now = y.now.Add(time.Second)
				if y.refused(nat, "farm.broken") {
					continue
				}
				y.bad(nat, "farm.broken", wellFirst)
				if y.refused(nat, "farm.broken") {
					times++
				}
				if y.banned(nat) || y.refused(nat, "farm.rig0") || y.refused("192.0.2.8", "farm.broken") {
					t.Fatalf("%d behind one address: one is broken, and others are kept out", n)
				}
			}
			if times != 3 { // 10, 20 and 40 minutes
				t.Errorf("%d behind one address: the broken one was banned %d times", n, times)
			}
		}
	}
}

// TestSameLogin has all machines behind an address go by one name: then nobody can
// tell the broken one from the others, and nobody is kept out.
func TestSameLogin(t *testing.T) {
	y := newYard()
	healthy := y.good(nat, "farm")
	for i := range 7200 {
		y.now = y.now.Add(time.Second)
		y.bad(nat, "farm", i%2 == 0)
		if i == 3600 { // it restarts, and takes its time
			y.leave(healthy, mining.PeerClosed, true)
		}
		if i == 4200 {
			y.good(nat, "farm")
		}
		if y.banned(nat) || y.refused(nat, "farm") {
			t.Fatalf("after %d s the healthy one is kept out", i)
		}
	}
}

// TestNotOffences: what looks odd and is no attack bans nobody, not even alone behind
// its address.
func TestNotOffences(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		do    func(y *yard)
	}{
		"a Bitaxe looks whether its first pool is back": {time.Minute, func(y *yard) { y.leave(y.come(nat), mining.PeerClosed, true) }},
		"a health checker connects":                     {time.Second, func(y *yard) { y.leave(y.come(nat), mining.PeerClosed, false) }},
		"a health checker resets":                       {time.Second, func(y *yard) { y.leave(y.come(nat), mining.PeerReset, false) }},
		"a health checker asks by HTTP":                 {2 * time.Second, func(y *yard) { y.leave(y.come(nat), mining.HTTPRequest, false) }},
		"a site of 500 miners whose URL wants TLS":      {10 * time.Millisecond, func(y *yard) { y.leave(y.come(nat), mining.TLSNotEnabled, false) }},
		"a site of 500 miners whose URL lacks TLS":      {10 * time.Millisecond, func(y *yard) { y.leave(y.come(nat), mining.TLSRequired, false) }},
		"a miner that does not take the certificate":    {2 * time.Second, func(y *yard) { y.leave(y.come(nat), mining.TLSHandshakeFailed, false) }},
		"a proxy of many workers with a wrong secret":   {5 * time.Second, func(y *yard) { y.leave(y.come(nat), mining.LoginRefused, false) }},
		"a monitor that subscribes only":                {time.Minute, func(y *yard) { y.leave(y.come(nat), mining.AuthorizeTimeout, false) }},
		"a machine restarts all the time":               {10 * time.Second, func(y *yard) { y.leave(y.good(nat, "a"), mining.PeerReset, true) }},
		"a scanner of the whole internet":               {15 * time.Second, func(y *yard) { y.leave(y.come(nat), mining.UnknownProtocol, false) }},
	} {
		y := newYard()
		for range min(int(6*time.Hour/c.every), 30_000) {
			y.now = y.now.Add(c.every)
			c.do(y)
		}
		if all := y.book.List(bans.Filter{}, y.now); len(all) > 0 {
			t.Errorf("%s: %v", name, all[0].String())
		}
	}
}

// TestAttacks: what is an attack is banned, soon.
func TestAttacks(t *testing.T) {
	for name, c := range map[string]struct {
		most int // connections until the ban
		do   func(y *yard, i int)
	}{
		"one login after the other": {3, func(y *yard, i int) { y.bad(nat, fmt.Sprint("a", i), false) }},
		"shares first":              {3, func(y *yard, i int) { y.bad(nat, fmt.Sprint("a", i), true) }},
		"none that logs in":         {11, func(y *yard, _ int) { y.bad(nat, "", false) }},
		"garbage":                   {121, func(y *yard, _ int) { y.leave(y.come(nat), mining.UnknownProtocol, false) }},
		"guesses of secrets":        {260, func(y *yard, _ int) { y.leave(y.come(nat), mining.LoginRefused, false) }},
		"half a line":               {260, func(y *yard, _ int) { y.leave(y.come(nat), mining.HandshakeTimeout, false) }},
		"all over 64 bits of IPv6":  {3, func(y *yard, i int) { y.bad(fmt.Sprintf("2001:db8::%x", i+1), fmt.Sprint("a", i), false) }},
		"odd logins are offences":   {3, func(y *yard, i int) { y.bad(nat, fmt.Sprintf("*%d", i), false) }},
		"with a few that do nothing": {11, func(y *yard, i int) {
			if i < 5 {
				y.come(nat)
			}
			y.bad(nat, fmt.Sprint("a", i), false)
		}},
	} {
		y := newYard()
		for i := range c.most {
			y.now = y.now.Add(50 * time.Millisecond)
			c.do(y, i)
		}
		if !y.banned(nat) && !y.banned("2001:db8::ffff") {
			t.Errorf("%s: %d connections and no ban", name, c.most)
		}
		if y.banned("192.0.2.8") || y.banned("2001:db8:0:1::1") {
			t.Errorf("%s: another is banned", name)
		}
	}
}

// TestAfterPowerCycle has a farm come back all at once, some of it broken, after a
// night without power.
func TestAfterPowerCycle(t *testing.T) {
	y := newYard()
	all := make([]*mining.Miner, 0, 2000)
	for i := range 2000 {
		all = append(all, y.good(nat, fmt.Sprint("rig", i)))
	}
	y.now = y.now.Add(time.Hour)
	for _, m := range all {
		y.leave(m, mining.PeerReset, true)
	}
	y.now = y.now.Add(10 * time.Hour)
	for i := range 300 { // before anybody else is there
		y.bad(nat, fmt.Sprint("rig", i), false)
	}
	if y.banned(nat) {
		t.Error("the farm is banned")
	}
}

// TestAfterAQuietWeek has a farm lose its power that nobody left or came to for a week:
// it is as many as ever.
func TestAfterAQuietWeek(t *testing.T) {
	y := newYard()
	all := make([]*mining.Miner, 0, 200)
	for i := range 200 {
		all = append(all, y.good(nat, fmt.Sprint("rig", i)))
	}
	for range 7 * 24 * 60 {
		y.now = y.now.Add(time.Minute)
		y.Earned(all[0], "rig0", y.now)
	}
	for _, m := range all {
		y.leave(m, mining.PeerReset, true)
	}
	y.now = y.now.Add(2 * time.Hour)
	for i := range 30 {
		y.bad(nat, fmt.Sprint("rig", i), false)
	}
	if y.banned(nat) {
		t.Error("the farm is banned")
	}
}

// TestMajority: whatever the miners of an address do, it is not banned while those
// that do well are half as many as those that do not; nobody is banned by a name that
// another does well by.
func TestMajority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := newYard()
		goods := rapid.IntRange(1, 8).Draw(t, "good")
		bads := rapid.IntRange(1, 2*goods).Draw(t, "bad")
		names := rapid.SampledFrom([]string{"own", "one", "shared"}).Draw(t, "names")
		name := func(kind string, i int) string {
			switch names {
			case "own":
				return fmt.Sprint(kind, i)
			case "one":
				return kind
			}
			return "all"
		}
		good := make([]*mining.Miner, goods)
		for i := range good {
			good[i] = y.good(nat, name("good", i))
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			y.now = y.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second)
			switch i := rapid.IntRange(0, bads+goods-1).Draw(t, "who"); {
			case i < bads:
				y.bad(nat, name("bad", i), rapid.Bool().Draw(t, "well first"))
			default: // one restarts
				y.leave(good[i-bads], mining.PeerReset, true)
				good[i-bads] = y.good(nat, name("good", i-bads))
			}
			if y.banned(nat) {
				t.Fatalf("%d good, %d bad: the address is banned", goods, bads)
			}
			for i := range good {
				if y.refused(nat, name("good", i)) {
					t.Fatalf("%d good, %d bad: a good worker is banned", goods, bads)
				}
			}
		}
	})
}

// TestBounded: nothing that strangers do makes it remember without bound.
func TestBounded(t *testing.T) {
	y := newYard()
	for i := range 20_000 {
		y.now = y.now.Add(time.Millisecond)
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
		y.leave(y.come(addr), mining.PeerClosed, false)
		y.bad(nat, fmt.Sprint("a", i), i%3 == 0)
		y.leave(y.good("192.0.2.8", fmt.Sprint("a", i)), mining.PeerClosed, true)
	}
	sites, conns, workers, offenders := y.Sizes()
	if sites > 17_000 || conns != 0 || workers > 1_200 || offenders > 512 {
		t.Errorf("it remembers %d addresses, %d connections, %d workers and %d offenders", sites, conns, workers, offenders)
	}
}
