package turns

import "testing"

func TestCompare(t *testing.T) {
	ours, theirs := 0, 0
	r := testing.Benchmark(func(b *testing.B) {
		b.Helper()
		Compare(b, func() { kept = make([]byte, 1<<10); ours++ }, Of("x_bare", func() { theirs++ }), Than("x_other", func() { theirs++ }))
	})
	for _, unit := range []string{"ns/op", "x_bare", "x_other"} {
		if r.Extra[unit] <= 0 {
			t.Errorf("%s is %v", unit, r.Extra[unit])
		}
	}
	if r.Extra["allocs/op"] != 1 || ours == 0 || theirs == 0 {
		t.Errorf("%v allocations in %d and %d runs", r.Extra["allocs/op"], ours, theirs)
	}
}

// kept is what is allocated, where the compiler cannot see that nobody reads it.
var kept []byte

func TestRatio(t *testing.T) {
	if got := Of("", nil).ratio(2, 8); got != 0.25 {
		t.Errorf("2 is %v of 8", got)
	}
	if got := Than("", nil).ratio(2, 8); got != 4 {
		t.Errorf("8 is %v times 2", got)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1}, 2.5}} {
		if got := Median(c.of); got != c.want {
			t.Errorf("of %v: %v", c.of, got)
		}
	}
}
