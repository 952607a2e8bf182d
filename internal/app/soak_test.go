package app_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// TestSoak runs eight manners of miner at a high share rate for the time in
// LOKA_SOAK and demands that nothing is lost and nothing grows.
func TestSoak(t *testing.T) {
	text := os.Getenv("LOKA_SOAK")
	if text == "" {
		t.Skip("runs by the clock: make soak SOAK_DURATION=10m")
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, sim.PoolConfig{
		Seed: 1, Difficulty: 1e-7, DifficultyRule: sim.DifficultyStrict, JobInterval: 2 * time.Second, BlockInterval: 15 * time.Second,
		Quirks: sim.Quirks{DifficultyEvery: 7 * time.Second, ExtranonceEvery: 11 * time.Second},
	})
	finish := r.mine(sim.MinersConfig{Seed: 1, Hashrate: 20_000, TimeScale: 0.1, Patience: 0.1})
	r.await("all to mine", 30*time.Second, func() bool { return r.model.Summary().Shares.Accepted > 100 })

	goroutines := runtime.NumGoroutine()
	settle := min(2*time.Minute, duration/3)
	every := max(duration/60, 500*time.Millisecond)
	var at, heap []float64
	begin := time.Now()
	for tick := time.NewTicker(every); time.Since(begin) < duration; <-tick.C {
		if time.Since(begin) < settle {
			continue
		}
		at = append(at, time.Since(begin).Seconds())
		heap = append(heap, heapAfterGC())
	}
	if now := runtime.NumGoroutine(); now > goroutines+8 {
		t.Errorf("goroutines grew from %d to %d", goroutines, now)
	}
	stats := finish()
	r.agree(stats)
	for _, m := range stats.Miners {
		if m.Accepted == 0 {
			t.Errorf("%s earned nothing", m.Manner)
		}
		if m.Failures > 0 {
			t.Errorf("%s did not put up with %d things, the last: %s", m.Manner, m.Failures, m.LastFailure)
		}
	}
	slope, mean := trend(at, heap)
	growth := slope * (at[len(at)-1] - at[0])
	t.Logf("%d shares in %v (%.0f/s), %s; heap after GC %.0f kB, growth over %d samples %.1f kB, goroutines %d",
		stats.Accepted, duration, float64(stats.Accepted)/duration.Seconds(), r.audit.Report(), mean/1e3, len(at), growth/1e3, goroutines)
	// The test's own audit and the race detector's shadow are in the heap
	// too; what leaks a byte a share would stand out against this.
	if growth > 0.05*mean+512e3 {
		t.Errorf("heap after GC grew by %.0f bytes over %.0f s, mean %.0f", growth, at[len(at)-1]-at[0], mean)
	}
}

func heapAfterGC() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// trend is the least-squares slope of y over x, and the mean of y.
func trend(x, y []float64) (slope, mean float64) {
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx), sy / n
}

func TestTrend(t *testing.T) {
	slope, mean := trend([]float64{1, 2, 3, 4}, []float64{10, 12, 14, 16})
	if slope != 2 || mean != 13 {
		t.Errorf("slope %g, mean %g; want 2, 13", slope, mean)
	}
}
