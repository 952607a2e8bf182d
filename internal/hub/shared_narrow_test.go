package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// resize gives the pool's next connections another size of extranonce2.
func (p *fakePool) resize(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.en2Size = size
}

// resizeAll is resize of the connections that there are as well.
func (p *fakePool) resizeAll(size int) {
	p.resize(size)
	for _, c := range p.all() {
		c.setExtranonce("aabb", size)
		c.notify(true)
	}
}

// follow makes the guest one that can be told another extranonce.
func (g *guest) follow() *guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.follows = true
	return g
}

// heed has the guest use the extranonce that it was told last, and returns how
// often it was told one.
func (g *guest) heed() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sets > 0 {
		g.told.Extranonce1, g.told.Extranonce2Size = g.en1, g.en2Size
	}
	return g.sets
}

// served says what is wrong unless the guest was told an extranonce so often,
// is not closed and gets a share accepted by the pool that it works for.
func (g *guest) served(login string, told int) (wrong string) {
	g.house.t.Helper()
	if n := g.heed(); n != told || g.reason() != "" || g.given() == 0 {
		return fmt.Sprintf("told %d times, want %d; %d works, closed with %q", n, told, g.given(), g.reason())
	}
	p := g.house.pools[g.newest().Job.Pool]
	before, _ := p.tally()
	if a := g.mine(login); a.Verdict != mining.Accepted {
		return fmt.Sprintf("a share is %v %q", a.Verdict, a.Text)
	}
	if n, refused := p.tally(); n != before+1 || len(refused) > 0 {
		return fmt.Sprintf("the pool took %d and refused %q", n-before, refused)
	}
	return ""
}

// byUser makes the account that of the miner's name.
func byUser(c *hub.Config) { c.Routes[0].Worker, _ = mining.ParseTemplate("{user}.{worker}") }

// The only pool with room for the miners is away, another one serves and has
// none. They wait for theirs for half of the grace before they lose anything.
func TestWidePoolIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		away, look   time.Duration
		told, closed bool // then, who follows and who does not
		pool         string
	}{
		"for a second":            {time.Second, 25 * time.Second, false, false, "wide"},
		"for nearly half of it":   {time.Hour, 29 * time.Second, false, false, ""},
		"for more than half":      {time.Hour, 33 * time.Second, true, true, "narrow"},
		"and comes back too late": {40 * time.Second, 4 * time.Minute, true, true, "wide"},
	} {
		synctest.Test(t, func(t *testing.T) {
			wide, narrow := sharedPool("wide"), sharedPool("narrow")
			narrow.en2Size = 5
			narrow.refuse.Store(true)
			h := buildShared(t, []*fakePool{wide, narrow}, func(c *hub.Config) { c.Routes[0].OutageGrace = time.Minute })
			pass(11 * time.Second)
			follower, other := h.bring(1, "alice").follow(), h.bring(2, "bob")
			old := follower.newest()
			narrow.refuse.Store(false)
			lives(2*time.Minute, wide, narrow)
			wide.refuse.Store(true)
			wide.closeAll()
			time.AfterFunc(c.away, func() { wide.refuse.Store(false) })
			lives(c.look, narrow, wide)
			told := 0
			if c.told {
				told = 1
			}
			if c.pool == "" {
				if n := follower.heed(); n != 0 || follower.reason() != "" {
					t.Errorf("%s: told %d times, closed with %q", name, n, follower.reason())
				}
			} else if wrong := follower.served("alice", told); wrong != "" || follower.newest() == old || follower.newest().Job.Pool != c.pool {
				t.Errorf("%s: %s at %s", name, wrong, follower.newest().Job.Pool)
			}
			want := mining.Reason("")
			if c.closed {
				want = mining.ExtranonceChanged
			}
			if got := other.reason(); got != want {
				t.Errorf("%s: who cannot be told was closed with %q, want %q", name, got, want)
			}
			follower.leave()
			other.leave()
		})
	}
}

// A pool gives new connections less room than its probe has: that is found out
// by the first of them, and none is dialled in vain after that.
func TestPoolIsNarrowForNewLinksOnly(t *testing.T) {
	for _, c := range []struct {
		size  int
		told  bool // else nobody can be: it needs another extranonce2
		conns int  // the probe's, the first link, the one that is too narrow, and the new one
	}{{7, true, 4}, {5, true, 4}, {4, false, 4}} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			h := buildShared(t, []*fakePool{p}, nil)
			follower, other := h.bring(1, "alice").follow(), h.bring(2, "bob")
			p.resize(c.size)
			_ = p.shared().Close()
			pass(5 * time.Second)
			if got := other.reason(); got != mining.ExtranonceChanged {
				t.Errorf("%d: who cannot be told was closed with %q", c.size, got)
			}
			if c.told {
				if wrong := follower.served("alice", 1); wrong != "" {
					t.Errorf("%d: who can be told: %s", c.size, wrong)
				}
			} else if n := follower.heed(); n != 0 || follower.reason() != mining.ExtranonceChanged {
				t.Errorf("%d: told %d times, closed with %q", c.size, n, follower.reason())
			}
			other.leave()
			late := h.bring(3, "carol") // the probe still has the old size
			if wrong := late.served("carol", 0); wrong != "" || late.told.Extranonce1.Len()+late.told.Extranonce2Size > c.size {
				t.Errorf("%d: who comes later: %s, told %+v", c.size, wrong, late.told)
			}
			p.live(10)
			if n := p.count(); n != c.conns {
				t.Errorf("%d: %d connections, want %d", c.size, n, c.conns)
			}
			if size := h.hub.Pools()[0].Probe.Facts.Extranonce2Size; size != 8 {
				t.Errorf("%d: the probe has %d", c.size, size)
			}
			follower.leave()
			late.leave()
		})
	}
}

// What the new links of a pool have shown is forgotten when its probe asks anew.
func TestPoolIsWideAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice").follow()
		p.resize(5)
		_ = p.shared().Close()
		pass(5 * time.Second)
		p.resize(8)
		p.closeAll()
		lives(2*time.Minute, p)
		if wrong := g.served("alice", 1); wrong != "" {
			t.Error(wrong)
		}
		if late := h.bring(2, "bob"); late.told.Extranonce1.Len() != 4 || late.served("bob", 0) != "" {
			t.Errorf("who comes later was told %+v", late.told)
		}
	})
}

// meddler is a miner's connection on which something happens while it is told
// another extranonce.
type meddler struct {
	*fakePeer

	meanwhile func()
}

func (p *meddler) SetExtranonce(en1 work.Extranonce, size int) bool {
	ok := p.fakePeer.SetExtranonce(en1, size)
	p.meanwhile()
	return ok
}

// A miner that is placed while others of its account are being told does not
// come to the connection that they leave.
func TestMinerComesWhileOthersAreTold(t *testing.T) {
	for name, follows := range map[string]bool{"follows": true, "does not follow": false} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			h := buildShared(t, []*fakePool{p}, byUser)
			late := h.join(2)
			late.open() // with the old size; its account is not known yet
			if follows {
				late.follow()
			}
			first := h.join(1).follow()
			came := 0
			h.hub.Join(first.miner, &meddler{first.fakePeer, func() {
				came++
				w := mining.NewWorker("u.rig2")
				late.workers[w.Login] = w
				if a := h.hub.Handle(late.miner, &mining.Request{Kind: mining.Authorize, Ticket: 99, Worker: w}); a.Verdict != mining.Accepted {
					t.Errorf("%s: authorize: %v", name, a.Verdict)
				}
			}})
			first.open()
			first.authorize("u.rig1")
			pass(time.Second)
			p.resizeAll(5)
			pass(5 * time.Second)
			if came != 1 {
				t.Fatalf("%s: the other miner came %d times", name, came)
			}
			p.live(1)
			if wrong := first.served("u.rig1", 1); wrong != "" {
				t.Errorf("%s: the first one: %s", name, wrong)
			}
			if !follows {
				if got := late.reason(); got != mining.ExtranonceChanged {
					t.Errorf("%s: the other one was closed with %q", name, got)
				}
			} else if wrong := late.served("u.rig2", 1); wrong != "" {
				t.Errorf("%s: the other one: %s", name, wrong)
			}
			first.leave()
			late.leave()
		})
	}
}

// An account's connection that nobody uses is given up while it is lost. Whoever
// comes back then gets another one.
func TestMinerComesToAConnectionGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		lose, mend func(p *fakePool)
		times      int
	}{
		"amid a dial": {
			func(p *fakePool) { p.slow = time.Hour },
			func(p *fakePool) { p.slow = 0 }, 1,
		},
		"between two dials": { // the pause is drawn, and may be over
			func(p *fakePool) { p.refuse.Store(true) },
			func(p *fakePool) { p.refuse.Store(false) }, 5,
		},
	} {
		for range c.times {
			synctest.Test(t, func(t *testing.T) {
				p := sharedPool("main")
				h := buildShared(t, []*fakePool{p}, byUser)
				h.bring(1, "u.rig1").leave()
				c.lose(p)
				_ = p.shared().Close()
				for range 18 { // the probe goes on
					pass(10 * time.Second)
					p.job()
				}
				pass(3 * time.Second) // given up, as late shares cannot come any more
				c.mend(p)
				back := h.bring(2, "u.rig1")
				pass(time.Second)
				if wrong := back.served("u.rig1", 0); wrong != "" {
					t.Errorf("%s: %s", name, wrong)
				}
				back.leave()
			})
		}
	}
}

// Those who are closed take no slots of those who are told others: there are as
// few connections as the miners need.
func TestSlotsAreForThoseWhoAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		guests := h.crowd(300) // more than the 256 slots that one of the new links has
		for i := range guests {
			if i%5 == 0 {
				guests[i].follow()
			}
		}
		count := func() (links, miners int) {
			for _, l := range h.hub.Pools()[0].Shared {
				links, miners = links+1, miners+l.Miners
			}
			return links, miners
		}
		p.resizeAll(5)
		pass(5 * time.Second)
		for i, g := range guests {
			switch want := (map[bool]mining.Reason{false: mining.ExtranonceChanged})[i%5 == 0]; {
			case g.reason() != want:
				t.Fatalf("miner %d was closed with %q, want %q", i, g.reason(), want)
			case want != "":
				g.leave()
				guests[i] = nil
			}
		}
		if links, miners := count(); links != 1 || miners != 60 {
			t.Errorf("%d links for %d miners", links, miners)
		}
		for i, g := range guests {
			login, told := fmt.Sprintf("rig%d", i), 1
			if g == nil {
				guests[i], told = h.bring(uint64(i+1001), login), 0
			}
			pass(10 * time.Millisecond)
			if wrong := guests[i].served(login, told); wrong != "" {
				t.Errorf("miner %d: %s", i, wrong)
			}
		}
		pass(5 * time.Second)
		if links, miners := count(); links != 2 || miners != 300 {
			t.Errorf("when they are back: %d links for %d miners", links, miners)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// The miners of a link that is cut go to another one that was given the old
// size and has room, though the pool would not give it again.
func TestCutLinkOfAPoolThatIsNarrowNow(t *testing.T) {
	for name, c := range map[string]struct {
		leave int // of the four of the link that stays
		moved int // of the two of the one that is cut
	}{"room for both": {2, 2}, "room for one": {1, 1}, "room for none": {0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			h := buildShared(t, []*fakePool{p}, fewMiners(4))
			var guests []*guest
			for i := range 6 {
				guests = append(guests, h.bring(uint64(i+1), fmt.Sprintf("rig%d", i)))
				pass(2 * time.Second)
			}
			stays := h.hub.MinerState(guests[0].miner).Link
			for _, g := range guests[:c.leave] {
				g.leave()
			}
			guests = guests[c.leave:]
			pass(3 * time.Second)
			if n := h.linksOf(guests); len(n) != 2 || n[stays] != 4-c.leave {
				t.Fatalf("%s: miners by link: %v", name, n)
			}
			p.resize(5)
			p.all()[0].setExtranonce("aabb", 5) // the probe hears of it
			p.all()[0].notify(true)
			_ = p.all()[2].Close()
			pass(3 * time.Second)
			moved := 0
			for _, g := range guests {
				switch g.reason() {
				case "":
					moved++
					if wrong := g.served(g.login(), 0); wrong != "" || h.hub.MinerState(g.miner).Link != stays {
						t.Errorf("%s: miner %d: %s at link %v, want %v", name, g.miner.ID, wrong, h.hub.MinerState(g.miner).Link, stays)
					}
				case mining.ExtranonceChanged:
				default:
					t.Errorf("%s: miner %d was closed with %q", name, g.miner.ID, g.reason())
				}
			}
			if moved -= 4 - c.leave; moved != c.moved {
				t.Errorf("%s: %d of the cut link's miners were moved, want %d", name, moved, c.moved)
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}

// Being told another extranonce is no account more, nor is what goes with it.
func TestToldMinersAreNoAccountsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
			byUser(c)
			c.MaxAccounts = 2
		})
		guests := make([]*guest, 4)
		for i := range guests {
			guests[i] = h.bring(uint64(i+1), fmt.Sprintf("u%d.rig%d", i%2, i)).follow()
		}
		pass(time.Second)
		p.resizeAll(5)
		pass(5 * time.Second)
		for i, g := range guests {
			if wrong := g.served(g.login(), 1); wrong != "" {
				t.Errorf("miner %d: %s", i, wrong)
			}
		}
		mate := h.bring(5, "u0.rig9")
		if wrong := mate.served("u0.rig9", 0); wrong != "" {
			t.Errorf("another miner of an account: %s", wrong)
		}
		third := h.join(6)
		third.open()
		third.authorize("u2.rig1")
		if got := third.reason(); got != mining.TooManyAccounts {
			t.Errorf("a third account was closed with %q", got)
		}
		for _, g := range append(guests[:4:4], mate, third) {
			g.leave()
		}
	})
}

// A link that has room goes on serving its miners, whatever the pool gives
// others meanwhile.
func TestLinkWithRoomIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "alice")
		first.conns[0].setExtranonce("aabb", 5) // the probe's
		first.conns[0].notify(true)
		pass(5 * time.Second)
		lives(5*time.Minute, first, second)
		if a := g.mine("alice"); a.Verdict != mining.Accepted || g.newest().Job.Pool != "first" {
			t.Errorf("a share: %v, at %s", a.Verdict, g.newest().Job.Pool)
		}
		g.leave()
	})
}

// A miner that authorizes after the pool has become too narrow for what it was
// told at its subscribe is told something else at once.
func TestMinerAuthorizesAfterThePoolIsNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) {
			c.Routes[0].Worker, _ = mining.ParseTemplate("{user}.{worker}")
		})
		g := h.join(1)
		g.mu.Lock()
		g.follows = true
		g.mu.Unlock()
		g.open()
		p.change(func() { p.en2Size = 5 })
		p.conns[0].setExtranonce("aabb", 5)
		p.conns[0].notify(true)
		synctest.Wait()
		g.authorize("u.rig1")
		pass(2 * time.Second)
		if g.given() == 0 || g.sets != 1 || g.reason() != "" {
			t.Errorf("%d works, told %d times, closed with %q", g.given(), g.sets, g.reason())
		}
		g.leave()
	})
}
