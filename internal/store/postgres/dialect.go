package postgres

import (
	"fmt"
	"math/big"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store/relational"
)

const (
	// picos is how many parts of a satoshi a numeric(38,12) has, and decimals how
	// many digits those are.
	picos    = 1_000_000_000_000
	decimals = 12
)

// dialect is how PostgreSQL has times and amounts.
func dialect() relational.Dialect {
	to := func(a *mining.Amount) []any { return []any{(*amount)(a)} }
	return relational.Dialect{
		Lock:     " FOR UPDATE",
		Time:     func(t time.Time) any { return t.UTC() },
		Amount:   func(column string) string { return column },
		Sum:      func(column string) string { return "sum(" + column + ")" },
		AmountTo: to, SumTo: to,
	}
}

// amount reads and writes an amount as numeric. One that is too large is the
// largest.
type amount mining.Amount

// ScanNumeric implements [pgtype.NumericScanner].
func (a *amount) ScanNumeric(n pgtype.Numeric) error {
	if !n.Valid || n.Int == nil || n.NaN || n.InfinityModifier != pgtype.Finite {
		return fmt.Errorf("reading an amount: %w", errAmount)
	}
	units := new(big.Int).Set(n.Int)
	if shift := int64(n.Exp) + decimals; shift >= 0 {
		units.Mul(units, new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), nil))
	} else {
		units.Quo(units, new(big.Int).Exp(big.NewInt(10), big.NewInt(-shift), nil))
	}
	sat, pico := units.QuoRem(units, big.NewInt(picos), new(big.Int))
	if !sat.IsInt64() {
		*a = amount(mining.MaxAmount)
		return nil
	}
	*a = amount{Sat: sat.Int64(), Pico: pico.Int64()}
	return nil
}

// NumericValue implements [pgtype.NumericValuer].
func (a *amount) NumericValue() (pgtype.Numeric, error) {
	units := big.NewInt(a.Sat)
	units.Mul(units, big.NewInt(picos)).Add(units, big.NewInt(a.Pico))
	return pgtype.Numeric{Int: units, Exp: -decimals, Valid: true}, nil
}
