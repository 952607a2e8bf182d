package figures

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{Hashrate(0), "0 H/s"},
		{Hashrate(999), "999 H/s"},
		{Hashrate(999000), "999.00 kH/s"},
		{Hashrate(1.4e11), "140.00 GH/s"},
		{Hashrate(1.5e14), "150.00 TH/s"},
		{Hashrate(2.345e15), "2.35 PH/s"},
		{Hashrate(7e20), "700.00 EH/s"},
		{Satoshi(0), "0 sat"},
		{Satoshi(1e-9), "1e-09 sat"},
		{Satoshi(0.25), "0.25 sat"},
		{Satoshi(1), "1.00 sat"},
		{Satoshi(99.99), "99.99 sat"},
		{Satoshi(999.6), "1,000 sat"},
		{Satoshi(1e6), "1,000,000 sat"},
		{Satoshi(99_999_999), "99,999,999 sat"},
		{Satoshi(99_999_999.9), "1.00000000 BTC"},
		{Satoshi(1e8), "1.00000000 BTC"},
		{Satoshi(2.1e15), "21000000.00000000 BTC"},
		{Count(0), "0"},
		{Count(999), "999"},
		{Count(1234567), "1,234,567"},
		{Difficulty(0), "0"},
		{Difficulty(0.001), "0.001"},
		{Difficulty(8192), "8192"},
		{Difficulty(65536), "65.5k"},
		{Difficulty(1e6), "1000k"},
		{Difficulty(2.5e7), "25M"},
		{Difficulty(1.2e14), "120T"},
		{Percent(0), "0.00 %"},
		{Percent(0.0123), "1.23 %"},
		{Percent(0.5), "50.0 %"},
		{Seconds(0.43), "400ms"},
		{Seconds(7384.2), "2h3m"},
		{Seconds(math.Inf(1)), "-"},
		{Seconds(math.NaN()), "-"},
		{Span(90 * time.Second), "1m30s"},
		{Brief(-time.Second), "0s"},
		{Brief(59 * time.Second), "59s"},
		{Brief(12*time.Minute + 5*time.Second), "12m"},
		{Brief(3*time.Hour + 20*time.Minute), "3h20m"},
		{Brief(3 * time.Hour), "3h"},
		{Brief(124 * time.Hour), "5d4h"},
		{Visible("a\x1b[2J\nb\u202e"), "a?[2J?b?"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Whatever was sent, nothing of it steers a terminal, and what can be read stays.
func TestVisibleSteersNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		got := Visible(text)
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q became %q", text, got)
		}
		if plain := strings.Map(func(r rune) rune { return map[bool]rune{true: r, false: -1}[unicode.IsPrint(r)] }, text); plain == text && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
