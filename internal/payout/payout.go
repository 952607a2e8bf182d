package payout

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// Rule is the package's rule of rounding in a sentence, for those who are shown
// its parts.
const Rule = "each gets the whole satoshi of amount × own work / all work; satoshi left over go one each to the largest remainders, equal ones by name"

// Errors that a caller tells apart.
var (
	// ErrNoWork is an amount for which nobody did any work.
	ErrNoWork = errors.New("nobody did any work to divide by")
	// ErrAmount is an amount below nothing.
	ErrAmount = errors.New("an amount below nothing cannot be divided")
)

// WorkError is work that nobody can have done.
type WorkError struct {
	// Name is who is said to have done it.
	Name string
	// Work is how much it is said to be.
	Work float64
}

// Error names both.
func (e *WorkError) Error() string {
	return fmt.Sprintf("%q cannot have done work of %v: want a number that is not negative", e.Name, e.Work)
}

// Share is what somebody did.
type Share struct {
	Name string
	// Work is in any unit that is the same for all; finite and not negative.
	Work float64
}

// Part is what somebody gets for it.
type Part struct {
	Share

	Satoshi int64
}

// Divide divides an amount of satoshi by the rule of the package. The parts are
// in the order of the names' bytes; a name that comes twice has one part for all
// its work. Errors are [ErrNoWork], [ErrAmount] and [WorkError].
func Divide(satoshi int64, shares []Share) ([]Part, error) {
	if satoshi < 0 {
		return nil, fmt.Errorf("%d satoshi: %w", satoshi, ErrAmount)
	}
	all, err := gather(shares)
	if err != nil {
		return nil, err
	}
	total := new(big.Int)
	for i := range all {
		total.Add(total, all[i].work)
	}
	if total.Sign() == 0 {
		return nil, ErrNoWork
	}
	left := satoshi
	amount, whole := big.NewInt(satoshi), new(big.Int)
	for i := range all {
		one := &all[i]
		whole.QuoRem(one.work.Mul(one.work, amount), total, one.rest)
		one.Satoshi = whole.Int64() // not above the amount
		left -= one.Satoshi
	}
	handOut(all, left)
	parts := make([]Part, len(all))
	for i := range all {
		parts[i] = all[i].Part
	}
	return parts, nil
}

// portion is a part while it is computed.
type portion struct {
	Part

	// work is exact, in units of 2^-1074, which every float64 is whole in; rest
	// is what is cut off, against the total.
	work, rest *big.Int
}

// gather puts the shares of one name together and sorts them by name.
func gather(shares []Share) ([]portion, error) {
	sorted := slices.Clone(shares)
	for _, s := range sorted {
		if !(s.Work >= 0) || math.IsInf(s.Work, 0) { // NaN too
			return nil, &WorkError{s.Name, s.Work}
		}
	}
	// Equal names are in the order of their work, for the float64 that is shown of
	// their sum to be the same in whatever order they came.
	slices.SortFunc(sorted, func(a, b Share) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Work, b.Work))
	})
	var all []portion
	for _, s := range sorted {
		if n := len(all); n > 0 && all[n-1].Name == s.Name {
			all[n-1].Work += s.Work
			all[n-1].work.Add(all[n-1].work, exact(s.Work))
			continue
		}
		all = append(all, portion{Part{s, 0}, exact(s.Work), new(big.Int)})
	}
	return all, nil
}

// exact is a float64 that is not negative in units of 2^-1074.
func exact(work float64) *big.Int {
	const mantissa, least = 53, -1074
	fraction, exponent := math.Frexp(work)
	whole := big.NewInt(int64(math.Ldexp(fraction, mantissa)))
	shift := exponent - mantissa - least
	if shift < 0 { // a number without all of its digits: what is cut off is 0
		return whole.Rsh(whole, uint(-shift))
	}
	return whole.Lsh(whole, uint(shift))
}

// handOut gives the satoshi that are left, which are fewer than there are
// portions with a rest.
func handOut(all []portion, left int64) {
	order := make([]*portion, len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortStableFunc(order, func(a, b *portion) int { return b.rest.Cmp(a.rest) })
	for _, one := range order[:left] {
		one.Satoshi++
	}
}
