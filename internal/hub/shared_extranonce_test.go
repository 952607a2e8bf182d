package hub_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// headers hands in a share and says what is wrong unless the miner, we and the
// pool have built the same header of it. Its worker may have had no share yet.
func (g *guest) headers(login string, p *fakePool, w *mining.Work, s mining.Share) (wrong string) {
	if a := g.hand(login, s); a.Verdict != mining.Accepted {
		return fmt.Sprintf("%v %q", a.Verdict, a.Text)
	}
	mined := g.hash(w, &s)
	if by, built := p.built(s.Nonce); by == nil || built != mined {
		return fmt.Sprintf("the miner hashed %v, the pool %v (it came: %t)", mined, built, by != nil)
	}
	for _, worker := range g.house.books.Snapshot(time.Now()).Workers {
		if worker.Name == login && worker.Best == mined.Difficulty() {
			return ""
		}
	}
	return fmt.Sprintf("judged was another hash than the miner's, which is of difficulty %v", mined.Difficulty())
}

// Where a pool has room for it miners get as much extranonce2 as their route
// asks for, and whatever the sizes are, the header is the same everywhere.
func TestFloorAtEverySizeOfExtranonce(t *testing.T) {
	for _, floor := range []int{4, 7} {
		for size := 2; size <= 16; size++ {
			// Each size with a third of the others, and all of them with each floor.
			for en1 := (size + floor) % 3; en1 <= work.MaxExtranonce; en1 += 3 {
				synctest.Test(t, func(t *testing.T) {
					p := sharedPool("main")
					p.en1, p.unique, p.en2Size = strings.Repeat("5a", en1), false, size
					p.branches = []work.Hash{{1}, {2}}
					h := buildShared(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Extranonce2Size = floor })
					floorHolds(h, p, floor, size, en1)
				})
			}
		}
	}
}

func floorHolds(h *house, p *fakePool, floor, size, en1 int) {
	t := h.t
	t.Helper()
	what := fmt.Sprintf("floor %d, extranonce1 of %d bytes, extranonce2 of %d", floor, en1, size)
	shares := size > max(floor, 3) // else there is no byte for a slot
	for i, login := range []string{"alice", "bob"} {
		g := h.bring(uint64(i+1), login)
		g.tried = work.Nonce(i << 24) // the pool knows shares by their nonces
		slot, own := g.told.Extranonce1.Len(), g.told.Extranonce2Size
		switch {
		case own < min(floor, size):
			t.Errorf("%s: the miner got %d", what, own)
		case shares && (slot < 1 || slot > 4 || slot+own > size):
			t.Errorf("%s: a slot of %d and %d for the miner", what, slot, own)
		case !shares && (slot != en1 || own != size):
			t.Errorf("%s: told %+v, want the pool's own", what, g.told)
		}
		w := g.newest()
		s := g.seek(w, mining.Share{
			Job: w.ID, Known: true, NTime: w.NTime, Extranonce2: hex(t, "c1c2c3c4c5c6c7c8c9cacbcccdcecfd0"[:2*own]),
		}, easy, impossible)
		if wrong := g.headers(login, p, w, s); wrong != "" {
			t.Errorf("%s: %s", what, wrong)
		}
		defer g.leave()
	}
	if _, refused := p.tally(); len(refused) != 0 {
		t.Errorf("%s: the pool refused %q", what, refused)
	}
	want := 1
	if !shares {
		want = 2
	}
	if got := h.hub.Pools()[0].Links; got != want {
		t.Errorf("%s: %d links, want %d", what, got, want)
	}
}

// What an earlier run has found of a pool that is away counts for the miners that
// come meanwhile: once it is there they fit.
func TestExtranonceOfAPoolThatIsAway(t *testing.T) {
	for _, c := range []struct{ found, want int }{{0, 4}, {6, 2}, {3, 4}} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			second.en2Size = 6
			second.refuse.Store(true)
			h := buildShared(t, []*fakePool{first, second}, func(cfg *hub.Config) { cfg.Pools[1].Found.Extranonce2Size = c.found })
			g := h.bring(1, "rig")
			if got := g.told.Extranonce1.Len(); got != c.want {
				t.Errorf("found %d: the miner's slot has %d bytes, want %d", c.found, got, c.want)
			}
			second.refuse.Store(false)
			pass(time.Minute)
			if c.found != 6 {
				return
			}
			first.refuse.Store(true)
			first.closeAll()
			pass(3 * time.Second)
			if at := where(t, []*guest{g}); at["second"] != 1 {
				t.Errorf("the miner is at %v", at)
			}
		})
	}
}
