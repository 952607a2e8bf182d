package alert

import "testing"

func TestPlainNumber(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 8: "8", 10: "10", 0.5: "0.5", -2.25: "-2.25", 12.341: "12.34", 1234567: "1,234,567", 100.001: "100"} {
		if got := plain(f); got != want {
			t.Errorf("%v is %q, want %q", f, got, want)
		}
	}
}
