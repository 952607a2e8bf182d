package profile

import (
	"math"
	"slices"
	"sort"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestBuckets(t *testing.T) {
	for i := range Buckets {
		end := Bound(i)
		if got := bucketOf(end); got != i && i > 0 && i%perDoubling != 0 {
			// Exp2 of the whole and of the part may differ in the last bit.
			if below := bucketOf(math.Nextafter(end, 0)); below != i {
				t.Errorf("%v ends bucket %d and is counted in %d", end, i, got)
			}
		}
		if i%perDoubling == 0 && bucketOf(end) != i {
			t.Errorf("%v, a power of two, is counted in %d, want %d", end, bucketOf(end), i)
		}
	}
	for v, want := range map[float64]int{
		0: 0, 1e-9: 0, 0x1p-24: 0, math.Nextafter(0x1p-24, 1): 1,
		1: -LeastExp * perDoubling, math.Nextafter(1, 2): -LeastExp*perDoubling + 1,
		512: Buckets - 1, 1e9: Buckets - 1, math.Inf(1): Buckets - 1,
	} {
		if got := bucketOf(v); got != want {
			t.Errorf("%v is counted in %d, want %d", v, got, want)
		}
	}
}

// What a bucket holds is within its bounds, as a search through all of them says.
func TestBucketAsSearched(t *testing.T) {
	t.Parallel()
	bounds := make([]float64, Buckets)
	for i := range bounds {
		bounds[i] = math.Exp2(float64(i%perDoubling)/perDoubling) * math.Exp2(float64(i/perDoubling+LeastExp))
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.OneOf(rapid.Float64Range(0, 600), rapid.Map(rapid.Float64Range(-31, 10), math.Exp2)).Draw(rt, "seconds")
		want := min(sort.SearchFloat64s(bounds, v), Buckets-1)
		if got := bucketOf(v); got != want {
			rt.Fatalf("%v is counted in %d, want %d", v, got, want)
		}
	})
}

// A quantile is the true one, or above it by less than a bucket's width.
func TestQuantile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfN(rapid.Map(rapid.Float64Range(-23, 8), math.Exp2), 1, 300).Draw(rt, "seconds")
		var h Histogram
		sum := 0.0
		for _, v := range all {
			h.Observe(v)
			sum += v
		}
		slices.Sort(all)
		s := h.Snapshot()
		if s.Count != uint64(len(all)) || s.Max != all[len(all)-1] || math.Abs(s.Sum-sum) > 1e-9*float64(len(all)) {
			rt.Fatalf("%d of %d, the most %v of %v, together %v of %v", s.Count, len(all), s.Max, all[len(all)-1], s.Sum, sum)
		}
		for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.99, 0.999, 1} {
			rank := max(int(math.Ceil(q*float64(len(all)))), 1)
			want := all[rank-1]
			if got := s.Quantile(q); got < want*(1-1e-12) || got > want*1.0222 {
				rt.Fatalf("the part %v is within %v, want %v to 2.2 %%", q, got, want)
			}
		}
	})
}

func TestOddTimes(t *testing.T) {
	var h Histogram
	h.Observe(math.NaN())
	if s := h.Snapshot(); s.Count != 0 || s.Quantile(0.5) != 0 || s.Mean() != 0 || s.Max != 0 {
		t.Errorf("no number was counted: %d", s.Count)
	}
	h.Observe(-1)
	if s := h.Snapshot(); s.Count != 1 || s.Counts[0] != 1 || s.Sum != 0 || s.Quantile(0.5) != 0 {
		t.Errorf("a negative time counts as %v in %d", s.Sum, s.Counts[0])
	}
	h.Observe(math.Inf(1))
	h.Observe(1000)
	if s := h.Snapshot(); s.Count != 3 || s.Counts[Buckets-1] != 2 || s.Quantile(0.99) != s.Max || s.Max < 1000 {
		t.Errorf("what is too long: %d counted, the most %v", s.Count, s.Max)
	}
}

// Nothing is lost where many count at a time.
func TestCountTogether(t *testing.T) {
	const goroutines, each = 8, 5000
	var h Histogram
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				h.Observe(float64(g*each+i) * 1e-6)
			}
		})
	}
	wg.Wait()
	if s := h.Snapshot(); s.Count != goroutines*each || s.Max != float64(goroutines*each-1)*1e-6 {
		t.Errorf("%d counted, the most %v", s.Count, s.Max)
	}
}

func TestObserveAllocates(t *testing.T) {
	h, v := new(Histogram), 1e-6
	if n := testing.AllocsPerRun(1000, func() { h.Observe(v); v *= 1.001 }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSteps(t *testing.T) {
	seen := make(map[string]bool)
	p := New(Config{Batch: 64})
	for _, s := range Steps() {
		f := s.Facts()
		if f.Says == "" || f.Name == "" || f.Walk != Share && f.Walk != Job || seen[string(f.Walk)+f.Name] {
			t.Errorf("step %d is %+v", s, f)
		}
		seen[string(f.Walk)+f.Name] = true
		p.Of(s).Observe(1)
		want := map[Sampling]int{Always: 1, ByRead: DefaultOneIn, ByBatch: 64}[f.Sampling]
		if got := p.OneIn(s); got != want {
			t.Errorf("%s %s: one in %d, want %d", f.Walk, f.Name, got, want)
		}
	}
	if f := numSteps.Facts(); f != (Facts{}) {
		t.Errorf("a step that is none is %+v", f)
	}
}

func BenchmarkObserve(b *testing.B) {
	h, v := new(Histogram), 1e-6
	for b.Loop() {
		h.Observe(v)
		if v *= 1.01; v > 1 {
			v = 1e-6
		}
	}
}
