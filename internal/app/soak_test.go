package app_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/loka/stratum/internal/load"
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
	t.Logf("%d shares in %v (%.0f/s), %s; goroutines %d",
		stats.Accepted, duration, float64(stats.Accepted)/duration.Seconds(), r.audit.Report(), runtime.NumGoroutine())
	// The test's own audit and the race detector's shadow are in the heap too, and for its
	// first ten minutes the profile fills its windows, half a megabyte in the forty seconds
	// of a short run. In a long one what leaks ten bytes a share stands out against this.
	watched{"heap after GC", at, heap}.wantFlat(t, 0.05, 1e6)
}

// watched is something over the seconds of a soak.
type watched struct {
	what  string
	at, y []float64
}

// grew tells by how much, over the time in which it was watched, and whether that is more
// than a part of its mean and so much more.
func (w watched) grew(part, slack float64) (growth, mean float64, more bool) {
	slope, mean := trend(w.at, w.y)
	growth = slope * (w.at[len(w.at)-1] - w.at[0])
	return growth, mean, growth > part*mean+slack
}

// wantFlat demands that it is not.
func (w watched) wantFlat(t *testing.T, part, slack float64) {
	t.Helper()
	growth, mean, more := w.grew(part, slack)
	t.Logf("%s: mean %.6g, trend %+.3g over %d samples, by quarters %.6g", w.what, mean, growth, len(w.at), quarters(w.y))
	if more {
		t.Errorf("%s grew by %.3g in %.0f s, mean %.6g", w.what, growth, w.at[len(w.at)-1]-w.at[0], mean)
	}
}

// quarters are the means of a series' four parts: a slope that ends is no leak.
func quarters(y []float64) (means [4]float64) {
	for i := range means {
		part := y[i*len(y)/4 : (i+1)*len(y)/4]
		for _, v := range part {
			means[i] += v / float64(len(part))
		}
	}
	return means
}

func heapAfterGC() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// trend is the slope of y over x, the median of those between all pairs (Theil and Sen), and
// the mean of y. A burst, which the mean of slopes would follow, is none.
func trend(x, y []float64) (slope, mean float64) {
	var slopes []float64
	for i := range x {
		mean += y[i] / float64(len(y))
		for j := range i {
			slopes = append(slopes, (y[i]-y[j])/(x[i]-x[j]))
		}
	}
	return load.Median(slopes), mean
}

func TestTrend(t *testing.T) {
	slope, mean := trend([]float64{1, 2, 3, 4}, []float64{10, 12, 14, 16})
	if slope != 2 || mean != 13 {
		t.Errorf("slope %g, mean %g; want 2, 13", slope, mean)
	}
	at, burst, leak := make([]float64, 60), make([]float64, 60), make([]float64, 60)
	for i := range at {
		at[i], burst[i], leak[i] = float64(i), 5, 5+0.1*float64(i)+float64(i*7%3)
	}
	burst[58], burst[59] = 500, 900
	if slope, _ := trend(at, burst); slope != 0 {
		t.Errorf("two samples that stand out have a slope of %g", slope)
	}
	if slope, _ := trend(at, leak); slope < 0.09 || slope > 0.11 {
		t.Errorf("a leak of 0.1 is seen as %g", slope)
	}
	if growth, _, more := (watched{"burst", at, burst}).grew(0.05, 0); more {
		t.Errorf("two samples that stand out are a growth of %g", growth)
	}
	if growth, mean, more := (watched{"leak", at, leak}).grew(0.05, 1); !more {
		t.Errorf("a growth of %g is let pass, mean %g", growth, mean)
	}
}
