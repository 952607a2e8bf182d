package mining_test

import (
	"testing"

	"github.com/loka/stratum/internal/mining"
)

// An amount that is read is what it prints, and never less than nothing.
func FuzzParseAmount(f *testing.F) {
	for _, text := range []string{"0", "12", "0.000000000001", "9223372036854775807.999999999999", "1.", ".5", "-1", "1e9", "00.10"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := mining.ParseAmount(text)
		if err != nil {
			return
		}
		if a.Sat < 0 || a.Pico < 0 || a.Pico >= 1e12 {
			t.Fatalf("%q is %+v", text, a)
		}
		if again, err := mining.ParseAmount(a.String()); err != nil || again != a {
			t.Errorf("%q is %+v; its String reads as %+v, %v", text, a, again, err)
		}
	})
}
