package load

import "testing"

func TestDuel(t *testing.T) {
	t.Parallel()
	var d Duel
	for _, r := range [][2]float64{{2, 1}, {9, 3}, {4, 4}, {10, 5}} {
		d.Round(r[0], r[1])
	}
	if got := [3]float64{Median(d.Ours), Median(d.Bare), Median(d.Ratio)}; got != [3]float64{6.5, 3.5, 2} {
		t.Errorf("medians %v", got)
	}
}

func TestMost(t *testing.T) {
	t.Parallel()
	for files, want := range map[uint64]int{0: 1 << 30, 1 << 63: 1 << 30, 20_000: 19_600, 100: 0} {
		if got := Most(files); got != want {
			t.Errorf("%d files: %d, want %d", files, got, want)
		}
	}
}
