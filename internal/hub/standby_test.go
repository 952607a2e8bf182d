package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
)

func byUserShared(c *hub.Config) { shareAll(c); byUser(c) }

// Miners of accounts of their own have the next pool's work as soon as the others:
// their connection to it is there already, and goes when they do.
func TestStandbyOfEachAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		h := build(t, []*fakePool{first, second, third}, byUserShared)
		guests := make([]*guest, 0, 4)
		for i := range uint64(4) {
			guests = append(guests, h.bring(i+1, fmt.Sprintf("u%d.rig", min(i, 2)))) // two are of one account
		}
		pass(3 * time.Second)
		links := func() [3]int {
			s := h.hub.Pools()
			return [3]int{s[0].Links, s[1].Links, s[2].Links}
		}
		if got := links(); got != [3]int{3, 3, 0} {
			t.Errorf("links with three accounts: %v", got)
		}
		lives(10*time.Minute, first, second, third)
		if got := links(); got != [3]int{3, 3, 0} {
			t.Errorf("links after ten minutes: %v", got)
		}
		second.slow = time.Hour // what is not there now does not come
		dialled := second.count()
		first.refuse.Store(true)
		first.closeAll()
		pass(1500 * time.Millisecond)
		if at := where(t, guests); at["second"] != len(guests) || second.count() != dialled {
			t.Errorf("miners at %v, %d connections were made for it", at, second.count()-dialled)
		}
		for _, g := range guests[:2] {
			g.leave()
		}
		lives(6*time.Minute, second, third)
		if got := links(); got != [3]int{0, 1, 1} {
			t.Errorf("links with one account left: %v", got)
		}
		for _, g := range guests[2:] {
			g.leave()
		}
	})
}

// A route with very many accounts asks no pool for connections that nobody uses.
func TestStandbyOfManyAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, byUserShared)
		guests := make([]*guest, 0, 101)
		for i := range uint64(101) {
			guests = append(guests, h.bring(i+1, fmt.Sprintf("u%d.rig", i)))
		}
		lives(4*time.Minute, first, second)
		if s := h.hub.Pools(); s[0].Links != 101 || s[1].Links != 0 {
			t.Errorf("%d links, %d at the next pool", s[0].Links, s[1].Links)
		}
		guests[0].leave()
		lives(4*time.Minute, first, second)
		if s := h.hub.Pools(); s[0].Links != 100 || s[1].Links != 100 {
			t.Errorf("with 100 accounts: %d links, %d at the next pool", s[0].Links, s[1].Links)
		}
		for _, g := range guests[1:] {
			g.leave()
		}
	})
}
