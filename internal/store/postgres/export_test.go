package postgres

import (
	"context"

	"github.com/loka/stratum/internal/store"
)

// Exec runs a statement.
func (s *Store) Exec(ctx context.Context, statement string) error {
	_, err := s.pool.Exec(ctx, statement)
	return err
}

// Bare copies as many rows as a chunk has, in one transaction.
func (s *Store) Bare(ctx context.Context, c *store.Chunk) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.Exec(ctx, "CREATE TABLE IF NOT EXISTS bare (id bigint, at timestamptz, worker text, verdict smallint, difficulty double precision, reached double precision, value numeric(38,12))"); err != nil {
			return err
		}
		columns := []string{"id", "at", "worker", "verdict", "difficulty", "reached", "value"}
		err := t.copyInto(ctx, "bare", columns, len(c.Shares), func(i int) []any {
			x := &c.Shares[i]
			return []any{i64(x.ID), x.At, x.Worker, int64(x.Verdict), x.Difficulty, x.Reached, (*amount)(&x.Value)}
		})
		if err != nil {
			return err
		}
		return t.copyInto(ctx, "bare", columns, len(c.Rollups), func(i int) []any {
			x := &c.Rollups[i]
			return []any{i64(x.Shares), x.At, x.Worker, int64(x.Verdict), x.Work, x.Best, (*amount)(&x.Value)}
		})
	})
}
