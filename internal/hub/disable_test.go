package hub_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// A disabled pool loses its miners to the others, then its connections, and gets
// no new one until it is enabled; no miner notices.
func TestDisablePool(t *testing.T) {
	for name, change := range map[string]func(*hub.Config){"shared": shareAll, "dedicated": func(*hub.Config) {}} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			var log logText
			h := buildHub(t, []*fakePool{first, second}, hub.Deps{Logger: slog.New(slog.NewTextHandler(&log, nil))}, change)
			guests := h.crowd(25)
			pass(2 * time.Second)
			alone, err := h.hub.DisablePool("first")
			if err != nil || len(alone) != 0 {
				t.Errorf("%s: alone %v, %v", name, alone, err)
			}
			if _, err := h.hub.DisablePool("first"); err != nil {
				t.Errorf("%s: twice: %v", name, err)
			}
			at := time.Now()
			pass(2 * time.Second)
			if got := where(t, guests); got["second"] != len(guests) {
				t.Errorf("%s: miners at %v", name, got)
			}
			dialled := first.count()
			lives(33*time.Second, second)
			s := h.hub.Pools()[0]
			if n := first.open(); n != 0 || s.Links != 0 {
				t.Errorf("%s: %d connections, %d links are left", name, n, s.Links)
			}
			if s.Condition.State != hub.PoolDisabled || s.Condition.Reason != "by_operator" || !s.Condition.Since.Equal(at) {
				t.Errorf("%s: the pool is %+v", name, s.Condition)
			}
			guests = append(guests, h.bring(100, "late"))
			lives(10*time.Minute, second)
			if n := first.count() - dialled; n != 0 {
				t.Errorf("%s: %d connections to a disabled pool", name, n)
			}
			if q := h.hub.Pools()[0].Quality; q.Disconnects+q.Silences != 0 {
				t.Errorf("%s: what we closed counts against the pool: %+v", name, q)
			}
			if log.count("level=WARN") != log.count("without encryption") {
				t.Errorf("%s: warned:\n%s", name, log.text.String())
			}
			if err := h.hub.EnablePool("first"); err != nil {
				t.Error(err)
			}
			pass(time.Second)
			if s := h.hub.Pools()[0].Condition; s.State != hub.PoolStandby {
				t.Errorf("%s: enabled: %+v", name, s)
			}
			lives(4*time.Minute, first, second)
			if got := where(t, guests); got["first"] != len(guests) {
				t.Errorf("%s: enabled for long: miners at %v", name, got)
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}

// Where a route has no other pool, its miners are as those whose pool is lost, and
// the operator is told so.
func TestDisableTheOnlyPool(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*hub.Config)
		size   int // of the pool's extranonce2
		want   mining.Reason
	}{
		"shared":         {shareAll, 8, mining.PoolUnreachable},
		"shared, held":   {func(c *hub.Config) { shareAll(c); c.Routes[0].Hold = true }, 8, ""},
		"dedicated":      {func(*hub.Config) {}, 8, mining.PoolUnreachable},
		"passed through": {shareAll, 3, mining.PoolDisconnected},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, away := sharedPool("only"), sharedPool("away")
			away.refuse.Store(true)
			p.en2Size = c.size
			h := build(t, []*fakePool{p, away}, c.change)
			g := h.bring(1, "alice")
			if alone, err := h.hub.DisablePool("only"); err != nil || !slices.Equal(alone, []string{"farm"}) {
				t.Errorf("%s: alone %v, %v", name, alone, err)
			}
			lives(25*time.Second, p)
			if got := g.reason(); got != "" {
				t.Errorf("%s: closed with %q before the links are", name, got)
			}
			pass(40 * time.Second)
			if got := g.reason(); got != c.want || p.open() != 0 {
				t.Errorf("%s: closed with %q, want %q; %d connections are open", name, got, c.want, p.open())
			}
			late := h.join(2)
			late.open()
			late.authorize("late")
			pass(30 * time.Second)
			if got := late.reason(); c.want != "" && got != mining.PoolUnreachable {
				t.Errorf("%s: a newcomer: closed with %q", name, got)
			}
			g.leave()
			late.leave()
		})
	}
}

// A pool that the file disables is never connected, keeps nobody waiting, and is
// not for an operator to enable.
func TestDisabledByFile(t *testing.T) {
	for name, change := range map[string]func(*hub.Config){"shared": shareAll, "dedicated": func(*hub.Config) {}} {
		synctest.Test(t, func(t *testing.T) {
			first, second := sharedPool("first"), sharedPool("second")
			h := build(t, []*fakePool{first, second}, func(c *hub.Config) { change(c); c.Pools[0].Disabled = true })
			g := h.bring(1, "alice")
			if at := g.newest().Job.Pool; at != "second" {
				t.Errorf("%s: at %s", name, at)
			}
			if err := h.hub.EnablePool("first"); !errors.Is(err, hub.ErrDisabledByFile) {
				t.Errorf("%s: enabled: %v", name, err)
			}
			lives(2*time.Minute, second)
			if s := h.hub.Pools()[0].Condition; first.count() != 0 || s.State != hub.PoolDisabled || s.Reason != "by_file" || s.Since.IsZero() {
				t.Errorf("%s: %d connections, %+v", name, first.count(), s)
			}
			g.leave()
		})
	}
}

func TestDisableWhatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, []*fakePool{goodPool("main")}, nil)
		_, err := h.hub.DisablePool("nosuch")
		if !errors.Is(err, hub.ErrNoPool) || !errors.Is(h.hub.EnablePool(""), hub.ErrNoPool) || !strings.Contains(err.Error(), "no such pool") {
			t.Errorf("%v", err)
		}
		if err := h.hub.EnablePool("main"); err != nil {
			t.Errorf("enabled what is: %v", err)
		}
	})
}

// A pool that is disabled and configured otherwise, whichever comes first, keeps no
// connection of before either, though there is nowhere else for its miners.
func TestDisabledPoolThatIsReplaced(t *testing.T) {
	disable := func(h *house) {
		if _, err := h.hub.DisablePool("first"); err != nil {
			h.t.Error(err)
		}
	}
	replace := func(h *house, disabled bool) {
		err := h.apply(func(c *hub.Config) { c.Pools[0].Endpoint.Host, c.Pools[0].Disabled = "other", disabled })
		if err != nil {
			h.t.Error(err)
		}
	}
	for name, change := range map[string]func(*hub.Config){"shared": shareAll, "dedicated": func(*hub.Config) {}} {
		for what, do := range map[string]func(h *house){
			"disabled first": func(h *house) { disable(h); replace(h, false) },
			"replaced first": func(h *house) { replace(h, false); disable(h) },
			"both by file":   func(h *house) { replace(h, true) },
		} {
			synctest.Test(t, func(t *testing.T) {
				first, other := sharedPool("first"), sharedPool("other")
				other.refuse.Store(true)
				h := build(t, []*fakePool{first}, change)
				h.pools["other"] = other
				g := h.bring(1, "alice")
				do(h)
				lives(40*time.Second, first)
				if n := first.open(); n != 0 || h.hub.Pools()[0].Links != 0 {
					t.Errorf("%s, %s: %d connections, %d links are left", name, what, n, h.hub.Pools()[0].Links)
				}
				g.leave()
			})
		}
	}
}

// A pool that comes back before it was let go is as an operator had the one that was
// in its place.
func TestReplacedPoolComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, other := sharedPool("first"), sharedPool("other")
		other.refuse.Store(true)
		h := build(t, []*fakePool{first}, shareAll)
		h.pools["other"] = other
		g := h.bring(1, "alice")
		is := func(what string, state hub.Condition, drained bool) {
			t.Helper()
			pass(time.Second)
			if s := h.hub.Pools()[0]; s.Condition.State != state || s.Drained != drained {
				t.Errorf("%s: %+v, drained %v", what, s.Condition, s.Drained)
			}
		}
		at := func(host string, disabled bool) {
			t.Helper()
			err := h.apply(func(c *hub.Config) { c.Pools[0].Endpoint.Host, c.Pools[0].Disabled = host, disabled })
			if err != nil {
				t.Error(err)
			}
		}
		at("other", true)
		is("disabled by file", hub.PoolDisabled, false)
		at("first", false)
		is("by file no more", hub.PoolActive, false)
		at("other", false)
		h.hub.DrainPool("first", true)
		at("first", false)
		is("drained meanwhile", hub.PoolActive, true)
		at("other", false)
		h.hub.DrainPool("first", false)
		if _, err := h.hub.DisablePool("first"); err != nil {
			t.Error(err)
		}
		at("first", false)
		is("disabled by an operator meanwhile", hub.PoolDisabled, false)
		at("other", false)
		if err := h.hub.EnablePool("first"); err != nil {
			t.Error(err)
		}
		at("first", false)
		is("enabled meanwhile", hub.PoolActive, false)
		g.leave()
	})
}
