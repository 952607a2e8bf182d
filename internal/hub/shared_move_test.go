package hub_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// nomad is a miner that is moved from group to group, in a house whose groups
// take nomads miners each.
type nomad struct {
	*guest

	others []*guest // of its group
	next   uint64
}

const nomads = 3

func (h *house) nomad() *nomad { return &nomad{guest: h.bring(1, "nomad"), next: 2} }

func (n *nomad) another() *guest {
	g := n.house.bring(n.next, fmt.Sprintf("other%d", n.next))
	n.next++
	return g
}

// move has the nomad moved: its group is filled up, so that the next miner
// opens another one, and left by all but the nomad.
func (n *nomad) move() {
	n.house.t.Helper()
	from := n.house.hub.MinerState(n.miner).Link
	for len(n.others) < nomads-1 {
		n.others = append(n.others, n.another())
	}
	stays := n.another()
	pass(2 * time.Second) // the new link's pool may be the second that is tried
	for _, g := range n.others {
		g.leave()
	}
	n.others = []*guest{stays}
	pass(2 * time.Second)
	if now := n.house.hub.MinerState(n.miner).Link; now == from || now != n.house.hub.MinerState(stays.miner).Link {
		n.house.t.Fatalf("the miner was at link %v and is at %v, the other one at %v", from, now, n.house.hub.MinerState(stays.miner).Link)
	}
}

func (n *nomad) leave() {
	for _, g := range n.others {
		g.leave()
	}
	n.guest.leave()
}

// A moved miner goes on with what it has: its late shares count where their
// work came from, for the eight groups that it was in last.
func TestLateSharesOfManyGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.en2Size, p.unique = 12, false // a pad of its own is all that a group differs by
		h := buildShared(t, []*fakePool{p}, fewMiners(nomads))
		n := h.nomad()
		var given [11]*mining.Work // by its groups in turn
		for i := range given {
			if i > 0 {
				n.move()
			}
			given[i] = n.newest()
		}
		pads := map[string]bool{}
		for i, w := range given {
			pads[string(w.Prefix)] = true
			s := n.search(w, easy, impossible)
			if i < 2 {
				if a := n.hand("nomad", s); a.Verdict != mining.JobNotFound {
					t.Errorf("a share of group %d of %d: %v", i, len(given), a.Verdict)
				}
				continue
			}
			login := fmt.Sprintf("nomad%d", i)
			n.authorize(login)
			if wrong := n.headers(login, p, w, s); wrong != "" {
				t.Errorf("a share of group %d of %d: %s", i, len(given), wrong)
			}
		}
		if len(pads) != len(given) {
			t.Errorf("%d groups have %d ways to begin a coinbase", len(given), len(pads))
		}
		if count, refused := p.tally(); count != len(given)-2 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", count, refused)
		}
		n.leave()
	})
}

// lateShare is a share of any work that the miner was given.
type lateShare struct {
	of    int
	en2   []byte
	bits  work.VersionMask
	ahead work.NTime
}

// Whatever a miner's groups, their pools and pads are: a share of any work that
// it was given is judged by the header that the work's own pool builds of it.
func TestHeaderOfAMovedMiner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(4, extranonce.MaxPoolSize), 2, 2).Draw(rt, "sizes of extranonce2")
		en1 := rapid.SliceOfN(rapid.IntRange(0, work.MaxExtranonce-1), 2, 2).Draw(rt, "sizes of extranonce1")
		floor := rapid.IntRange(0, min(sizes[0], sizes[1], extranonce.MaxFloor+1)-1).Draw(rt, "floor")
		moves := rapid.SliceOfN(rapid.IntRange(0, 1), 1, 4).Draw(rt, "pools of the groups")
		shares := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lateShare {
			return lateShare{
				of: rapid.IntRange(0, 20).Draw(t, "work"), en2: rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "extranonce2"),
				bits:  work.VersionMask(rapid.Uint32().Draw(t, "bits")) & work.MaskBIP320,
				ahead: work.NTime(rapid.IntRange(0, 600).Draw(t, "rolled for")),
			}
		}), 1, 10).Draw(rt, "shares")
		var wrongs []string
		synctest.Test(t, func(t *testing.T) {
			pools := []*fakePool{sharedPool("first"), sharedPool("second")}
			for i, p := range pools {
				p.en1, p.en2Size, p.branches = strings.Repeat("5a", en1[i]), sizes[i], []work.Hash{{1}}
			}
			h := buildShared(t, pools, func(c *hub.Config) {
				c.Routes[0].MaxMiners, c.Routes[0].Extranonce2Size = nomads, floor
			})
			n := h.nomad()
			for _, at := range moves {
				stays := n.newest().Job.Pool == pools[at].name
				h.hub.DrainPool(pools[1-at].name, true)
				h.hub.DrainPool(pools[at].name, false)
				if stays {
					n.move()
				}
				pass(2 * time.Second)
				if got := n.newest().Job.Pool; got != pools[at].name {
					t.Fatalf("the miner was moved to pool %s, want %s", got, pools[at].name)
				}
				for _, p := range pools {
					p.job()
				}
			}
			for i, late := range shares {
				w := n.terms[late.of%len(n.terms)].Work
				en2, _ := work.MakeExtranonce(late.en2[:n.told.Extranonce2Size])
				s := n.seek(w, mining.Share{
					Job: w.ID, Known: true, Extranonce2: en2, NTime: w.NTime + late.ahead, VersionBits: late.bits, HasVersionBits: true,
				}, easy, impossible)
				login := fmt.Sprintf("nomad%d", i)
				n.authorize(login)
				if wrong := n.headers(login, h.pools[w.Job.Pool], w, s); wrong != "" {
					wrongs = append(wrongs, fmt.Sprintf("work %d of %d: %s", late.of%len(n.terms), len(n.terms), wrong))
				}
			}
			for _, p := range pools {
				if _, refused := p.tally(); len(refused) != 0 {
					wrongs = append(wrongs, fmt.Sprintf("pool %s refused %q", p.name, refused))
				}
			}
			n.leave()
		})
		if len(wrongs) > 0 {
			rt.Fatalf("%q", wrongs)
		}
	})
}

// A miner that comes back to a pool is not given the search again that it has had
// there, however much it was given elsewhere meanwhile.
func TestBackAtThePoolOfTheSameJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, nil)
		g := h.bring(1, "rig.1")
		pass(3 * time.Second)
		h.hub.PinRoute("farm", "second")
		pass(time.Second)
		for range 12 {
			second.job()
			pass(time.Second)
		}
		h.hub.PinRoute("farm", "first")
		pass(4 * time.Second)
		seen := make(map[mining.JobID]bool)
		for _, w := range g.works {
			if seen[w.ID] {
				t.Errorf("work %v of %s is given again", w.ID, w.Job.Pool)
			}
			seen[w.ID] = true
		}
		if at := g.newest().Job.Pool; at != "first" {
			t.Errorf("it works for %s", at)
		}
		g.leave()
	})
}
