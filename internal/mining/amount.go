package mining

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/loka/stratum/work"
)

// picos is how many parts a satoshi is counted in, and picoDigits how many
// decimal digits those are.
const (
	picos      = 1_000_000_000_000
	picoDigits = 12
)

// Amount is money in satoshi (10⁻⁸ bitcoin), not negative and exact to 10⁻¹²
// of one, so that sums do not depend on their order. The zero value is nothing.
// Sums stop at [MaxAmount].
type Amount struct {
	// Sat is whole satoshi, Pico the 10⁻¹² parts of one beyond them, below 10¹².
	Sat, Pico int64
}

// MaxAmount is the largest amount: far more than there will ever be.
//
//nolint:gochecknoglobals // a constant, but for its type
var MaxAmount = Amount{math.MaxInt64, picos - 1}

// errAmount is a text that is no amount.
var errAmount = errors.New("want satoshi such as 12 or 0.5, with at most 12 decimals")

// AmountOf rounds satoshi to an amount; what is not a positive number is
// nothing.
func AmountOf(satoshi float64) Amount {
	if !(satoshi > 0) { // NaN too
		return Amount{}
	}
	if satoshi >= math.MaxInt64 {
		return MaxAmount
	}
	whole := math.Floor(satoshi)
	a := Amount{int64(whole), int64(math.Round((satoshi - whole) * picos))}
	if a.Pico == picos {
		return Amount{a.Sat, picos - 1}.Add(Amount{0, 1})
	}
	return a
}

// Worth is what a share is expected to earn: the reward of a block in satoshi
// times the part of a block that the share is, which is its difficulty divided
// by the network's, and at most one. A network's difficulty that is not above 0
// is not known, and the share is worth nothing that is known.
func Worth(share, network work.Difficulty, reward int64) Amount {
	if !(network > 0) || !(share > 0) || reward <= 0 {
		return Amount{}
	}
	return AmountOf(min(float64(share)/float64(network), 1) * float64(reward))
}

// Add returns the sum.
func (a Amount) Add(b Amount) Amount {
	pico := a.Pico + b.Pico
	carry := pico / picos
	if a.Sat > math.MaxInt64-b.Sat-carry {
		return MaxAmount
	}
	return Amount{a.Sat + b.Sat + carry, pico % picos}
}

// Sub returns what b leaves of a; nothing where b is more.
func (a Amount) Sub(b Amount) Amount {
	if a.Cmp(b) <= 0 {
		return Amount{}
	}
	out := Amount{a.Sat - b.Sat, a.Pico - b.Pico}
	if out.Pico < 0 {
		out.Sat--
		out.Pico += picos
	}
	return out
}

// Cmp is -1, 0 or 1 as a is less than, equal to or more than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a == b:
		return 0
	case a.Sat < b.Sat || a.Sat == b.Sat && a.Pico < b.Pico:
		return -1
	}
	return 1
}

// Zero says that it is nothing.
func (a Amount) Zero() bool { return a == Amount{} }

// Float is the amount in satoshi, rounded to what a float64 holds.
func (a Amount) Float() float64 { return float64(a.Sat) + float64(a.Pico)/picos }

// String is the amount in satoshi as a decimal number, without zeros at its
// end: "12", "0.000000000001".
func (a Amount) String() string {
	if a.Pico == 0 {
		return strconv.FormatInt(a.Sat, 10)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%0*d", a.Sat, picoDigits, a.Pico), "0")
}

// ParseAmount reads what [Amount.String] prints; zeros at the end are taken.
func ParseAmount(text string) (Amount, error) {
	whole, part, dotted := strings.Cut(text, ".")
	part = strings.TrimRight(part, "0")
	if dotted && part == "" && strings.HasSuffix(text, ".") || len(part) > picoDigits || !digits(whole) || part != "" && !digits(part) {
		return Amount{}, fmt.Errorf("amount %q: %w", text, errAmount)
	}
	sat, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return Amount{}, fmt.Errorf("amount %q: %w", text, errAmount)
	}
	a := Amount{Sat: sat}
	if part != "" {
		a.Pico, _ = strconv.ParseInt(part+strings.Repeat("0", picoDigits-len(part)), 10, 64)
	}
	return a, nil
}

// digits says whether text is decimal digits and nothing else.
func digits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}
