package hub_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func fewMiners(n int) func(*hub.Config) {
	return func(c *hub.Config) { c.Routes[0].MaxMiners = n }
}

// crowd is many miners, by rig0, rig1 and so on.
func (h *house) crowd(n int) (guests []*guest) {
	for i := range n {
		guests = append(guests, h.bring(uint64(i+1), fmt.Sprintf("rig%d", i)))
	}
	return guests
}

// links counts the miners of each link.
func (h *house) linksOf(guests []*guest) map[mining.LinkID]int {
	n := map[mining.LinkID]int{}
	for _, g := range guests {
		n[h.hub.MinerState(g.miner).Link]++
	}
	return n
}

func TestSecondLinkIsOpenedAheadOfNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, fewMiners(20))
		guests := h.crowd(18)
		pass(3 * time.Second)
		if got := h.hub.Pools()[0].Links; got != 1 {
			t.Errorf("%d links for 18 miners of 20", got)
		}
		guests = append(guests, h.bring(19, "rig18"))
		pass(3 * time.Second)
		if got := h.hub.Pools()[0].Links; got != 2 {
			t.Errorf("%d links for 19 miners of 20", got)
		}
		p.live(10) // a spare one stays
		if got := h.hub.Pools()[0].Links; got != 2 {
			t.Errorf("%d links for 19 miners of 20, ten minutes later", got)
		}
		for i := 20; i <= 25; i++ {
			g := h.bring(uint64(i), "late")
			if g.given() != 1 {
				t.Errorf("miner %d has no work at once", i)
			}
			guests = append(guests, g)
		}
		if n := h.linksOf(guests); len(n) != 2 {
			t.Errorf("miners by link: %v", n)
		}
		for _, g := range guests {
			g.leave()
		}
		p.live(6)
		if got := h.hub.Pools()[0].Links; got != 1 {
			t.Errorf("%d links for nobody, want one that is kept", got)
		}
	})
}

// A connection that was opened ahead and is not needed after all is closed; no
// miner is touched for it.
func TestSpareLinkIsNoReasonToMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, fewMiners(20))
		guests := h.crowd(19)
		pass(3 * time.Second)
		for _, g := range guests[10:] {
			g.leave()
		}
		link := h.hub.MinerState(guests[0].miner).Link
		p.live(8)
		if got := h.hub.Pools()[0].Links; got != 1 {
			t.Errorf("%d links for 10 miners", got)
		}
		if n := h.linksOf(guests[:10]); n[link] != 10 {
			t.Errorf("miners by link: %v; all were at %v", n, link)
		}
		for _, g := range guests[:10] {
			g.leave()
		}
	})
}

func TestSmallerGroupIsEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, fewMiners(10))
		guests := h.crowd(15)
		pass(3 * time.Second)
		if n := h.linksOf(guests); len(n) != 2 || n[h.hub.MinerState(guests[0].miner).Link] != 10 {
			t.Fatalf("miners by link: %v", n)
		}
		small := guests[14]
		from := h.hub.MinerState(small.miner).Link
		old, works := small.newest(), small.given()
		for _, g := range guests[2:11] {
			g.leave()
		}
		left := append(guests[:2:2], guests[11:]...)
		pass(2 * time.Second)
		if n := h.linksOf(left); len(n) != 1 || n[from] != 0 && n[from] != 6 {
			t.Fatalf("miners by link: %v", n)
		}
		moved := small
		if h.hub.MinerState(small.miner).Link == from {
			moved, old, works = guests[0], guests[0].terms[0].Work, 1
		}
		if moved.given() != works+1 || moved.assigned().Clean {
			t.Errorf("the miner was moved by %d works, clean %t; want one that is not", moved.given()-works, moved.assigned().Clean)
		}
		login := fmt.Sprintf("rig%d", moved.miner.ID-1)
		for _, w := range []*mining.Work{old, moved.newest()} {
			if a := moved.hand(login, moved.search(w, easy, impossible)); a.Verdict != mining.Accepted {
				t.Errorf("a share of work %v: %v", w.ID, a.Verdict)
			}
		}
		if n, refused := p.tally(); n != 2 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		// Nobody comes to the emptied one any more, not even where the other is full.
		stays := h.hub.MinerState(small.miner).Link
		for i := range uint64(5) {
			left = append(left, h.bring(i+20, "new"))
		}
		if n := h.linksOf(left); n[stays] != 10 || len(n) != 2 {
			t.Errorf("miners by link: %v", n)
		}
		for link := range h.linksOf(left) {
			if link != stays && link <= 3 {
				t.Errorf("a miner came to link %v, which is being emptied", link)
			}
		}
		for _, g := range left[6:] {
			g.leave()
		}
		left = left[:6]
		p.live(8)
		if got := h.hub.Pools()[0].Links; got != 1 {
			t.Errorf("%d links are left", got)
		}
		for _, g := range left {
			if g.reason() != "" {
				t.Errorf("a miner was closed with %q", g.reason())
			}
			g.leave()
		}
	})
}

// Nobody is moved to where there is no work.
func TestGroupIsNotEmptiedIntoOneWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		h := buildShared(t, []*fakePool{p}, fewMiners(10))
		guests := h.crowd(14)
		pass(3 * time.Second)
		p.noJob = true
		_ = p.shared().Close() // of ten miners
		synctest.Wait()
		for _, g := range append(guests[:7:7], guests[10:12]...) { // the one with work is the smaller one
			g.leave()
		}
		link := h.hub.MinerState(guests[13].miner).Link
		pass(10 * time.Second)
		if got := h.hub.MinerState(guests[13].miner).Link; got != link {
			t.Errorf("a miner with work was moved from link %v to %v", link, got)
		}
		for _, g := range append(guests[7:10:10], guests[12:]...) {
			g.leave()
		}
	})
}

func TestSlotsOfOneByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.en2Size = 4
		h := buildShared(t, []*fakePool{p}, nil)
		guests := h.crowd(256)
		slots := map[work.Extranonce]bool{}
		for _, g := range guests {
			slots[g.told.Extranonce1] = true
		}
		if n := h.linksOf(guests); len(slots) != 256 || len(n) != 1 {
			t.Fatalf("%d slots, miners by link: %v", len(slots), n)
		}
		pass(3 * time.Second)
		if got := h.hub.Pools()[0].Links; got != 2 {
			t.Errorf("%d links for a full one, want one ahead of need", got)
		}
		more := h.bring(257, "more")
		if more.given() != 1 {
			t.Error("miner 257 has no work at once")
		}
		pass(3 * time.Second)
		if n := h.linksOf(append(guests, more)); len(n) != 2 || h.hub.Pools()[0].Links != 2 {
			t.Errorf("miners by link: %v, %d links", n, h.hub.Pools()[0].Links)
		}
		for _, g := range append(guests, more) {
			if a := g.hand(g.login(), g.search(g.newest(), easy, impossible)); a.Verdict != mining.Accepted {
				t.Errorf("miner %v: %v", g.miner.ID, a.Verdict)
			}
		}
		if n, refused := p.tally(); n != 257 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		// A slot that is given back rests.
		freed := guests[0].told.Extranonce1
		guests[0].leave()
		if g := h.bring(300, "soon"); h.hub.MinerState(g.miner).Link == h.hub.MinerState(guests[1].miner).Link {
			t.Errorf("a slot was given again at once: %v of %v", g.told.Extranonce1, freed)
		}
		p.live(4)
		p.block()
		if g := h.bring(301, "later"); g.told.Extranonce1 != freed {
			t.Errorf("slot %v was given, want %v, which has rested", g.told.Extranonce1, freed)
		}
	})
}

// login is a worker that the guest named, or nothing.
func (g *guest) login() string {
	for _, login := range slices.Sorted(maps.Keys(g.workers)) {
		return login
	}
	return ""
}
