package web

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// thin parts thousands.
const thin = "\u202f"

// count is a whole number with its thousands apart.
func count[T int | int64 | uint64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "−", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + thin + digits[at:]
	}
	return sign + digits
}

// figure is a number with its unit behind it, which is drawn more quietly. Both are
// made here, of numbers and of units of this file.
func figure(number, unit string) template.HTML {
	if unit == "" {
		return template.HTML(number) //nolint:gosec // digits
	}
	return template.HTML(number + `<span class="unit">` + unit + `</span>`) //nolint:gosec // digits and a unit
}

// scaled is a number in three digits and what it was divided by, in steps of a thousand.
func scaled(n float64, prefixes []string) (number, prefix string) {
	if !(n > 0) || math.IsInf(n, 0) {
		return "0", ""
	}
	i := 0
	for n >= 999.5 && i < len(prefixes)-1 {
		n /= 1000
		i++
	}
	return three(n), prefixes[i]
}

// three is a number in three digits that count, at most six places behind the point.
func three(n float64) string {
	switch a := math.Abs(n); {
	case a >= 99.95:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(n, 'f', 1, 64)
	case a >= 0.01 || a == 0:
		return strconv.FormatFloat(n, 'f', 2, 64)
	}
	return strconv.FormatFloat(n, 'g', 2, 64)
}

// rateText is a hashrate as text.
func rateText(n float64) string {
	number, prefix := scaled(n, []string{"", "k", "M", "G", "T", "P", "E", "Z"})
	return number + " " + prefix + "H/s"
}

func rate(n float64) template.HTML {
	number, unit, _ := strings.Cut(rateText(n), " ")
	return figure(number, unit)
}

// difficultyText is a difficulty: small ones as they are.
func difficultyText(d float64) string {
	switch {
	case d > 0 && d < 0.001:
		return strconv.FormatFloat(d, 'g', 3, 64)
	case d > 0 && d < 100_000:
		return strconv.FormatFloat(d, 'g', 5, 64)
	}
	number, prefix := scaled(d, []string{"", "k", "M", "G", "T", "P", "E"})
	return strings.TrimSpace(number + " " + prefix)
}

func difficulty(d float64) template.HTML {
	if d == 0 {
		return "–"
	}
	number, unit, _ := strings.Cut(difficultyText(d), " ")
	return figure(number, unit)
}

// satText is an amount of satoshi: bitcoin from one on.
func satText(n float64) string {
	a := math.Abs(n)
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0) || a == 0:
		return "0 sat"
	case a >= 99_999_999.5:
		return strconv.FormatFloat(n/1e8, 'f', 8, 64) + " BTC"
	case a >= 99.95:
		return count(int64(math.Round(n))) + " sat"
	}
	return three(n) + " sat"
}

func sat(n float64) template.HTML {
	number, unit, _ := strings.Cut(satText(n), " ")
	return figure(number, unit)
}

// ms is a time in seconds as milliseconds; 0 is not known.
func ms(seconds float64) template.HTML {
	n := seconds * 1000
	switch {
	case !(n > 0):
		return "–"
	case n >= 10_000:
		return figure(three(seconds), "s")
	case n < 10:
		return figure(strconv.FormatFloat(n, 'f', 1, 64), "ms")
	}
	return figure(strconv.FormatFloat(n, 'f', 0, 64), "ms")
}

// percent is a part of 1.
func percent(x float64) string {
	a := math.Abs(x)
	switch {
	case a == 0:
		return "0 %"
	case a < 0.0001:
		return "< 0.01 %"
	case a < 0.01:
		return strconv.FormatFloat(100*x, 'f', 2, 64) + " %"
	}
	return strconv.FormatFloat(100*x, 'f', 1, 64) + " %"
}

// part is some of all.
func part(some, all float64) template.HTML {
	if all == 0 {
		return "–"
	}
	number, unit, _ := cutLast(percent(some / all))
	return figure(template.HTMLEscapeString(number), unit)
}

// countAny and partAny are those for templates.
func countAny(n any) (string, error) {
	f, err := number(n)
	return count(int64(f)), err
}

func partAny(some, all any) (template.HTML, error) {
	a, err := number(some)
	b, err2 := number(all)
	return part(a, b), errors.Join(err, err2)
}

// number is what a template has as a number.
func number(n any) (float64, error) {
	switch n := n.(type) {
	case int:
		return float64(n), nil
	case int64:
		return float64(n), nil
	case uint64:
		return float64(n), nil
	case float64:
		return n, nil
	}
	return 0, fmt.Errorf("%T is no number", n)
}

func cutLast(text string) (before, after string, ok bool) {
	at := strings.LastIndexByte(text, ' ')
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}

// span is a time in seconds in words, the two largest units.
func span(seconds float64) string {
	s := int64(max(seconds, 0))
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 86400:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d d %d h", s/86400, s%86400/3600)
}

// clock is a time of day in UTC for machines and people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// words makes words of a name of the API.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// tone is how a state is coloured.
func tone(state string) string {
	switch {
	case slices.Contains([]string{"active", "mining", "ready", "ok", "accepted", "resolved", "normal"}, state):
		return "good"
	case slices.Contains([]string{"degraded", "connecting", "subscribed", "warning", "pending", "slowed"}, state):
		return "warn"
	case slices.Contains([]string{"down", "not ready", "critical", "firing", "refused", "closed"}, state):
		return "bad"
	}
	return ""
}
