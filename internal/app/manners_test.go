package app_test

import (
	"os"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// Eight manners of firmware mine through the proxy at pools of every temper:
// every share that the pool accepts is reported accepted, and vice versa.
func TestEightManners(t *testing.T) {
	base := sim.PoolConfig{Seed: 7, Difficulty: 1e-7, JobInterval: time.Second, BlockInterval: 3 * time.Second}
	for _, c := range []struct {
		name   string
		change func(*sim.PoolConfig)
		most   uint64 // shares the pool may refuse of a hundred
	}{
		{"a plain pool", func(*sim.PoolConfig) {}, 25},
		{"strict, one worker a connection", func(p *sim.PoolConfig) { p.Strict, p.OneWorker = true, true }, 25},
		{"ckpool's replies, a long extranonce1", func(p *sim.PoolConfig) {
			p.Dialect, p.Extranonce1Size, p.VersionRule = sim.DialectCKPool, 32, sim.RuleOr
		}, 25},
		{"p2pool's replies, an empty extranonce1, always clean", func(p *sim.PoolConfig) {
			p.Dialect, p.NoExtranonce1, p.Quirks.Clean = sim.DialectP2Pool, true, sim.CleanAlways
		}, 60},
		{"miningcore's replies, five bytes of extranonce2", func(p *sim.PoolConfig) {
			p.Dialect, p.Extranonce2Size, p.VersionRule = sim.DialectObject, 5, sim.RuleXor
		}, 25},
		{"text for errors, sixteen bytes, no version rolling", func(p *sim.PoolConfig) {
			p.Dialect, p.Extranonce2Size, p.NoVersionRolling = sim.DialectString, 16, true
		}, 25},
		{"everything early, twice, unpadded and out of order", func(p *sim.PoolConfig) {
			p.Version = 2 // the usual one has nothing to leave out
			p.Quirks = sim.Quirks{
				NotifyBeforeSubscribe: true, MaskBeforeConfigure: true, Unpadded: true, NoBranches: true,
				OutOfOrder: true, DuplicateReplies: true, Latency: 5 * time.Millisecond, ConfigureExtraKeys: true,
			}
		}, 40},
		{"a pool that chatters, errs and changes its mind", func(p *sim.PoolConfig) {
			p.Quirks = sim.Quirks{
				MalformedEvery: 20, ChatterEvery: 200 * time.Millisecond, Reconnect: "evil.example.com:3333",
				DifficultyEvery: 700 * time.Millisecond, ExtranonceEvery: time.Second, CoinbasePadding: 300,
			}
			p.DifficultyRule = sim.DifficultyStrict
		}, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			pc := base
			c.change(&pc)
			r := start(t, pc)
			finish := r.mine(sim.MinersConfig{
				Seed: 7, Hashrate: 12_000, TimeScale: 0.1, ExtranonceSubscribe: true,
				// cgminer's builds with version rolling give a pool without it up.
				NoVersionRolling: pc.NoVersionRolling,
			})
			r.earn(40)
			stats := finish()
			r.agree(stats)
			for _, m := range stats.Miners {
				if m.Failures > 0 {
					t.Errorf("%s did not put up with %d things, the last: %s", m.Manner, m.Failures, m.LastFailure)
				}
			}
			if stats.Chatter > 0 {
				t.Errorf("%d lines of the pool's chatter reached a miner", stats.Chatter)
			}
			if refused := stats.RejectedTotal(); refused*100 > stats.Submitted*c.most {
				t.Errorf("%d of %d shares were refused: %v", refused, stats.Submitted, stats.Rejected)
			}
			if pc.Strict && r.pool.Stats().Untidy > 0 {
				t.Errorf("%d lines were not as a strict pool wants them, the last: %s", r.pool.Stats().Untidy, r.pool.Stats().LastUntidy)
			}
		})
	}
}

// A pool too narrow for a slot passes its own extranonce on; what firmware
// cannot use so little is told apart from what can.
func TestNarrowPool(t *testing.T) {
	r := start(t, sim.PoolConfig{Seed: 3, Difficulty: 1e-7, Extranonce2Size: 3, JobInterval: time.Second})
	finish := r.mine(sim.MinersConfig{
		Seed: 3, Hashrate: 12_000, TimeScale: 0.1,
		Manners: []sim.Manner{sim.CGMiner, sim.CPUMiner, sim.Bitmain, sim.BFGMiner}, Count: 4,
	})
	r.await("shares", 30*time.Second, func() bool { return r.model.Summary().Shares.Accepted > 40 })
	for _, m := range r.model.Miners() {
		if m.State == view.MinerMining && m.Extranonce2Size != 3 {
			t.Errorf("miner %d was told %d bytes", m.ID, m.Extranonce2Size)
		}
	}
	r.agree(finish())
}

// Hundreds of dedicated miners, or a thousand with LOKA_THOROUGH, run clean. What they
// do follows what is done for them and not the clock, so that a busy machine makes it
// longer and nothing worse: so many connect at a time, a miner hands in one share at a
// time, and the next block comes when there are shares of the one before.
func TestThousandMiners(t *testing.T) {
	const atMost = 4 * time.Minute
	count := 250
	if os.Getenv("LOKA_THOROUGH") != "" {
		count = 1000
	}
	r := start(t, sim.PoolConfig{Seed: 5, Difficulty: 5e-8, JobInterval: 40 * time.Second, Transactions: 2})
	finish := r.mine(sim.MinersConfig{Seed: 5, Count: count, Hashrate: 100, AtOnce: 32, MaxPending: 1})
	r.await("all to mine", atMost, func() bool { return r.model.Routes()[0].Miners == count })
	for block := range uint64(2) {
		if block > 0 {
			r.pool.NewBlock()
		}
		r.await("shares", atMost, func() bool { return r.pool.Ledger().Total().Accepted > (block+1)*uint64(count) })
	}
	if got := r.pool.Stats().Connections; got != count+1 {
		t.Errorf("the pool has %d connections, want one a miner and the probe's", got)
	}
	stats := finish()
	r.agree(stats)
	for _, m := range stats.Miners {
		if m.Failures > 0 {
			t.Errorf("%s did not put up with %d things, the last: %s", m.Worker, m.Failures, m.LastFailure)
		}
	}
	for _, m := range r.model.Miners() {
		if m.State == view.MinerMining && m.Pool != "main" {
			t.Errorf("miner %d is at %q", m.ID, m.Pool)
		}
	}
}

// SIGTERM's way: what is due is waited for, miners are closed by name, and
// the totals are there at the next start.
func TestStopInGoodOrder(t *testing.T) {
	r := start(t, sim.PoolConfig{
		Seed: 9, Difficulty: 1e-7, Quirks: sim.Quirks{Latency: 200 * time.Millisecond},
	})
	finish := r.mine(sim.MinersConfig{Seed: 9, Hashrate: 12_000, Once: true, Count: 2})
	r.await("shares", 30*time.Second, func() bool { return r.model.Summary().Shares.Accepted > 5 })
	if err := r.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	stats := finish()
	total, pool := r.model.Summary().Shares, r.pool.Ledger().Total()
	if total.PoolAccepted != pool.Accepted {
		t.Errorf("the pool accepted %d shares, %d are in our book", pool.Accepted, total.PoolAccepted)
	}
	if told := stats.Accepted + stats.Unanswered; told < pool.Accepted {
		t.Errorf("the pool accepted %d shares; miners were told of %d and have %d open", pool.Accepted, stats.Accepted, stats.Unanswered)
	}
	if left := len(r.model.Miners()); left != 0 {
		t.Errorf("%d miners are left", left)
	}
}
