package hub_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func TestManyMinersShareAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 32 * easy
		h := buildShared(t, []*fakePool{p}, nil)
		guests, slots := h.crowd(5), map[work.Extranonce]bool{}
		for _, g := range guests {
			slots[g.told.Extranonce1] = true
			if g.told.Extranonce1.Len() != 4 || g.told.Extranonce2Size != 4 {
				t.Errorf("told %+v", g.told)
			}
		}
		if len(slots) != 5 || h.hub.SlotsInUse() != 5 {
			t.Errorf("5 miners have %d slots, %d in use", len(slots), h.hub.SlotsInUse())
		}
		if p.count() != 2 {
			t.Fatalf("%d connections to the pool, want the probe's and one", p.count())
		}
		p.block()
		first := guests[0].newest()
		want := append([]byte("coinbase one "), p.shared().en1.Append(nil)...)
		if !bytes.Equal(first.Prefix, want) {
			t.Errorf("coinb1 is %x, want the pool's with its extranonce1: %x", first.Prefix, want)
		}
		for i, g := range guests {
			if g.newest() != first || !g.assigned().Clean || g.assigned().Difficulty != easy {
				t.Errorf("miner %d has other work than the first: %+v", i, g.assigned())
			}
			login := fmt.Sprintf("rig%d", i)
			if a := g.hand(login, g.search(first, easy, p.diff)); a.Verdict != mining.Accepted {
				t.Errorf("a share below the pool's difficulty: %v", a.Verdict)
			}
			if n, _ := p.tally(); n != i {
				t.Errorf("the pool has %d shares, want %d", n, i)
			}
			if a := g.hand(login, g.search(first, p.diff, impossible)); a.Verdict != mining.Accepted {
				t.Errorf("a share for the pool: %v", a.Verdict)
			}
			s := p.submitted()[i]
			if en2 := append(g.told.Extranonce1.Append(nil), make([]byte, 4)...); !bytes.Equal(s.Extranonce2.Append(nil), en2) {
				t.Errorf("the pool got extranonce2 %v, want %x", s.Extranonce2, en2)
			}
			if state := h.hub.MinerState(g.miner); state.Accepted != 2 || state.Rejected != 0 || state.Pool != "main" || state.Route != "farm" || state.Link == 0 {
				t.Errorf("state of miner %d: %+v", i, state)
			}
		}
		if n, refused := p.tally(); n != 5 || len(refused) != 0 {
			t.Errorf("the pool took %d shares and refused %q", n, refused)
		}
		h.expectBooks("at the end", map[mining.Verdict]uint64{mining.Accepted: 10}, map[mining.Verdict]uint64{mining.Accepted: 5})
		for _, w := range h.books.Snapshot(time.Now()).Workers {
			if w.Tally.Ours.Accepted() != 2 || w.Tally.Pools.Accepted() != 1 || w.Tally.WorkAccepted() != 2*float64(easy) || w.Tally.PoolWorkAccepted() != 32*float64(easy) {
				t.Errorf("%s: %+v", w.Name, w.Tally)
			}
		}
		for i, g := range guests {
			g.leave()
			if h.hub.SlotsInUse() != 4-i {
				t.Errorf("%d slots are in use after %d left", h.hub.SlotsInUse(), i+1)
			}
		}
	})
}

// Pools with every size of extranonce that there is get shares that they can
// build the same header of.
func TestEverySizeOfExtranonce(t *testing.T) {
	for _, en1 := range []string{"", "aa", "aabbccddee", "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"} {
		for size := 2; size <= 16; size++ {
			synctest.Test(t, func(t *testing.T) {
				p := sharedPool("main")
				p.en1, p.en2Size = en1, size
				h := buildShared(t, []*fakePool{p}, nil)
				g := h.join(1)
				if a := g.open(); a.Verdict != mining.Accepted {
					t.Fatalf("open: %+v", a)
				}
				g.authorize("alice")
				if size < 4 { // a link of its own, whose difficulty is the pool's
					if en1 := p.last().en1; g.told.Extranonce1 != en1 || g.told.Extranonce2Size != size {
						t.Errorf("told %+v, want the pool's own %v", g.told, en1)
					}
				}
				if a := g.mine("alice"); a.Verdict != mining.Accepted {
					t.Errorf("extranonce1 %q with extranonce2 of %d bytes: %v", en1, size, a.Verdict)
				}
				if n, refused := p.tally(); n != 1 || len(refused) != 0 {
					t.Errorf("extranonce1 %q with extranonce2 of %d bytes: the pool took %d and refused %q", en1, size, n, refused)
				}
				g.leave()
			})
		}
	}
}

// verdictCase is a share and what becomes of it.
type verdictCase struct {
	name  string
	share func(g *guest, w *mining.Work) mining.Share
	login string
	want  mining.Verdict
	text  string
}

func ourVerdicts() []verdictCase {
	any1 := func(g *guest, w *mining.Work) mining.Share { return g.search(w, easy, impossible) }
	return []verdictCase{
		{name: "good", share: any1, want: mining.Accepted},
		{name: "nobody that is known", share: any1, login: "mallory", want: mining.Unauthorized},
		{name: "invented job", share: func(g *guest, w *mining.Work) mining.Share {
			s := any1(g, w)
			s.Job += 1 << 30
			return s
		}, want: mining.JobNotFound},
		{name: "a job that cannot be ours", share: func(*guest, *mining.Work) mining.Share {
			return mining.Share{Extranonce2: work.Extranonce{}}
		}, want: mining.Invalid},
		{name: "short extranonce2", share: func(g *guest, w *mining.Work) mining.Share {
			s := any1(g, w)
			s.Extranonce2, _ = s.Extranonce2.Slice(0, 3)
			return s
		}, want: mining.Invalid},
		{name: "ntime before the job's", share: func(g *guest, w *mining.Work) mining.Share {
			s := any1(g, w)
			s.NTime--
			return s
		}, want: mining.Invalid, text: "Ntime out of range"},
		{name: "bits outside of the mask", share: func(g *guest, w *mining.Work) mining.Share {
			s := any1(g, w)
			s.VersionBits, s.HasVersionBits = 0x20000000, true
			return s
		}, want: mining.Invalid, text: "Invalid version bits"},
		{name: "low difficulty", share: func(g *guest, w *mining.Work) mining.Share {
			return g.search(w, 0.9e-10, easy)
		}, want: mining.LowDifficulty},
	}
}

func TestOurVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		g.workers["mallory"] = mining.NewWorker("mallory")
		booked := map[mining.Verdict]uint64{}
		w := g.newest()
		for _, c := range ourVerdicts() {
			if c.login == "" {
				c.login = "alice"
			}
			a := g.hand(c.login, c.share(g, w))
			if a.Verdict != c.want || a.Text != c.text {
				t.Errorf("%s: %v %q, want %v %q", c.name, a.Verdict, a.Text, c.want, c.text)
			}
			booked[c.want]++
			h.expectBooks(c.name, booked, map[mining.Verdict]uint64{mining.Accepted: 1})
		}
		s := g.search(w, easy, impossible)
		for _, want := range []mining.Verdict{mining.Accepted, mining.Duplicate} {
			if a := g.hand("alice", s); a.Verdict != want {
				t.Errorf("the same share: %v, want %v", a.Verdict, want)
			}
			booked[want]++
		}
		p.block()
		for _, share := range []mining.Share{s, g.search(w, easy, impossible)} {
			if a := g.hand("alice", share); a.Verdict != mining.Stale {
				t.Errorf("a share of the block before: %v", a.Verdict)
			}
			booked[mining.Stale]++
		}
		pass(181 * time.Second)
		if a := g.hand("alice", s); a.Verdict != mining.JobNotFound {
			t.Errorf("a share from before the retention: %v", a.Verdict)
		}
		booked[mining.JobNotFound]++
		// What the pipeline refuses is booked alike.
		h.hub.Refused(g.miner, g.workers["alice"], mining.Invalid)
		booked[mining.Invalid]++
		h.expectBooks("at the end", booked, map[mining.Verdict]uint64{mining.Accepted: 2})
		if at := h.hub.MinerState(g.miner); at.Accepted != 2 || at.Rejected != 12 {
			t.Errorf("the connection's: %+v", at)
		}
		for _, w := range h.books.Snapshot(time.Now()).Workers {
			if w.Name == "alice" && (w.Tally.Ours.Accepted() != 2 || w.Tally.Ours.Rejected() != 11) {
				t.Errorf("alice's: %+v", w.Tally)
			}
		}
		if n, refused := p.tally(); n != 2 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		g.leave()
	})
}

// A share that is a block goes to the pool whatever else is wrong with it.
func TestBlockIsForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.nbits, p.diff = 0x207fffff, 1 // every other hash is a block
		h := buildShared(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Vardiff = nil })
		g := h.bring(1, "alice")
		w := g.newest()
		block := func() mining.Share {
			network, _ := w.Job.NBits.Target()
			s := g.search(w, 0.9e-10, 1)
			for !network.Met(g.hash(w, &s)) {
				s = g.search(w, 0.9e-10, 1)
			}
			return s
		}
		s := block()
		for i, want := range []mining.Verdict{mining.LowDifficulty, mining.Duplicate} {
			if a := g.hand("alice", s); a.Verdict != want || len(p.submitted()) != 1 {
				t.Errorf("time %d: %v, want %v; %d went to the pool", i+1, a.Verdict, want, len(p.submitted()))
			}
		}
		p.block()
		if a := g.hand("alice", block()); a.Verdict != mining.Stale || len(p.submitted()) != 2 {
			t.Errorf("stale: %v; %d went to the pool", a.Verdict, len(p.submitted()))
		}
		// One of a connection that has ended has no way to go.
		p.noJob = true
		_ = p.shared().Close()
		pass(time.Second)
		if a := g.hand("alice", block()); a.Verdict != mining.Stale || len(p.submitted()) != 2 {
			t.Errorf("of a link that has ended: %v; %d went to the pools", a.Verdict, len(p.submitted()))
		}
		if d := h.hub.Pools()[0].Discrepancies; d != 0 {
			t.Errorf("%d discrepancies, want none: we refused them all", d)
		}
		g.leave()
	})
}

// A miner has work from its subscribe on, so that a block of it may come by a
// name that nobody was asked for yet, or that was refused. It is not paid to
// that name, but it is a block.
func TestStrangersBlockIsForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.nbits, p.diff = 0x207fffff, easy // every other hash is a block, each share
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		block := func() mining.Share { return g.search(g.newest(), easy, 1) }
		sent := func(what string, n int) {
			t.Helper()
			if names := p.names(); len(names) != n || names[n-1] != "ACC-main.farm" {
				t.Errorf("%s: went to the pool as %q, want %d by the connection's login", what, names, n)
			}
		}
		s := block()
		if a := g.hand("", s); a.Verdict != mining.Unauthorized {
			t.Errorf("before authorize: %v", a.Verdict)
		}
		sent("before authorize", 1)
		if a := g.hand("", s); a.Verdict != mining.Unauthorized {
			t.Errorf("again: %v", a.Verdict)
		}
		sent("again", 1)
		g.authorize("alice")
		if a := g.hand("mallory", block()); a.Verdict != mining.Unauthorized {
			t.Errorf("by another name: %v", a.Verdict)
		}
		sent("by another name", 2)
		if a := g.hand("mallory", g.search(g.newest(), 2e-10, 4.6e-10)); a.Verdict != mining.Unauthorized {
			t.Errorf("no block: %v", a.Verdict)
		}
		sent("no block", 2)
		if a := g.hand("alice", block()); a.Verdict != mining.Accepted {
			t.Errorf("hers: %v", a.Verdict)
		}
		h.expectBooks("all", map[mining.Verdict]uint64{mining.Unauthorized: 4, mining.Accepted: 1}, map[mining.Verdict]uint64{mining.Accepted: 3})
		if s := h.hub.Pools()[0]; s.Discrepancies != 0 || h.hub.Pending() != 0 {
			t.Errorf("%d discrepancies, %d shares are due", s.Discrepancies, h.hub.Pending())
		}
		g.leave()
	})
}

// A block goes to the pool even where a share would not: the pool's difficulty
// is far too low yet, and the miners have sent all that it is sent meanwhile.
func TestBlockIsForwardedPastTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.nbits = 0x2003ffff // met by one hash of 64
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		w := g.newest()
		network, _ := w.Job.NBits.Target()
		const block = 32 * easy // is one for sure
		if s := g.search(w, block, impossible); !network.Met(g.hash(w, &s)) {
			t.Fatal("the difficulty of a block is another")
		}
		share := func(least, below work.Difficulty) {
			t.Helper()
			if a := g.hand("alice", g.search(w, least, below)); a.Verdict != mining.Accepted {
				t.Errorf("a share of %v to %v: %v", least, below, a.Verdict)
			}
		}
		spent := func() bool { return h.hub.Pools()[0].Unsubmitted > 0 }
		for range 1000 {
			if share(easy, 8*easy); spent() {
				break
			}
		}
		sent, lost := len(p.submitted()), h.hub.Pools()[0].Unsubmitted
		if !spent() {
			t.Fatalf("%d shares at once went to the pool", sent)
		}
		share(block, impossible)
		if got := len(p.submitted()); got != sent+1 || h.hub.Pools()[0].Unsubmitted != lost {
			t.Errorf("%d shares more with a block, %v of work is lost", got-sent, h.hub.Pools()[0].Unsubmitted-lost)
		}
		share(easy, 8*easy)
		if got := len(p.submitted()); got != sent+1 || h.hub.Pools()[0].Unsubmitted != lost+float64(easy) {
			t.Errorf("%d shares more with one that is none, %v of work is lost", got-sent, h.hub.Pools()[0].Unsubmitted-lost)
		}
		if n, refused := p.tally(); n != sent+1 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		g.leave()
	})
}

func TestPoolOfManyChangesItsExtranonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		before := g.newest()
		p.shared().setExtranonce("0102030405", 11)
		p.shared().notify(false)
		synctest.Wait()
		after := g.newest()
		if after == before || g.sets != 0 || g.assigned().Clean {
			t.Errorf("the miner was told: %d changes, clean %t", g.sets, g.assigned().Clean)
		}
		if e := []byte{1, 2, 3, 4, 5}; len(after.Prefix) != 13+5+3 || !bytes.Equal(after.Prefix[13:18], e) {
			t.Errorf("coinb1 %x does not have the new extranonce1 and a pad of 3 bytes", after.Prefix)
		}
		for _, w := range []*mining.Work{before, after, before} {
			if a := g.hand("alice", g.search(w, easy, impossible)); a.Verdict != mining.Accepted {
				t.Errorf("a share of work %v: %v", w.ID, a.Verdict)
			}
		}
		if n, refused := p.tally(); n != 3 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		g.leave()
	})
}

func TestPoolWhoseExtranonceNoLongerFits(t *testing.T) {
	for _, c := range []struct {
		pools int
		want  mining.Reason
	}{{1, mining.ExtranonceChanged}, {2, ""}} {
		synctest.Test(t, func(t *testing.T) {
			pools := []*fakePool{sharedPool("main"), sharedPool("other")}[:c.pools]
			h := buildShared(t, pools, nil)
			g := h.bring(1, "alice")
			pools[0].en2Size = 4 // from now on, and for the probe
			for _, conn := range slices.Clone(pools[0].conns) {
				conn.setExtranonce("aa", 4)
				conn.notify(true)
			}
			synctest.Wait()
			pass(40 * time.Second)
			if got := g.reason(); got != c.want {
				t.Errorf("with %d pools the miner was closed with %q, want %q", c.pools, got, c.want)
			}
			if c.pools == 2 {
				first := slices.IndexFunc(g.terms, func(a mining.Assignment) bool { return a.Work.Job.Pool == "other" })
				if first < 0 {
					t.Fatalf("no work of the other pool: %+v", g.terms)
				}
				if a := g.mine("alice"); a.Verdict != mining.Accepted {
					t.Errorf("a share for the other pool: %v", a.Verdict)
				}
			}
			g.leave()
		})
	}
}

// A pool that becomes too narrow for what its miners were told gets more links:
// those who can be told another extranonce of the same width go there, with
// all others' shares their own again. The others come back by themselves.
func TestPoolBecomesNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		const followers = 300 // more than one byte of slots has room for
		all := make([]*guest, 0, followers+1)
		for i := range followers + 1 {
			g := h.bring(uint64(i+1), "alice")
			g.mu.Lock()
			g.follows = i < followers
			g.mu.Unlock()
			all = append(all, g)
		}
		if slots := h.hub.SlotsInUse(); slots != followers+1 {
			t.Errorf("%d slots are in use", slots)
		}
		p.mu.Lock()
		p.en2Size = 5 // from now on, and for the probe
		conns := slices.Clone(p.conns)
		p.mu.Unlock()
		for _, conn := range conns {
			conn.setExtranonce("aabb", 5)
			conn.notify(true)
		}
		late := all[0].search(all[0].newest(), easy, impossible)
		pass(5 * time.Second)
		if a := all[0].hand("alice", late); a.Verdict != mining.Stale {
			t.Errorf("a late share: %v", a.Verdict)
		}
		last := all[followers]
		if got := last.reason(); got != mining.ExtranonceChanged {
			t.Errorf("a miner that cannot be told was closed with %q", got)
		}
		last.leave()
		for i, g := range all[:followers] {
			g.mu.Lock()
			g.told.Extranonce1 = g.en1
			if g.sets != 1 || g.en1.Len() != 1 || g.en2Size != g.told.Extranonce2Size || !g.terms[len(g.terms)-1].Clean {
				t.Errorf("miner %d was told %v, %d bytes, %d times, then %+v", i, g.en1, g.en2Size, g.sets, g.terms[len(g.terms)-1])
			}
			g.mu.Unlock()
			if a := g.mine("alice"); a.Verdict != mining.Accepted {
				t.Errorf("miner %d: %v, closed with %q", i, a.Verdict, g.reason())
			}
		}
		pass(time.Second)
		if _, refused := p.tally(); len(refused) != 0 {
			t.Errorf("the pool refused %q", refused)
		}
		if slots := h.hub.SlotsInUse(); slots != followers {
			t.Errorf("%d slots are in use", slots)
		}
		miners := 0
		for _, l := range h.hub.Pools()[0].Shared {
			if l.Miners > 256 {
				t.Errorf("a link of 256 slots has %d miners", l.Miners)
			}
			miners += l.Miners
		}
		if miners != followers {
			t.Errorf("links have %d miners", miners)
		}
		for _, g := range all[:followers] {
			g.leave()
		}
	})
}

// Without a miner such a connection is given up for one that has room for the
// next.
func TestIdlePoolBecomesNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, nil)
		p.mu.Lock()
		p.en2Size = 5
		conns := slices.Clone(p.conns)
		p.mu.Unlock()
		for _, conn := range conns {
			conn.setExtranonce("aabb", 5)
			conn.notify(true)
		}
		pass(5 * time.Second)
		if links := h.hub.Pools()[0].Shared; len(links) != 1 || links[0].Session.Extranonce2Size != 5 {
			t.Errorf("links %+v", links)
		}
		g := h.bring(1, "alice")
		if a := g.mine("alice"); a.Verdict != mining.Accepted || g.told.Extranonce1.Len() != 1 {
			t.Errorf("%v, told %v", a.Verdict, g.told.Extranonce1)
		}
		g.leave()
	})
}
