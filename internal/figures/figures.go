package figures

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const satoshiPerBitcoin = 100_000_000

// Hashrate is H/s with the prefix that keeps the figure short.
func Hashrate(v float64) string {
	for _, unit := range []struct {
		factor float64
		name   string
	}{{1e18, "EH/s"}, {1e15, "PH/s"}, {1e12, "TH/s"}, {1e9, "GH/s"}, {1e6, "MH/s"}, {1e3, "kH/s"}} {
		if v >= unit.factor {
			return strconv.FormatFloat(v/unit.factor, 'f', 2, 64) + " " + unit.name
		}
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " H/s"
}

// Satoshi is an amount in satoshi, which is shown in bitcoin from one on.
func Satoshi(v float64) string {
	switch {
	case v >= satoshiPerBitcoin-0.5:
		return strconv.FormatFloat(v/satoshiPerBitcoin, 'f', 8, 64) + " BTC"
	case v >= 99.995 || v == 0:
		return grouped(strconv.FormatFloat(v, 'f', 0, 64)) + " sat"
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64) + " sat"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " sat"
}

// Count is a number of things, in groups of three digits.
func Count(n uint64) string { return grouped(strconv.FormatUint(n, 10)) }

// Difficulty is short, with the prefix that makes it so from ten thousand on.
func Difficulty(d float64) string {
	for _, unit := range []struct {
		factor float64
		name   string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if d >= 10*unit.factor {
			return strconv.FormatFloat(math.Round(10*d/unit.factor)/10, 'f', -1, 64) + unit.name
		}
	}
	return strconv.FormatFloat(d, 'g', 4, 64)
}

// Percent is a part of 1 in percent, with more digits where it is small.
func Percent(part float64) string {
	p := 100 * part
	digits := 2
	if math.Abs(p) >= 10 {
		digits = 1
	}
	return strconv.FormatFloat(p, 'f', digits, 64) + " %"
}

// Seconds is a time span with as much of it as tells something.
func Seconds(s float64) string {
	if !(math.Abs(s) < float64(math.MaxInt64)/float64(time.Second)) {
		return "-"
	}
	return Span(time.Duration(s * float64(time.Second)))
}

// Span is that of a duration.
func Span(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// Brief is a time span in its largest unit or two: 45s, 12m, 3h20m, 5d4h.
func Brief(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < day:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	}
	return two(int(d/day), "d", int(d%day/time.Hour), "h")
}

// two is one or two figures with their units.
func two(a int, of string, b int, than string) string {
	if b == 0 {
		return strconv.Itoa(a) + of
	}
	return strconv.Itoa(a) + of + strconv.Itoa(b) + than
}

// Visible keeps what others sent from steering a terminal or breaking a line.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// grouped puts a comma before every three digits of a whole number.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
