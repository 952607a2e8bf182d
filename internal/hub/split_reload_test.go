package hub_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/steer"
)

// A reload that has the split which is in place, by whomever it was put there and
// however often its windows were read, leaves it alone with its books.
func TestReloadOfTheSplitInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parts := func() []hub.PartConfig {
			prague, err := time.LoadLocation("Europe/Prague")
			if err != nil {
				t.Fatal(err)
			}
			window, err := steer.ParseWindow("* * * * *", prague)
			if err != nil {
				t.Fatal(err)
			}
			return []hub.PartConfig{{Pools: []string{"first"}, Weight: 1}, {Pools: []string{"second"}, Weight: 1, Window: window}}
		}
		winter := parts()
		time.Sleep(200 * 24 * time.Hour) // a zone that is read knows the clock of the time
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, splitting)
		guests := h.crowd(4)
		works(t, guests, 6, first, second)
		if err := h.hub.SetSplit("farm", winter); err != nil {
			t.Fatal(err)
		}
		works(t, guests, 6, first, second)
		for _, g := range guests {
			g.leave()
		}
		work := func() float64 { p := h.hub.Routes()[0].Parts; return p[0].Work + p[1].Work }
		had := work()
		for season, of := range map[string][]hub.PartConfig{"winter": winter, "summer": parts()} {
			if err := h.apply(func(c *hub.Config) { c.Routes[0].Parts = of }); err != nil {
				t.Fatal(err)
			}
			if got := work(); had == 0 || got != had {
				t.Errorf("as read in %s: work %v, want %v", season, got, had)
			}
		}
		if err := h.apply(splitting); err != nil {
			t.Fatal(err)
		}
		if got := h.hub.Routes()[0].Parts; got[0].Weight != 70 || work() != 0 {
			t.Errorf("another split: %+v", got)
		}
	})
}

// What is foretold of a reload has no moves of miners whose split stays.
func TestPreviewOfTheSplitInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, splitting)
		guests := h.crowd(10)
		parts := []hub.PartConfig{{Pools: []string{"first"}, Weight: 1}, {Pools: []string{"second"}, Weight: 1}}
		if err := h.hub.SetSplit("farm", parts); err != nil {
			t.Fatal(err)
		}
		works(t, guests, 12, first, second)
		moves, err := h.hub.Preview(h.changed(func(c *hub.Config) { c.Routes[0].Parts = parts }))
		if err != nil || len(moves) != 0 {
			t.Errorf("%+v, %v", moves, err)
		}
		if moves, err = h.hub.Preview(h.cfg); err != nil || len(moves) != 1 || moves[0] != (hub.Move{Route: "farm", Pool: "second", ToRoute: "farm", ToPool: "first", Miners: 2}) {
			t.Errorf("with the split of before: %+v, %v", moves, err)
		}
		off := func(c *hub.Config) { c.Routes[0].Parts, c.Pools[1].Disabled = parts, true }
		if moves, err = h.hub.Preview(h.changed(off)); err != nil || len(moves) != 1 || moves[0].ToPool != "first" || moves[0].Miners != 5 {
			t.Errorf("with a part's pool disabled: %+v, %v", moves, err)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// What is foretold of a split comes about with miners that have links of their own,
// too, where it takes its time.
func TestPreviewOfADedicatedSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := build(t, []*fakePool{first, second}, nil)
		guests := h.crowd(4)
		lives(time.Minute, first, second)
		split := func(c *hub.Config) {
			c.Routes[0].Parts = []hub.PartConfig{{Pools: []string{"first"}, Weight: 3}, {Pools: []string{"second"}, Weight: 1}}
		}
		foretold := h.foretell(split, h.makers(guests))
		h.must(h.apply(split))
		lives(25*time.Minute, first, second)
		if at := h.makers(guests); at["second"] != 1 || !maps.Equal(at, foretold) {
			t.Errorf("foretold are %v, and they are at %v", foretold, at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// A reload's return_after is the split's, too.
func TestReloadOfReturnAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		h := buildShared(t, []*fakePool{first, second}, splitting)
		guests := h.crowd(10)
		if err := h.apply(func(c *hub.Config) { c.Routes[0].ReturnAfter = 20 * time.Minute }); err != nil {
			t.Fatal(err)
		}
		second.refuse.Store(true)
		second.closeAll()
		pass(3 * time.Second)
		second.refuse.Store(false)
		for _, c := range []struct {
			after time.Duration
			least int
		}{{10 * time.Minute, 10}, {15 * time.Minute, 6}} {
			lives(c.after, first, second)
			if at := where(t, guests)["first"]; at < c.least || at > c.least+2 {
				t.Errorf("after %v more: %d at the first pool", c.after, at)
			}
		}
		for _, g := range guests {
			g.leave()
		}
	})
}
