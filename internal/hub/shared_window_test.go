package hub_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/steer"
)

// A part has its share in its window, and its miners go to the others within 10 s
// of its end; where nothing else serves it is better than nothing.
func TestSplitByWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		window, err := steer.ParseWindow("10-39 0 * * *", time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		first, second, third := sharedPool("first"), sharedPool("second"), sharedPool("third")
		pools := []*fakePool{first, second, third}
		said := new(logText)
		h := buildWith(t, pools, slog.New(slog.NewTextHandler(said, nil)), func(c *hub.Config) {
			shareAll(c)
			c.Routes[0].Parts = []hub.PartConfig{
				{Pools: []string{"second"}, Weight: 30, Window: window},
				{Pools: []string{"first"}, Weight: 70},
				{Pools: []string{"third"}, Worker: "vip.*"},
			}
		})
		guests := append(h.crowd(10), h.bring(50, "vip.1"))
		// reach works until a time of the bubble's day, which begins at midnight.
		reach := func(at time.Duration, of ...*fakePool) {
			t.Helper()
			now := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
			works(t, guests, int((at-now)/(10*time.Second)), of...)
		}
		reach(10*time.Minute-20*time.Second, pools...)
		if at := where(t, guests); at["first"] != 10 || at["third"] != 1 {
			t.Errorf("before the window: %v", at)
		}
		if p := h.hub.Routes()[0].Parts; !p[0].Closed || p[0].Target != 0 || p[1].Closed || p[1].Target != 1 {
			t.Errorf("before the window: %+v", p)
		}
		guests = append(guests, h.bring(60, "late"))
		if at := where(t, guests); at["first"] != 11 {
			t.Errorf("a newcomer outside the window: %v", at)
		}
		reach(15*time.Minute, pools...)
		if at := where(t, guests); at["second"] < 2 || at["third"] != 1 {
			t.Errorf("in the window: %v", at)
		}
		_, before := part(first, second, [2]int{})
		reach(35*time.Minute, pools...)
		if got, _ := part(first, second, before); got < 0.68 || got > 0.72 {
			t.Errorf("%.3f of the work went to the first pool in the window, want 0.7", got)
		}
		reach(40*time.Minute-10*time.Second, pools...)
		pass(40*time.Minute + 10*time.Second - time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
		if at := where(t, guests); at["first"] != 11 || at["third"] != 1 {
			t.Errorf("10 s after the window: %v", at)
		}
		if n := said.count("enters its window or leaves it"); n != 3 || said.count("in_window=true") != 1 {
			t.Errorf("the window was spoken of %d times", n)
		}
		// The window does not count where no other part serves; that of a worker is
		// not for the others.
		first.refuse.Store(true)
		first.closeAll()
		pass(2 * time.Second)
		works(t, guests, 12, second, third)
		if at := where(t, guests); at["second"] != 11 || at["third"] != 1 {
			t.Errorf("outside the window and without the first pool: %v", at)
		}
		first.refuse.Store(false)
		lives(3*time.Minute, pools...)
		if at := where(t, guests); at["first"] != 11 || at["third"] != 1 {
			t.Errorf("with the first pool back: %v", at)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}
