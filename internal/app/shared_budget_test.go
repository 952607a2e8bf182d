package app_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// A pool that has just begun far too low is spared the flood: what is past the
// budget of a connection is accepted here, kept from the pool, and counted.
func TestBudgetShare(t *testing.T) {
	t.Parallel()
	r := startShared(t, sim.PoolConfig{Seed: 8, Difficulty: 1e-8, JobInterval: time.Second}, "[vardiff]\nmin = 1e-9\nfixed = 1e-8\n")
	// They wait for answers: a machine that is busy must not fall behind more and more.
	finish := r.mine(sim.MinersConfig{Seed: 8, Hashrate: 4000, MaxPending: 32})
	r.await("the budget to be used up", 40*time.Second, func() bool { return r.main().Unsubmitted > 1e-6 })
	report := r.agree(finish())
	unsubmitted := r.main().Unsubmitted
	t.Logf("%s; unsubmitted work %g of %g", &report, unsubmitted, unsubmitted+r.model.Summary().Shares.PoolWorkAccepted)
	if diff := report.WithheldWork - unsubmitted; report.Withheld == 0 || diff > 1e-6*unsubmitted || -diff > 1e-6*unsubmitted {
		t.Errorf("%d shares worth %g were kept from the pool, %g is counted", report.Withheld, report.WithheldWork, unsubmitted)
	}
}
