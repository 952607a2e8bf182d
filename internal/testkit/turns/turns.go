package turns

import (
	"slices"
	"testing"
	"time"
)

// least is how long a turn is at the least.
const least = 20 * time.Microsecond

// Other is what a thing is measured against.
type Other struct {
	unit   string
	do     func()
	longer bool
}

// Of is an other of whose time ours is reported as a multiple: what ours cannot do
// without, or something bare.
func Of(unit string, do func()) Other { return Other{unit, do, false} }

// Than is an other whose time is reported as a multiple of ours: another way to do the
// same.
func Than(unit string, do func()) Other { return Other{unit, do, true} }

func (o Other) ratio(ours, theirs float64) float64 {
	if o.longer {
		return theirs / ours
	}
	return ours / theirs
}

// Compare reports what ours takes, what it allocates, and the ratios. It returns the
// nanoseconds of ours.
func Compare(b *testing.B, ours func(), others ...Other) (ns float64) {
	b.Helper()
	n := often(ours)
	counts := make([]int, len(others))
	for i, o := range others {
		counts[i] = often(o.do)
	}
	allocs := testing.AllocsPerRun(100, ours)
	var took []float64
	ratios := make([][]float64, len(others))
	for b.Loop() {
		one := timed(n, ours)
		took = append(took, one)
		for i, o := range others {
			ratios[i] = append(ratios[i], o.ratio(one, timed(counts[i], o.do)))
		}
	}
	ns = Median(took)
	b.ReportMetric(ns, "ns/op")
	b.ReportMetric(allocs, "allocs/op")
	for i, o := range others {
		b.ReportMetric(Median(ratios[i]), o.unit)
	}
	return ns
}

// often is how many times a thing is done in a turn.
func often(do func()) int {
	for n := 1; ; n *= 2 {
		if timed(n, do)*float64(n) >= float64(least) {
			return n
		}
	}
}

// timed is the nanoseconds that a thing takes.
func timed(n int, do func()) float64 {
	start := time.Now()
	for range n {
		do()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

// Median is the middle of what was measured, at least once.
func Median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
