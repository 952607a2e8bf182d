package app_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/sv1"
)

// Eight manners of firmware share a connection to pools of every temper: each
// earns, and the pool refuses nothing that a new block does not explain.
func TestEightMannersShare(t *testing.T) {
	t.Parallel()
	base := sim.PoolConfig{Seed: 7, Difficulty: 3e-7, JobInterval: time.Second, BlockInterval: 3 * time.Second}
	for _, c := range []struct {
		name    string
		change  func(*sim.PoolConfig)
		without sim.Manner // the firmware that cannot have this
	}{
		{"a plain pool", func(*sim.PoolConfig) {}, ""},
		{"strict, one worker a connection", func(p *sim.PoolConfig) { p.Strict, p.OneWorker = true, true }, ""},
		{"ckpool's replies, a long extranonce1", func(p *sim.PoolConfig) {
			p.Dialect, p.Extranonce1Size, p.VersionRule = sim.DialectCKPool, 32, sim.RuleOr
		}, ""},
		{"p2pool's replies, an empty extranonce1, always clean", func(p *sim.PoolConfig) {
			p.Dialect, p.NoExtranonce1, p.Quirks.Clean = sim.DialectP2Pool, true, sim.CleanAlways
		}, ""},
		{"never clean", func(p *sim.PoolConfig) { p.Quirks.Clean = sim.CleanNever }, ""},
		{"miningcore's replies, five bytes of extranonce2", func(p *sim.PoolConfig) {
			p.Dialect, p.Extranonce2Size, p.VersionRule = sim.DialectObject, 5, sim.RuleXor
		}, ""},
		{"four bytes of extranonce2", func(p *sim.PoolConfig) { p.Extranonce2Size = 4 }, sim.NiceHash},
		{"six bytes of extranonce2", func(p *sim.PoolConfig) { p.Extranonce2Size = 6 }, ""},
		{"seven bytes of extranonce2", func(p *sim.PoolConfig) { p.Extranonce2Size = 7 }, ""},
		{"text for errors, sixteen bytes, no version rolling", func(p *sim.PoolConfig) {
			p.Dialect, p.Extranonce2Size, p.NoVersionRolling = sim.DialectString, 16, true
		}, ""},
		{"everything early, twice, unpadded and out of order", func(p *sim.PoolConfig) {
			p.Version = 2 // the usual one has nothing to leave out
			p.Quirks = sim.Quirks{
				NotifyBeforeSubscribe: true, MaskBeforeConfigure: true, Unpadded: true, NoBranches: true,
				OutOfOrder: true, DuplicateReplies: true, Latency: 5 * time.Millisecond, ConfigureExtraKeys: true,
			}
		}, ""},
		{"empty blocks", func(p *sim.PoolConfig) { p.Quirks.NoBranches = true }, ""},
		{"unpadded fields", func(p *sim.PoolConfig) { // of which the usual ones have no need
			p.Quirks.Unpadded, p.Version, p.NBits = true, 2, 0x0d00ffff
		}, ""},
		{"a job before the subscribe reply, and no other", func(p *sim.PoolConfig) {
			p.Quirks.NotifyBeforeSubscribe, p.JobInterval, p.BlockInterval = true, time.Hour, 0
		}, ""},
		{"a pool that chatters, errs and changes its mind", func(p *sim.PoolConfig) {
			p.Quirks = sim.Quirks{
				MalformedEvery: 20, ChatterEvery: 200 * time.Millisecond, Reconnect: "evil.example.com:3333",
				DifficultyEvery: 700 * time.Millisecond, ExtranonceEvery: time.Second,
			}
			p.DifficultyRule = sim.DifficultyStrict
		}, ""},
		{"a huge coinbase", func(p *sim.PoolConfig) { p.Quirks.CoinbasePadding = 6000 }, sim.NerdMiner},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pc := base
			c.change(&pc)
			r := startShared(t, pc, quickly)
			finish := r.mine(sim.MinersConfig{
				Seed: 7, Hashrate: 8_000, TimeScale: 0.1, ExtranonceSubscribe: true,
				Manners: slices.DeleteFunc(sim.Manners(), func(m sim.Manner) bool { return m == c.without }),
				// cgminer's builds with version rolling give a pool without it up.
				NoVersionRolling: pc.NoVersionRolling,
			})
			r.earn(20)
			stats := finish()
			t.Log(r.shareWell(stats))
			if pc.Strict && r.pool.Stats().Untidy > 0 {
				t.Errorf("%d lines were not as a strict pool wants them, the last: %s", r.pool.Stats().Untidy, r.pool.Stats().LastUntidy)
			}
		})
	}
}

// shareWell is agree, and demands that no miner has anything to complain of.
func (r *sharedRig) shareWell(stats sim.MinersStats) (figures string) {
	r.t.Helper()
	report := r.agree(stats)
	for _, m := range stats.Miners {
		if m.Failures > 0 {
			r.t.Errorf("%s did not put up with %d things, the last: %s", m.Manner, m.Failures, m.LastFailure)
		}
	}
	if stats.Chatter > 0 {
		r.t.Errorf("%d lines of the pool's chatter reached a miner", stats.Chatter)
	}
	if got := r.model.Routes()[0]; got.Mode != "shared" {
		r.t.Errorf("route %+v", got)
	}
	return report.String()
}

// A template that has bits of the mask itself: whichever way the pool reads
// version bits, the proxy finds it out, and the miners' firmware need not read
// them in the same way.
func TestTemplateBitsShare(t *testing.T) {
	t.Parallel()
	for _, rule := range []sim.VersionRule{sim.RuleBIP310, sim.RuleOr, sim.RuleXor} {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			r := startShared(t, sim.PoolConfig{
				Seed: 7, Difficulty: 3e-7, JobInterval: time.Second, VersionRule: rule, Version: 0x20800000,
			}, quickly)
			finish := r.mine(sim.MinersConfig{Seed: 7, Hashrate: 8_000, TimeScale: 0.1})
			r.earn(20)
			// Two readings are tried, each with what is on its way meanwhile, which hangs on the
			// machine. One that is never found costs half of all for ever.
			r.await("the pool's reading to be found", 40*time.Second, func() bool {
				total := r.pool.Ledger().Total()
				return total.Accepted > max(200, 6*total.Rejected[sv1.CodeLowDifficulty])
			})
			stats := finish()
			r.misread = max(24, r.pool.Ledger().Total().Accepted/6)
			t.Log(r.shareWell(stats), r.main().Reading)
		})
	}
}

// A pool too narrow for a slot gives each miner a connection of its own.
func TestNarrowPoolShares(t *testing.T) {
	t.Parallel()
	for size, manners := range map[int][]sim.Manner{
		2: {sim.CGMiner, sim.CPUMiner, sim.Bitmain, sim.BFGMiner},
		3: {sim.CGMiner, sim.CPUMiner, sim.Bitmain, sim.ESPMiner, sim.Whatsminer},
	} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			r := startWith(t, sim.PoolConfig{Seed: 3, Difficulty: 1e-7, Extranonce2Size: size, JobInterval: time.Second}, sharedRoute)
			finish := r.mine(sim.MinersConfig{Seed: 3, Hashrate: 8_000, TimeScale: 0.1, Manners: manners})
			r.earn(20)
			for _, m := range r.model.Miners() {
				if m.Extranonce2Size != size {
					t.Errorf("miner %d was told %d bytes", m.ID, m.Extranonce2Size)
				}
			}
			if got := r.app.Hub().Pools()[0].Links; got != len(manners) {
				t.Errorf("%d connections for %d miners", got, len(manners))
			}
			r.agree(finish())
		})
	}
}
