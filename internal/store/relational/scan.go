package relational

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loka/stratum/internal/store"
)

// instant reads a time that is kept as microseconds since 1970 or as a time of the
// database's own; none is the zero time.
type instant struct{ to *time.Time }

// Scan implements [database/sql.Scanner].
func (i instant) Scan(from any) error {
	switch from := from.(type) {
	case nil:
		*i.to = time.Time{}
	case int64:
		*i.to = time.UnixMicro(from).UTC()
	case time.Time:
		*i.to = from.UTC()
	default:
		return fmt.Errorf("a time is kept as %T: %w", from, errKind)
	}
	return nil
}

// cellColumns are those of a row's cell in table r, or of the sum of rows.
func (d *Dialect) cellColumns(sum bool) string {
	if !sum {
		return "r.shares, r.work, " + d.Amount("r.value") + ", r.blocks, r.best"
	}
	return "CAST(sum(r.shares) AS bigint), sum(r.work), " + d.Sum("r.value") + ", sum(r.blocks), max(r.best)"
}

// cellTo is where cellColumns are read into; the cell has to be zero.
func (d *Dialect) cellTo(c *store.Cell, sum bool) []any {
	value := d.AmountTo
	if sum {
		value = d.SumTo
	}
	to := append([]any{&c.Shares, &c.Work}, value(&c.Value)...)
	return append(to, &c.Blocks, &c.Best)
}

// Text is a name as it is kept. A miner may send any bytes; PostgreSQL takes
// neither a NUL nor what is not UTF-8, and both stores keep the same.
func Text(name string) string {
	if utf8.ValidString(name) && strings.IndexByte(name, 0) < 0 {
		return name
	}
	return strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "\x00", "\uFFFD")
}

// mostFloat is the largest number that is kept, for sums of it must not overflow.
const mostFloat = 1e290

// Float is a number as it is kept: NaN as 0, and none too large.
func Float(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return max(-mostFloat, min(f, mostFloat))
}
