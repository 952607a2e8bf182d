package atomics_test

import (
	"sync"
	"testing"

	"github.com/loka/stratum/internal/atomics"
)

// TestFloat64: nothing that is added at the same time is lost.
func TestFloat64(t *testing.T) {
	const goroutines, times = 8, 10_000
	var f atomics.Float64
	if f.Load() != 0 {
		t.Errorf("begins at %v", f.Load())
	}
	f.Store(-3)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range times {
				f.Add(0.25) // exact in binary
			}
		})
	}
	all.Wait()
	if got, want := f.Swap(7), goroutines*times*0.25-3; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := f.Load(); got != 7 {
		t.Errorf("got %v after it was replaced by 7", got)
	}
}
