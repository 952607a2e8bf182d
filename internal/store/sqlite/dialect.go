package sqlite

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store/relational"
)

// picos is how many parts a satoshi is kept in.
const picos = 1_000_000_000_000

// partOfChunk is how many records of a chunk one transaction takes: some hundredths of a
// second of writing, for a log in the same file waits for it.
const partOfChunk = 5_000

// The parts in which sums are made, so that those of very many rows fit 64 bits:
// SQLite refuses a sum that does not.
const (
	satPart  = 1_000_000_000
	picoPart = 1_000_000
)

// dialect is how SQLite has times and amounts.
func dialect() relational.Dialect {
	return relational.Dialect{
		Part:   partOfChunk,
		Time:   func(t time.Time) any { return t.UnixMicro() },
		Amount: func(column string) string { return column + "_sat, " + column + "_pico" },
		Sum: func(column string) string {
			return fmt.Sprintf("sum(%[1]s_sat / %[2]d), sum(%[1]s_sat %% %[2]d), sum(%[1]s_pico / %[3]d), sum(%[1]s_pico %% %[3]d)", column, satPart, picoPart)
		},
		AmountTo: func(a *mining.Amount) []any { return []any{&a.Sat, &a.Pico} },
		SumTo: func(a *mining.Amount) []any {
			return []any{&sats{a, satPart}, &sats{a, 1}, &picoSum{a, picoPart}, &picoSum{a, 1}}
		},
	}
}

// sats adds a sum of so many satoshi each to an amount.
type sats struct {
	to   *mining.Amount
	unit int64
}

// Scan implements [database/sql.Scanner].
func (s *sats) Scan(from any) error {
	n, err := number(from)
	if n > math.MaxInt64/s.unit {
		*s.to = mining.MaxAmount
		return err
	}
	*s.to = s.to.Add(mining.Amount{Sat: n * s.unit})
	return err
}

// picoSum adds a sum of so many 10⁻¹² satoshi each to an amount.
type picoSum struct {
	to   *mining.Amount
	unit int64
}

// Scan implements [database/sql.Scanner].
func (p *picoSum) Scan(from any) error {
	n, err := number(from)
	whole := picos / p.unit
	*p.to = p.to.Add(mining.Amount{Sat: n / whole, Pico: n % whole * p.unit})
	return err
}

// errNumber is a column that is no whole number.
var errNumber = errors.New("a sum is no whole number")

// number is a column's value.
func number(from any) (int64, error) {
	n, ok := from.(int64)
	if !ok {
		return 0, fmt.Errorf("%T: %w", from, errNumber)
	}
	return n, nil
}
