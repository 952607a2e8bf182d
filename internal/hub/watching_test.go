package hub_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// paysTo makes the pool's jobs pay a made-up address, and sign with a tag.
func (p *fakePool) paysTo(to byte, tag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	script := append([]byte{3, 0, 0xd1, 0x0c, byte(len(tag))}, tag...)
	p.coinb1 = append([]byte{1, 0, 0, 0, 1}, make([]byte, 32)...)
	p.coinb1 = append(p.coinb1, 0xff, 0xff, 0xff, 0xff, byte(len(script)+5+8))
	p.coinb1 = append(p.coinb1, script...)
	p.coinb2 = binary.LittleEndian.AppendUint64([]byte{0xff, 0xff, 0xff, 0xff, 1}, 312_500_000)
	p.coinb2 = append(p.coinb2, payTo(to)...)
	p.coinb2 = append(p.coinb2, 0, 0, 0, 0)
}

// payTo is an output script, with its length before it.
func payTo(to byte) []byte { return append([]byte{22, 0, 20, to}, make([]byte, 19)...) }

// learns lets pools live until it is known what they pay: there is a block every five
// minutes.
func learns(pools ...*fakePool) {
	for range 5 {
		for _, p := range pools {
			p.block()
		}
		lives(5*time.Minute, pools...)
	}
}

// payingPools are two pools on one chain, that pay different addresses.
func payingPools() (first, second *fakePool) {
	first, second = sharedPool("first"), sharedPool("second")
	first.paysTo(1, "/first/")
	second.paysTo(2, "/second/")
	first.branches, second.branches = []work.Hash{{1}}, []work.Hash{{2}}
	return first, second
}

// watched has what pools do watched, with a manner of doing something about it.
func watched(do watch.OnChange) func(*hub.Config) {
	return func(c *hub.Config) {
		shareAll(c)
		c.Watch = watch.Defaults()
		c.Pools[0].Watch.OnChange = do
	}
}

// A pool that pays another address than ever loses its miners where that is
// configured, until an operator accepts it or the old address is back; else it is told
// only.
func TestPayoutChangeMovesMiners(t *testing.T) {
	for name, c := range map[string]struct {
		do       watch.OnChange
		moves    bool
		signal   bool
		back     func(h *house, first *fakePool)
		returned time.Duration
		mode     func(*hub.Config)
	}{
		"alert":                 {do: watch.Alert, signal: true},
		"failover, accepted":    {do: watch.Failover, moves: true, signal: true, back: accept, returned: 3 * time.Minute},
		"failover, old is back": {do: watch.Failover, moves: true, signal: true, back: func(_ *house, p *fakePool) { p.paysTo(1, "/first/") }, returned: 15 * time.Minute},
		"ignored":               {do: watch.Ignore},
		"dedicated, failover": {
			do: watch.Failover, moves: true, signal: true, back: accept, returned: 20 * time.Minute,
			mode: func(c *hub.Config) { c.Routes[0].Shared = false },
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log logText
			first, second := payingPools()
			var found hub.Found
			h := buildHub(t, []*fakePool{first, second}, hub.Deps{
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
				OnFound: func(pool string, f hub.Found) error {
					if pool == "first" {
						found = f
					}
					return nil
				},
			}, func(cfg *hub.Config) {
				watched(c.do)(cfg)
				if c.mode != nil {
					c.mode(cfg)
				}
			})
			guests := h.crowd(10)
			learns(first, second)
			if got := where(t, guests); got["first"] != len(guests) {
				t.Fatalf("%s: miners at %v", name, got)
			}
			if known := found.Watch.Payouts != ""; known != (c.do != watch.Ignore) {
				t.Errorf("%s: kept %+v", name, found.Watch)
			}
			first.paysTo(3, "/first/")
			first.job()
			pass(2 * time.Second)
			want := map[bool]string{true: "second", false: "first"}[c.moves]
			if c.mode != nil {
				lives(time.Minute, first, second) // they are moved one by one
			}
			if got := where(t, guests); got[want] != len(guests) {
				t.Errorf("%s: miners at %v, want them at %s", name, got, want)
			}
			s := h.hub.Pools()[0]
			if on := len(s.Watched.Signals) == 1 && s.Watched.Signals[0].Kind == watch.PayoutChanged; on != c.signal || s.Watched.Leave != c.moves {
				t.Errorf("%s: %+v", name, s.Watched)
			}
			if down := s.Condition.State == hub.PoolDown && s.Condition.Reason == "payout_changed" && s.Condition.Error != ""; down != c.moves {
				t.Errorf("%s: the pool is %+v", name, s.Condition)
			}
			lives(20*time.Minute, first, second)
			if n := log.count(`msg="pool signal"`); n != map[bool]int{true: 1}[c.signal] {
				t.Errorf("%s: the signal was told %d times", name, n)
			}
			if c.back != nil {
				c.back(h, first)
				lives(c.returned, first, second)
				if got := where(t, guests); got["first"] != len(guests) {
					t.Errorf("%s: it is right again, and miners are at %v", name, got)
				}
				if n := log.count(`msg="pool signal ended"`); n != 1 || len(h.hub.Pools()[0].Watched.Signals) != 0 {
					t.Errorf("%s: its end was told %d times; %+v", name, n, h.hub.Pools()[0].Watched)
				}
			}
			for _, g := range guests {
				g.leave()
			}
		})
	}
}

func accept(h *house, _ *fakePool) {
	if err := h.hub.AcceptPayout("first"); err != nil {
		h.t.Error(err)
	}
}

// Where there is no other pool, miners stay: nothing is better.
func TestPayoutChangeOfTheOnlyPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, _ := payingPools()
		h := build(t, []*fakePool{first}, watched(watch.Failover))
		g := h.bring(1, "alice")
		learns(first)
		first.paysTo(3, "/first/")
		first.job()
		lives(time.Minute, first)
		if s := h.hub.Pools()[0]; s.Condition.State != hub.PoolDegraded || s.Condition.Reason != "payout_changed" || g.reason() != "" {
			t.Errorf("the pool is %+v, the miner closed with %q", s.Condition, g.reason())
		}
		g.leave()
	})
}

// A pool that was disabled for what it pays is nobody's trouble any more; once it is
// enabled and pays the same, it is at once, and no miner goes there.
func TestPayoutChangeOfADisabledPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := payingPools()
		h := build(t, []*fakePool{first, second}, watched(watch.Failover))
		guests := h.crowd(3)
		learns(first, second)
		first.paysTo(3, "/first/")
		first.job()
		lives(time.Minute, first, second)
		if s := h.hub.Pools()[0]; len(s.Watched.Signals) != 1 {
			t.Fatalf("%+v", s.Watched)
		}
		if _, err := h.hub.DisablePool("first"); err != nil {
			t.Fatal(err)
		}
		lives(2*time.Minute, second)
		if s := h.hub.Pools()[0]; len(s.Watched.Signals) != 0 || s.Watched.Leave {
			t.Errorf("disabled: %+v", s.Watched)
		}
		if err := h.hub.EnablePool("first"); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			lives(10*time.Second, first, second)
			if got := where(t, guests); got["second"] != len(guests) {
				t.Fatalf("enabled: miners at %v", got)
			}
		}
		if s := h.hub.Pools()[0]; len(s.Watched.Signals) != 1 || !s.Watched.Leave {
			t.Errorf("enabled: %+v", s.Watched)
		}
		for _, g := range guests {
			g.leave()
		}
	})
}

// What was learnt in an earlier run counts from the first job on, and another
// configuration at once.
func TestPayoutIsKnownAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := payingPools()
		script := "=" + "0014" + "09" + "00000000000000000000000000000000000000"
		h := build(t, []*fakePool{first, second}, func(c *hub.Config) {
			watched(watch.Failover)(c)
			c.Pools[0].Found.Watch = watch.Known{Payouts: script}
		})
		pass(2 * time.Second)
		g := h.bring(1, "alice")
		if got := where(t, []*guest{g}); got["second"] != 1 {
			t.Errorf("the miner is at %v", got)
		}
		if err := h.apply(func(c *hub.Config) { c.Pools[0].Watch.Payout = [][]byte{payTo(1)[1:]} }); err != nil {
			t.Fatal(err)
		}
		lives(20*time.Minute, first, second)
		if s := h.hub.Pools()[0]; len(s.Watched.Signals) != 0 || s.Watched.Mode != watch.Configured {
			t.Errorf("%+v", s.Watched)
		}
		if got := where(t, []*guest{g}); got["first"] != 1 {
			t.Errorf("the miner is at %v", got)
		}
		if err := h.hub.AcceptPayout("nobody"); !errors.Is(err, hub.ErrNoPool) {
			t.Error(err)
		}
		g.leave()
	})
}

// A pool may pay the account that it is told: with another account nothing is expected
// of it that was learnt by the one before.
func TestPayoutOfAnotherAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := payingPools()
		h := build(t, []*fakePool{first, second}, watched(watch.Failover))
		g := h.bring(1, "alice")
		learns(first, second)
		first.paysTo(3, "/first/")
		if err := h.apply(func(c *hub.Config) { c.Pools[0].Account = "other" }); err != nil {
			t.Fatal(err)
		}
		lives(time.Minute, first, second)
		for _, s := range h.hub.Pools() {
			if s.Name == "first" && !s.Leaving && (len(s.Watched.Signals) != 0 || s.Watched.Mode != watch.Learning) {
				t.Errorf("%+v", s.Watched)
			}
		}
		if got := where(t, []*guest{g}); got["first"] != 1 {
			t.Errorf("the miner is at %v", got)
		}
		g.leave()
	})
}

// Pools that do not pay everybody at one address are left alone: the account hangs on
// the miner.
func TestPayoutOfEachMiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, _ := payingPools()
		h := build(t, []*fakePool{first}, func(c *hub.Config) {
			watched(watch.Failover)(c)
			byUser(c)
		})
		g := h.bring(1, "alice.rig")
		learns(first)
		first.paysTo(3, "/alice/")
		first.last().notify(true) // of the miner's connection alone
		pass(time.Second)
		if s := h.hub.Pools()[0]; len(s.Watched.Signals) != 0 || s.Watched.Mode != watch.Fixed {
			t.Errorf("%+v", s.Watched)
		}
		g.leave()
	})
}

// Pools are compared by their probes, and what they say unasked is counted.
func TestPoolSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := payingPools()
		var log logText
		h := buildHub(t, []*fakePool{first, second}, hub.Deps{Logger: slog.New(slog.NewTextHandler(&log, nil))}, watched(watch.Alert))
		pass(time.Second)
		on := func() (kinds []watch.Kind) {
			for _, p := range h.hub.Pools() {
				for _, s := range p.Watched.Signals {
					kinds = append(kinds, s.Kind)
				}
			}
			return kinds
		}
		second.block()
		pass(time.Second)
		if got := on(); len(got) != 0 {
			t.Errorf("at the start: %v", got)
		}
		for range 20 {
			first.last().say(`{"id":4711,"result":true,"error":null}` + "\n")
		}
		pass(2 * time.Second)
		if got := on(); len(got) != 1 || got[0] != watch.UnknownReplies {
			t.Errorf("unasked: %v", got)
		}
		for range 150 {
			first.job()
		}
		pass(2 * time.Second)
		if got := on(); len(got) != 2 || got[1] != watch.JobFlood {
			t.Errorf("flooded: %v", got)
		}
		lives(40*time.Minute, first, second)
		if got := on(); len(got) != 1 || got[0] != watch.TipLag {
			t.Errorf("later: %v", got)
		}
		if lags, leads := h.hub.Pools()[0].Quality, h.hub.Pools()[1].Quality; lags.Score > 0.1 || lags.Behind < 30*time.Minute || leads.Score < 0.9 {
			t.Errorf("the pool that lags has %+v, the other one %+v", lags, leads)
		}
		first.block()
		lives(11*time.Minute, first, second)
		if got := on(); len(got) != 0 {
			t.Errorf("in the end: %v", got)
		}
		if n, m := log.count(`msg="pool signal"`), log.count(`msg="pool signal ended"`); n != 3 || m != 3 {
			t.Errorf("told %d times, and %d ends:\n%s", n, m, log.text.String())
		}
	})
}

// That a pool is spoken to in the clear is said once, however often it is connected.
func TestPlainIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		var log logText
		h := buildHub(t, []*fakePool{first, second}, hub.Deps{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(c *hub.Config) {
			shareAll(c)
			c.Pools[1].Endpoint.TLS = true
		})
		for range 3 {
			first.closeAll()
			lives(time.Minute, first, second)
		}
		if err := h.apply(func(c *hub.Config) { c.Pools[0].Account = "other" }); err != nil {
			t.Fatal(err)
		}
		lives(time.Minute, first, second)
		if n, m := log.count("without encryption"), log.count("stratum+ssl://"); n != 1 || m != 1 {
			t.Errorf("told %d times, %d with what to do", n, m)
		}
	})
}
