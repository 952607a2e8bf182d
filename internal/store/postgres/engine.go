package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// rollbackTimeout is how long the end of a transaction that failed is waited for.
const rollbackTimeout = 5 * time.Second

// lost says that an error that is not PostgreSQL's own is about a connection.
func lost(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// engine is a Store for its relational half.
type engine struct{ s *Store }

// Query implements [relational.Querier].
func (e *engine) Query(ctx context.Context, query string, args []any, each func(relational.Scan) error) error {
	return e.s.query(ctx, query, args, each)
}

// Write implements [relational.Engine].
func (e *engine) Write(ctx context.Context, do func(*tx) error) error { return e.s.write(ctx, do) }

// Prepare implements [relational.Engine].
func (e *engine) Prepare(ctx context.Context, days []relational.Day) error {
	return e.s.makeDays(ctx, days)
}

// Days implements [relational.Engine].
func (e *engine) Days(ctx context.Context) ([]store.DayOfShares, error) { return e.s.Days(ctx) }

// Gone implements [relational.Engine].
func (*engine) Gone(err error) bool { return gone(err) }

// tx is a transaction.
type tx struct{ pgx.Tx }

// Query implements [relational.Querier].
func (t *tx) Query(ctx context.Context, query string, args []any, each func(relational.Scan) error) error {
	return walk(ctx, t.Tx, query, args, each)
}

// Exec implements [relational.Tx].
func (t *tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := t.Tx.Exec(ctx, numbered(query), args...)
	return err
}

// copyInto copies n rows into a table.
func (t *tx) copyInto(ctx context.Context, table string, columns []string, n int, row func(i int) []any) error {
	i := 0
	_, err := t.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		if i == n {
			return nil, nil
		}
		i++
		return row(i - 1), nil
	}))
	return err
}

// numbered puts $1, $2 and so on in place of each ?.
func numbered(query string) string {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, ok := strings.Cut(query, "?")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		query = after
	}
}

// queries is what can be asked.
type queries interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// walk calls each for every row of a query.
func walk(ctx context.Context, db queries, query string, args []any, each func(relational.Scan) error) error {
	rows, err := db.Query(ctx, numbered(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// query reads.
func (s *Store) query(ctx context.Context, query string, args []any, each func(relational.Scan) error) error {
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	return s.judge(walk(ctx, s.pool, query, args, each))
}

// write calls do in a transaction, which is committed if it returns nil. If the
// connection is lost while it is committed nobody knows whether it was.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	begun, err := s.pool.Begin(ctx)
	if err != nil {
		return s.judge(fmt.Errorf("beginning to write: %w", err))
	}
	if err := do(&tx{begun}); err != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = begun.Rollback(end) // one that fails closes the connection, which is as good
		return s.judge(err)
	}
	if err := begun.Commit(ctx); err != nil {
		return s.judge(fmt.Errorf("committing: %w", err))
	}
	return nil
}
