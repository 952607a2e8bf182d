package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
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
// work came from, for the four groups that it was in last.
func TestLateSharesOfManyGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.en2Size, p.unique = 12, false // a pad of its own is all that a group differs by
		h := buildShared(t, []*fakePool{p}, fewMiners(nomads))
		n := h.nomad()
		var given [7]*mining.Work // by its groups in turn
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
