package relational

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// Scan reads the columns of the present row.
type Scan = func(dest ...any) error

// Querier asks. A query has a ? for each argument.
type Querier interface {
	// Query calls each for every row. An error of it ends the walk and is
	// returned.
	Query(ctx context.Context, query string, args []any, each func(Scan) error) error
}

// Tx is a transaction.
type Tx interface {
	Querier
	// Exec does what has no rows.
	Exec(ctx context.Context, query string, args ...any) error
}

// Engine is a database. Its own kind of transaction is T.
type Engine[T Tx] interface {
	Querier
	// Write calls do in a transaction, which is committed if it returns nil.
	Write(ctx context.Context, do func(T) error) error
	// Prepare makes what days of single shares need, ahead of the transaction.
	Prepare(ctx context.Context, days []Day) error
	// Load writes a chunk's rows.
	Load(ctx context.Context, tx T, l *Load) error
	// Days lists the days of single shares there are, the oldest first.
	Days(ctx context.Context) ([]store.DayOfShares, error)
	// Gone says that an error is about a table that is not there.
	Gone(err error) bool
}

// Load is what a chunk writes by the many.
type Load struct {
	Instance int64
	Names    *Names
	Days     []Day
	Rollups  []store.Rollup
	Workers  []store.Worker
}

// Dialect is how a database writes what differs.
type Dialect struct {
	// Lock is what follows a SELECT whose row nobody else may change.
	Lock string
	// Part is how many records of a chunk one transaction takes at the most; 0: all.
	Part int
	// Time is a time as an argument.
	Time func(time.Time) any
	// Amount is the columns of an amount of that name as one row has it, Sum
	// those of its sum; AmountTo and SumTo are where they are read into, which
	// has to be zero before.
	Amount, Sum     func(column string) string
	AmountTo, SumTo func(*mining.Amount) []any
}

// Table is the table of a day of single shares.
func Table(day time.Time) string { return "submissions_" + day.UTC().Format(DayFormat) }

// DayFormat is how a day is written in a table's name.
const DayFormat = "20060102"
