package app_test

import (
	"math"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// TestRestartGoesOn: after a stop and a start, totals, windows, best shares and
// the difficulties of miners are what they were.
func TestRestartGoesOn(t *testing.T) {
	const route = "[[route]]\nname = \"farm\"\npools = [\"main\"]\n[vardiff]\nstart = 1e-7\nmin = 1e-9\nshares_per_minute = 300\n"
	r := startWith(t, sim.PoolConfig{Seed: 11, Difficulty: 1e-6, NBits: 0x1d00ffff}, route)
	finish := r.mine(sim.MinersConfig{Seed: 11, Hashrate: 20_000, Once: true, Count: 2})
	told := func() (most float64) {
		for _, m := range r.model.Miners() {
			most = max(most, m.Difficulty)
		}
		return most
	}
	r.await("vardiff to settle", 60*time.Second, func() bool { return told() > 3e-7 && r.model.Summary().Shares.Accepted > 20 })
	difficulty := told()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	finish()
	before, workers := r.model.Summary(), r.model.Workers(view.WorkerQuery{}).Workers
	if before.Business.Value <= 0 || before.Shares.PoolAccepted == 0 {
		t.Errorf("before: %+v", before)
	}

	r.again(poolText("main", r.pool) + route)
	after := r.model.Summary()
	if !sameShares(after.Shares, before.Shares) || after.Best != before.Best || after.Business.Value != before.Business.Value ||
		after.Business.PoolValue != before.Business.PoolValue || after.Reconciliation.Sent != before.Reconciliation.Sent {
		t.Errorf("totals were %+v, %v, %+v, %+v\n and are %+v, %v, %+v, %+v", before.Shares, before.Best, before.Business, before.Reconciliation,
			after.Shares, after.Best, after.Business, after.Reconciliation)
	}
	if now := after.Hashrate; now.Day <= 0 || now.Hour <= 0 || now.TenMinutes <= 0 || now.Minute <= 0 {
		t.Errorf("hashrates were %+v and are %+v", before.Hashrate, now)
	}
	again := r.model.Workers(view.WorkerQuery{}).Workers
	if len(again) != len(workers) {
		t.Fatalf("workers were %+v and are %+v", workers, again)
	}
	for i, w := range again {
		was := workers[i]
		if w.Name != was.Name || w.Route != was.Route || !sameShares(w.Shares, was.Shares) || w.BestDifficulty != was.BestDifficulty ||
			!w.Since.Equal(*was.Since) || w.LastShareAt.Sub(*was.LastShareAt).Abs() > time.Millisecond || w.Hashrate.Hour <= 0 {
			t.Errorf("worker was %+v and is %+v", was, w)
		}
	}
	// A miner that is back has its difficulty at once, not the one to start at.
	finish = r.mine(sim.MinersConfig{Seed: 12, Hashrate: 100, Once: true, Count: 2})
	var first float64
	r.await("a miner to be back", 20*time.Second, func() bool {
		for _, m := range r.model.Miners() {
			if m.State == view.MinerMining && m.Difficulty > 0 {
				first = max(first, m.Difficulty)
			}
		}
		return first > 0
	})
	if first < difficulty/3 {
		t.Errorf("a miner that was at %v is told %v", difficulty, first)
	}
	finish()
}

// sameShares says whether counts are the same, and work as far as sums of floats
// are.
func sameShares(a, b view.Shares) bool {
	near := func(x, y float64) bool { return math.Abs(x-y) <= 1e-9*max(x, y) }
	same := near(a.WorkAccepted, b.WorkAccepted) && near(a.PoolWorkAccepted, b.PoolWorkAccepted)
	a.WorkAccepted, a.PoolWorkAccepted = b.WorkAccepted, b.PoolWorkAccepted
	return same && a == b
}
