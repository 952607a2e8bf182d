package app_test

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/sv1"
)

// soakFor is how long to soak by an environment variable; without it the test
// is skipped.
func soakFor(t *testing.T, variable, target string) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		t.Skip("runs by the clock: make " + target)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// series is what is watched in a soak, over the seconds since its begin.
type series struct{ at, heap, goroutines, slots []float64 }

// watch samples until the duration is over, from when things have settled.
func (r *sharedRig) watch(duration time.Duration) series {
	r.t.Helper()
	var s series
	settle := min(5*time.Minute, duration/3)
	tick := time.NewTicker(max(duration/60, 500*time.Millisecond))
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < duration; <-tick.C {
		if time.Since(begin) < settle {
			continue
		}
		s.at = append(s.at, time.Since(begin).Seconds())
		s.heap = append(s.heap, heapAfterGC())
		s.goroutines = append(s.goroutines, float64(runtime.NumGoroutine()))
		s.slots = append(s.slots, float64(r.app.Hub().SlotsInUse()))
	}
	return s
}

// steady demands that nothing grew over the series by more than a twentieth
// of its mean, the heap by a bit more: the tests' own books and the race
// detector's shadow are in it.
func (s *series) steady(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		name  string
		y     []float64
		slack float64
	}{{"heap after GC", s.heap, 2e6}, {"goroutines", s.goroutines, 8}, {"slots in use", s.slots, 2}} {
		watched{c.name, s.at, c.y}.wantFlat(t, 0.05, c.slack)
	}
}

// TestSoakShared has eight manners of miner share one pool connection for the
// time in LOKA_SOAK and demands that not a share is lost, sent twice or booked
// wrong, and that nothing grows.
func TestSoakShared(t *testing.T) {
	duration := soakFor(t, "LOKA_SOAK", "soak-shared SOAK_DURATION=10m")
	r := startShared(t, sim.PoolConfig{
		Seed: 1, Difficulty: 1e-6, DifficultyRule: sim.DifficultyStrict, JobInterval: 2 * time.Second, BlockInterval: 15 * time.Second,
		Quirks: sim.Quirks{DifficultyEvery: 7 * time.Second, ExtranonceEvery: 11 * time.Second},
	}, quickly)
	finish := r.mine(sim.MinersConfig{Seed: 1, Hashrate: 20_000, TimeScale: 0.1, Patience: 0.1})
	r.await("all to mine", 30*time.Second, func() bool { return r.model.Summary().Shares.Accepted > 100 })
	seen := r.watch(duration)
	if got := len(r.main().Shared); got != 1 {
		t.Errorf("%d shared connections", got)
	}
	stats := finish()
	for _, m := range stats.Miners {
		if m.Accepted == 0 {
			t.Errorf("%s earned nothing", m.Manner)
		}
	}
	figures := r.shareWell(stats)
	t.Logf("%.1f shares/s in %v: %s", float64(stats.Accepted)/duration.Seconds(), duration, figures)
	seen.steady(t)
}

// trivial is the smallest difficulty.
const trivial = "[vardiff]\nmin = 1e-10\nfixed = 2e-10\n"

// TestSoakChurn has 2,000 miners of whom one in twenty reconnects each second,
// for the time in LOKA_SOAK_CHURN, and demands that nothing grows and that the
// books agree.
func TestSoakChurn(t *testing.T) {
	const miners = 2000
	duration := soakFor(t, "LOKA_SOAK_CHURN", "soak-churn CHURN_DURATION=15m")
	r := newShared(t)
	r.level = slog.LevelWarn // miners come and go
	r.serve(sim.PoolConfig{
		Seed: 2, Difficulty: 1e-8, JobInterval: 5 * time.Second, BlockInterval: 20 * time.Second, Transactions: 2,
	}, sharedRoute+trivial)
	l := &lightMiners{share: 3 * time.Second, stay: 20 * time.Second}
	stop := r.startLight(l, miners, min(10*time.Second, duration/6))
	seen := r.watch(duration)
	links := r.main().Shared
	stop()
	r.await("all to have left", 20*time.Second, func() bool { return r.model.Connected() == 0 })
	r.settle()
	l.report().wantWell(t)
	seen.steady(t)
	t.Logf("%d connections at the end; %s", len(links), r.total())
	if got := r.app.Hub().SlotsInUse(); got != 0 {
		t.Errorf("%d slots are in use without a miner", got)
	}
	theirs, ours := r.pool.Ledger().Total(), r.model.Summary().Shares
	if ours.PoolAccepted != theirs.Accepted || ours.PoolRejected != theirs.RejectedTotal() || ours.PoolAccepted == 0 {
		t.Errorf("the pool accepted %d and refused %d in our book, %d and %v in its own", ours.PoolAccepted, ours.PoolRejected, theirs.Accepted, theirs.Rejected)
	}
	if stale := theirs.Rejected[sv1.CodeStale]; stale != theirs.RejectedTotal() || stale > theirs.Accepted/50 {
		t.Errorf("the pool accepted %d and refused %v", theirs.Accepted, theirs.Rejected)
	}
	// Who left had some shares on the way.
	if ours.Accepted < l.accepted.Load() {
		t.Errorf("%d shares are accepted in our book, miners were told of %d", ours.Accepted, l.accepted.Load())
	}
}

// total is all shares in words.
func (r *sharedRig) total() string {
	s := r.model.Summary().Shares
	return fmt.Sprintf("%d shares accepted and %d refused here, %d and %d by the pool", s.Accepted, s.Rejected, s.PoolAccepted, s.PoolRejected)
}
