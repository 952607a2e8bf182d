package hub_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// reward is what a block pays, in satoshi.
const reward = 312_500_000

// pays gives a pool's jobs a coinbase of block 900,000, around an extranonce of 13
// bytes.
func (p *fakePool) pays() {
	one := append([]byte{1, 0, 0, 0, 1}, make([]byte, 32)...)
	one = append(one, 0xff, 0xff, 0xff, 0xff, 17, 3, 0xa0, 0xbb, 0x0d)
	two := binary.LittleEndian.AppendUint64([]byte{0xff, 0xff, 0xff, 0xff, 1}, reward)
	p.coinb1, p.coinb2, p.nbits = one, append(two, 1, 0x51, 0, 0, 0, 0), 0x1d00ffff
}

// account reads the books of a pool, the first.
func (h *house) account(t *testing.T) ledger.Account {
	t.Helper()
	s := h.books.Snapshot(time.Now())
	if len(s.Pools) != 1 || len(s.Routes) != 1 || s.Pools[0].Tally != s.Routes[0].Tally || s.Pools[0].Tally != s.Total.Tally {
		t.Errorf("pools %+v, routes %+v, total %+v", s.Pools, s.Routes, s.Total)
	}
	return s.Total
}

// A share is worth what its job says, by our word with the miner's difficulty and
// by the pool's with the pool's; so is what is lost.
func TestWorthOfShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.pays()
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		network := p.nbits.Difficulty()
		worth := func(d work.Difficulty) mining.Amount { return mining.Worth(d, network, reward) }
		good := g.search(g.newest(), p.diff, impossible)
		g.hand("alice", good)
		g.hand("alice", good)
		g.hand("alice", g.search(g.newest(), 0, easy))
		stale := g.search(g.newest(), easy, impossible)
		p.block()
		g.hand("alice", stale)
		unknown := good
		unknown.Job ^= 0x40000000
		g.hand("alice", unknown)
		tally := h.account(t).Tally
		for _, c := range []struct {
			name string
			got  ledger.Cell
			want work.Difficulty
		}{
			{"accepted", tally.Ours[mining.Accepted], easy},
			{"accepted by the pool", tally.Pools[mining.Accepted], p.diff},
			{"sent", tally.Sent, p.diff},
			{"duplicate", tally.Ours[mining.Duplicate], easy},
			{"low difficulty", tally.Ours[mining.LowDifficulty], easy},
			{"stale", tally.Ours[mining.Stale], easy},
			{"of no job", tally.Ours[mining.JobNotFound], easy},
		} {
			if want := (ledger.Cell{Shares: 1, Work: float64(c.want), Value: worth(c.want)}); c.got != want || want.Value.Zero() {
				t.Errorf("%s is booked as %+v, want %+v", c.name, c.got, want)
			}
		}
		if want := float64(easy / network); tally.Blocks != want {
			t.Errorf("%v blocks were to be expected, want %v", tally.Blocks, want)
		}
		g.leave()
	})
}

// Blocks are kept with all that is known of them, and what the pool says.
func TestFoundBlocksAreKept(t *testing.T) {
	for _, shared := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.pays()
			p.nbits, p.diff = 0x207fffff, 0.9e-10 // every other hash is a block
			if !shared {
				p.submit = func(sv1.Submit) string { return "true" }
			}
			var kept blockSink
			books := ledger.New(ledger.Config{Sink: &kept}, time.Now())
			h := buildHub(t, []*fakePool{p}, hub.Deps{Ledger: books}, func(c *hub.Config) {
				shareAll(c)
				c.Routes[0].Shared = shared
			})
			g := h.bring(1, "alice")
			w := g.newest()
			network, _ := w.Job.NBits.Target()
			s := g.search(w, 0.9e-10, impossible)
			for !network.Met(g.hash(w, &s)) {
				s = g.search(w, 0.9e-10, impossible)
			}
			hash := g.hash(w, &s)
			if a := g.hand("alice", s); a.Verdict != mining.Accepted {
				t.Errorf("verdict is %v", a.Verdict)
			}
			g.hand("alice", s) // again
			pass(time.Second)
			found := h.account(t).Tally.Found
			if found.Shares != 1 || found.Value != (mining.Amount{Sat: reward}) {
				t.Errorf("shared %v: found %+v", shared, found)
			}
			if len(kept.blocks) < 2 {
				t.Fatalf("shared %v: kept %+v", shared, kept.blocks)
			}
			last := kept.blocks[len(kept.blocks)-1]
			if last.Hash != hash.String() || last.Height != 900_000 || last.Worker != "alice" || last.Pool != "main" || last.Route != "farm" ||
				last.Reward != reward || last.Verdict != mining.Accepted || kept.blocks[0].Verdict != mining.Pending {
				t.Errorf("shared %v: kept %+v", shared, kept.blocks)
			}
			g.leave()
		})
	}
}

// A share leaves for its pool with the rest of what its miner's read has; one that is a
// block does not wait for that.
func TestBlocksLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.nbits, p.diff = 0x207fffff, 0.9e-10 // every other hash is a block
		p.submit = func(sv1.Submit) string { return "true" }
		h := buildHub(t, []*fakePool{p}, hub.Deps{}, func(c *hub.Config) {
			shareAll(c)
			c.Routes[0].Shared = false
		})
		g := h.bring(1, "alice")
		w := g.newest()
		network, _ := w.Job.NBits.Target()
		hand := func(block bool) int {
			s := g.search(w, 0.9e-10, impossible)
			for network.Met(g.hash(w, &s)) != block {
				s = g.search(w, 0.9e-10, impossible)
			}
			g.ticket++
			req := mining.Request{Ticket: g.ticket, Kind: mining.Submit, Worker: g.workers["alice"], Share: s}
			if a := h.hub.Booked(h.hub).Handle(g.miner, &req); a.Verdict != mining.Pending {
				t.Errorf("verdict is %v", a.Verdict)
			}
			synctest.Wait()
			return len(p.submitted())
		}
		if n := hand(false); n != 0 {
			t.Errorf("the pool has %d shares before the end of the read", n)
		}
		if n := hand(true); n != 2 {
			t.Errorf("the pool has %d shares after one that is a block, want both", n)
		}
		h.hub.Flush(g.miner)
		g.leave()
	})
}

// blockSink remembers blocks.
type blockSink struct{ blocks []store.Block }

func (*blockSink) Take([]ledger.Event) {}

func (s *blockSink) TakeBlock(b store.Block) { s.blocks = append(s.blocks, b) }

// An answer that comes twice is counted as that, and changes nothing else.
func TestAnswersThatComeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.pays()
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		s := g.search(g.newest(), p.diff, impossible)
		g.hand("alice", s)
		before := h.account(t).Tally
		p.shared().late(s.Nonce, `[21,"Job not found",null]`)
		p.shared().late(s.Nonce, "true")
		pass(time.Second)
		after := h.account(t).Tally
		if want := before.Sent.Value; after.Twice.Shares != 2 || after.Twice.Value != want.Add(want) || want.Zero() {
			t.Errorf("twice is %+v", after.Twice)
		}
		after.Twice = ledger.Cell{}
		if after != before {
			t.Errorf("a second answer changed %+v to %+v", before, after)
		}
		if w := h.books.Snapshot(time.Now()).Workers; len(w) != 1 || w[0].Tally.Twice.Shares != 2 {
			t.Errorf("workers are %+v", w)
		}
		g.leave()
	})
}

// Work that cannot be handed in is lost to its worker.
func TestWorkThatIsNotHandedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.pays()
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		s := g.search(g.newest(), p.diff, impossible)
		p.change(func() { p.submit = func(sv1.Submit) string { return "" } })
		g.hand("alice", s)
		_ = p.shared().Close()
		pass(time.Minute)
		tally := h.account(t).Tally
		if tally.Sent.Shares != 1 || tally.Pools.Of(mining.Unanswered) != 1 || tally.Unsent.Shares != 0 {
			t.Errorf("a share that the pool had and did not answer: %+v", tally)
		}
		gap := tally.Gap()
		if gap.Shares != 1 || gap.Value.Zero() || gap.Value != tally.Sent.Value {
			t.Errorf("the gap is %+v", gap)
		}
		g.leave()
	})
}
