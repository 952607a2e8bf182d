package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// Of a miner that misbehaves a share is refused, whatever it is worth, and booked
// as the worker's; but a block goes to the pool.
func TestDoubtedShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.nbits, p.diff = 0x2007ffff, easy // one in eight shares is a block
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		doubted := func(s mining.Share) mining.Answer {
			return g.ask(mining.Request{Kind: mining.Submit, Worker: g.workers["alice"], Share: s, Doubted: true})
		}
		w := g.newest()
		network, _ := w.Job.NBits.Target()
		block := g.search(w, easy, impossible)
		for !network.Met(g.hash(w, &block)) {
			block = g.search(w, easy, impossible)
		}
		plain := g.search(w, easy, impossible)
		for network.Met(g.hash(w, &plain)) {
			plain = g.search(w, easy, impossible)
		}
		if a := doubted(plain); a.Verdict != mining.Unauthorized || !a.Booked || len(p.submitted()) != 0 {
			t.Errorf("a good share: %+v, %d went to the pool", a, len(p.submitted()))
		}
		if a := doubted(block); a.Verdict != mining.Unauthorized || len(p.submitted()) != 1 {
			t.Errorf("a block: %+v, %d went to the pool", a, len(p.submitted()))
		}
		if a := doubted(block); a.Verdict != mining.Unauthorized || len(p.submitted()) != 1 {
			t.Errorf("the block again: %+v, %d went to the pool", a, len(p.submitted()))
		}
		if a := g.hand("alice", g.search(w, easy, impossible)); a.Verdict != mining.Accepted {
			t.Errorf("once it is not doubted any more: %+v", a)
		}
		h.expectBooks("all", map[mining.Verdict]uint64{mining.Unauthorized: 3, mining.Accepted: 1}, map[mining.Verdict]uint64{mining.Accepted: 2})
		if workers := h.books.Snapshot(time.Now()).Workers; len(workers) != 1 || workers[0].Tally.Ours.Of(mining.Unauthorized) != 3 {
			t.Errorf("the worker's book: %+v", workers)
		}
		g.leave()
	})
}

// A miner's route is known from when it has one.
func TestRouteOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := buildShared(t, []*fakePool{sharedPool("main")}, func(c *hub.Config) { c.Routes[0].Rule.Worker = "alice" })
		g := h.join(1)
		if got := h.hub.RouteOf(g.miner) + h.hub.RouteOf(&mining.Miner{}); got != "" {
			t.Errorf("before it has one: %q", got)
		}
		g.open()
		if got := h.hub.RouteOf(g.miner); got != "" {
			t.Errorf("before its worker is known: %q", got)
		}
		g.authorize("alice")
		if got := h.hub.RouteOf(g.miner); got != "farm" {
			t.Errorf("the route is %q", got)
		}
		g.leave()
	})
}
