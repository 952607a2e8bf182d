package config

import (
	"math"
	"testing"
)

// Sizes, hashrates, fingerprints and addresses are read or refused, whatever they
// are, and what is read is within bounds.
func FuzzValues(f *testing.F) {
	for _, text := range []string{
		"64KiB", "10GiB", "1.5MB", "0B", "9223372036854775807B", "500TH/s", "1.2 PH/s", "1..2EH/s", "infB", "1e9H/s",
		"0.0.0.0:3333", "[::1]:0", "localhost:99999", "stratum+tcp://x:1",
		"AB:cd", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSize(text); err == nil && s < 0 {
			t.Errorf("%q is %d bytes", text, s)
		}
		if h, err := ParseHashrate(text); err == nil {
			if h < 0 || math.IsInf(float64(h), 0) || math.IsNaN(float64(h)) {
				t.Errorf("%q is %v", text, float64(h))
			}
			if again, err := ParseHashrate(h.String()); err != nil || math.Abs(float64(again-h)) > 1e-9*float64(h) {
				t.Errorf("%q is %v; its String reads as %v, %v", text, float64(h), float64(again), err)
			}
		}
		if _, err := ParseFingerprint(text); err == nil && len(text) < 64 {
			t.Errorf("%q is a fingerprint", text)
		}
		if addr, err := parseListen(text); err == nil && addr.Addr().IsValid() && addr.Port() == 0 && text == "" {
			t.Errorf("%q is %v", text, addr)
		}
	})
}
