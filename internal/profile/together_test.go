package profile

import (
	"runtime"
	"sync"
	"testing"
)

// Whoever looks while others count sees no mean and no quantile beyond the longest time,
// and the longest of all that are counted.
func TestSnapshotWhileOthersCount(t *testing.T) {
	for range 100 {
		var h Histogram
		var counting sync.WaitGroup
		for range 2 {
			counting.Go(func() {
				for range 3 {
					h.Observe(1e-6)
				}
			})
		}
		for last := uint64(0); last < 6; runtime.Gosched() {
			s := h.Snapshot()
			if last = s.Count; last == 0 {
				continue
			}
			if mean, longest := s.Mean(), s.Quantile(1); s.Max != 1e-6 || mean > s.Max || longest > s.Max {
				t.Fatalf("of %d the mean is %v, all are within %v, and the longest took %v", s.Count, mean, longest, s.Max)
			}
		}
		counting.Wait()
	}
	// A look between an observation's sum and its count.
	if mean := (&Snapshot{Count: 1, Sum: 2e-6, Max: 1e-6}).Mean(); mean != 1e-6 {
		t.Errorf("the mean is %v, all are within 1e-06", mean)
	}
}
