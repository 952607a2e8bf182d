package app_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// A connection that ends with shares on their way: the miners stay, the shares
// are booked as unanswered, and none is due any more.
func TestLostConnectionShare(t *testing.T) {
	t.Parallel()
	r := startShared(t, sim.PoolConfig{
		Seed: 6, Difficulty: 1e-7, JobInterval: time.Second, Quirks: sim.Quirks{Latency: 300 * time.Millisecond},
	}, steadily)
	finish := r.mine(sim.MinersConfig{Seed: 6, Hashrate: 4000})
	r.earn(10)
	for range 2 {
		r.await("shares on their way", 20*time.Second, func() bool { return r.app.Hub().Pending() > 5 })
		r.pool.Disconnect(false)
		r.earnMore(10)
	}
	stats := finish()
	r.settle()
	report := r.shares.Report()
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	theirs, ours := r.pool.Ledger().Total(), r.model.Summary().Shares
	t.Logf("%s; the pool accepted %d, %d of them in our book, %d unanswered", &report, theirs.Accepted, ours.PoolAccepted, ours.PoolUnanswered)
	if ours.PoolUnanswered == 0 || ours.PoolAccepted+ours.PoolUnanswered < theirs.Accepted || ours.PoolAccepted > theirs.Accepted {
		t.Errorf("the pool accepted %d; in our book are %d, and %d unanswered", theirs.Accepted, ours.PoolAccepted, ours.PoolUnanswered)
	}
	for _, m := range stats.Miners {
		if m.Connects != 1 || m.Failures > 0 {
			t.Errorf("%s has connected %d times, %d failures, the last: %s, %s", m.Worker, m.Connects, m.Failures, m.LastFailure, m.LastEnd)
		}
	}
	r.workers(stats)
}
