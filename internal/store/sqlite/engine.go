package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// engine is a Store for its relational half.
type engine struct{ s *Store }

// Query implements [relational.Querier].
func (e *engine) Query(ctx context.Context, query string, args []any, each func(relational.Scan) error) error {
	return e.s.query(ctx, query, args, each)
}

// Write implements [relational.Engine].
func (e *engine) Write(ctx context.Context, do func(*tx) error) error { return e.s.write(ctx, do) }

// Prepare implements [relational.Engine]: a day's table is made with its shares.
func (*engine) Prepare(context.Context, []relational.Day) error { return nil }

// Days implements [relational.Engine].
func (e *engine) Days(ctx context.Context) ([]store.DayOfShares, error) { return e.s.Days(ctx) }

// Gone implements [relational.Engine].
func (*engine) Gone(err error) bool { return gone(err) }

// tx is a transaction that writes.
type tx struct{ *sql.Tx }

// Query implements [relational.Querier].
func (t *tx) Query(ctx context.Context, query string, args []any, each func(relational.Scan) error) error {
	return walk(ctx, t.Tx, query, args, each)
}

// Exec implements [relational.Tx].
func (t *tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := t.ExecContext(ctx, query, args...)
	return err
}

// affected does what has no rows and says how many it changed.
func (t *tx) affected(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// checkEvery is after how many rows it is looked whether they are still wanted.
const checkEvery = 256

// each does one thing n times, with the arguments that args puts into to.
func (t *tx) each(ctx context.Context, query string, n int, args func(i int, to []any) []any) (err error) {
	if n == 0 {
		return nil
	}
	// The driver starts a goroutine for every statement that may be cancelled.
	rest := context.WithoutCancel(ctx)
	statement, err := t.PrepareContext(rest, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	var to []any
	for i := range n {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		to = args(i, to[:0])
		if _, err := statement.ExecContext(rest, to...); err != nil {
			return err
		}
		// A second of rows never blocks: miners' sockets would be looked at once in the ten
		// milliseconds after which the scheduler takes the processor away by itself.
		runtime.Gosched()
	}
	return nil
}

// together is how many rows a statement inserts where there are as many: what surrounds a
// statement is a good part of what a row takes.
const together = 32

// rows is a statement that inserts rows of so many columns: what it begins and ends with.
type rows struct {
	into, after string
	columns     int
}

// insert inserts n rows with the arguments that args puts into to.
func (t *tx) insert(ctx context.Context, r rows, n int, args func(i int, to []any) []any) error {
	row := "(?" + strings.Repeat(", ?", r.columns-1) + ")"
	many := n / together
	err := t.each(ctx, r.into+" VALUES "+row+strings.Repeat(", "+row, together-1)+r.after, many, func(i int, to []any) []any {
		for k := range together {
			to = args(i*together+k, to)
		}
		return to
	})
	if err != nil {
		return err
	}
	return t.each(ctx, r.into+" VALUES "+row+r.after, n-many*together, func(i int, to []any) []any { return args(many*together+i, to) })
}

// queries is what can be asked.
type queries interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// walk calls each for every row of a query.
func walk(ctx context.Context, db queries, query string, args []any, each func(relational.Scan) error) (err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// query reads, of what was committed last.
func (s *Store) query(ctx context.Context, query string, args []any, each func(relational.Scan) error) error {
	return s.judge(walk(ctx, s.reader, query, args, each))
}

// write calls do in a transaction, which is committed if it returns nil. After an
// error, one of a full disk among them, nothing of it is there, and it may be done
// again.
func (s *Store) write(ctx context.Context, do func(*tx) error) (err error) {
	begun, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.judge(fmt.Errorf("beginning to write: %w", err))
	}
	// SQLite may have ended the transaction by itself, which is as good.
	defer func() { _ = begun.Rollback() }()
	if err := do(&tx{begun}); err != nil {
		return s.judge(err)
	}
	if err := begun.Commit(); err != nil {
		return s.judge(fmt.Errorf("committing: %w", err))
	}
	return nil
}
