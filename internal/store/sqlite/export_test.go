package sqlite

import (
	"context"
	"fmt"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// BytesAShare is what a share is thought to take.
const BytesAShare = bytesAShare

// LimitPages lets the file grow by so many pages and no more, as a disk does that
// is nearly full.
func (s *Store) LimitPages(ctx context.Context, more int64) error {
	var has int64
	if err := walk(ctx, s.writer, "PRAGMA page_count", nil, func(scan relational.Scan) error { return scan(&has) }); err != nil {
		return err
	}
	var limit int64
	return walk(ctx, s.writer, fmt.Sprintf("PRAGMA max_page_count = %d", has+more), nil, func(scan relational.Scan) error { return scan(&limit) })
}

// TakeParts has chunks taken so many records at a time, and forgets what is known of the
// database.
func (s *Store) TakeParts(of int) {
	d := dialect()
	d.Part = of
	s.Store = relational.New[*tx](&engine{s}, d)
}

// Exec runs a statement.
func (s *Store) Exec(ctx context.Context, statement string) error {
	_, err := s.writer.ExecContext(ctx, statement)
	return err
}

// Text asks for a text.
func (s *Store) Text(ctx context.Context, query string) (text string, err error) {
	err = s.query(ctx, query, nil, func(scan relational.Scan) error { return scan(&text) })
	return text, err
}

// Plan is how a query would be answered.
func (s *Store) Plan(ctx context.Context, query string) (plan string, err error) {
	err = s.query(ctx, "EXPLAIN QUERY PLAN "+query, nil, func(scan relational.Scan) error {
		var id, parent, unused int
		var detail string
		err := scan(&id, &parent, &unused, &detail)
		plan += detail + "\n"
		return err
	})
	return plan, err
}

// Bare inserts as many rows as a chunk has, by a plain loop in one transaction.
func (s *Store) Bare(ctx context.Context, c *store.Chunk) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.Exec(ctx, "CREATE TABLE IF NOT EXISTS bare (id INTEGER, at INTEGER, worker TEXT, verdict INTEGER, difficulty REAL, reached REAL, sat INTEGER, pico INTEGER)"); err != nil {
			return err
		}
		insert := func(n int, row func(i int, to []any) []any) error {
			return t.each(ctx, "INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?, ?, ?)", n, row)
		}
		err := insert(len(c.Shares), func(i int, to []any) []any {
			x := &c.Shares[i]
			return append(to, i64(x.ID), x.At.UnixMicro(), x.Worker, int64(x.Verdict), x.Difficulty, x.Reached, x.Value.Sat, x.Value.Pico)
		})
		if err != nil {
			return err
		}
		return insert(len(c.Rollups), func(i int, to []any) []any {
			x := &c.Rollups[i]
			return append(to, i64(x.Shares), x.At.UnixMicro(), x.Worker, int64(x.Verdict), x.Work, x.Best, x.Value.Sat, x.Value.Pico)
		})
	})
}
