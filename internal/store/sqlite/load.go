package sqlite

import (
	"context"
	"fmt"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// Load implements [relational.Engine].
func (*engine) Load(ctx context.Context, t *tx, l *relational.Load) error {
	for i := range l.Days {
		if err := t.day(ctx, l, &l.Days[i]); err != nil {
			return fmt.Errorf("shares of %s: %w", l.Days[i].At.Format("2006-01-02"), err)
		}
	}
	if err := t.rollups(ctx, l); err != nil {
		return fmt.Errorf("rollups: %w", err)
	}
	if err := t.workers(ctx, l); err != nil {
		return fmt.Errorf("workers: %w", err)
	}
	return nil
}

// dayTable makes the table of a day. Its rows are in the order in which they are
// read.
const dayTable = `CREATE TABLE IF NOT EXISTS %s (
    id INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    at INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    difficulty REAL NOT NULL,
    reached REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    pool_verdict INTEGER NOT NULL,
    pool_difficulty REAL NOT NULL,
    pool_value_sat INTEGER NOT NULL,
    pool_value_pico INTEGER NOT NULL,
    PRIMARY KEY (id, instance)
) STRICT, WITHOUT ROWID`

// day writes a day's shares and what is news of earlier ones.
func (t *tx) day(ctx context.Context, l *relational.Load, d *relational.Day) error {
	table, name := relational.Table(d.At), d.At.Format(relational.DayFormat)
	if len(d.Shares) > 0 {
		if err := t.Exec(ctx, fmt.Sprintf(dayTable, table)); err != nil {
			return err
		}
		err := t.Exec(ctx, "INSERT INTO submission_days (day, shares) VALUES (?, ?) ON CONFLICT DO UPDATE SET shares = shares + excluded.shares", name, len(d.Shares))
		if err != nil {
			return err
		}
		err = t.insert(ctx, rows{"INSERT INTO " + table, " ON CONFLICT DO NOTHING", 16}, len(d.Shares), func(i int, to []any) []any {
			s := &d.Shares[i]
			return append(to, i64(s.ID), l.Instance, s.At.UnixMicro(), l.Names.Worker(s.Worker), l.Names.Pool(s.Pool), l.Names.Route(s.Route),
				int64(s.Verdict), relational.Float(s.Difficulty), relational.Float(s.Reached), s.Value.Sat, s.Value.Pico, s.Sent,
				int64(s.PoolVerdict), relational.Float(s.PoolDifficulty), s.PoolValue.Sat, s.PoolValue.Pico)
		})
		if err != nil {
			return err
		}
	}
	return t.news(ctx, l, d)
}

// news writes what is news of earlier chunks' shares of a day. If the day was
// dropped they are, too.
func (t *tx) news(ctx context.Context, l *relational.Load, d *relational.Day) error {
	if len(d.News) == 0 {
		return nil
	}
	there := false
	err := t.Query(ctx, "SELECT 1 FROM submission_days WHERE day = ?", []any{d.At.Format(relational.DayFormat)}, func(relational.Scan) error {
		there = true
		return nil
	})
	if err != nil || !there {
		return err
	}
	table := relational.Table(d.At)
	var sent, pool []*store.Share
	for i := range d.News {
		if s := &d.News[i]; s.PoolVerdict == mining.Pending {
			sent = append(sent, s)
		} else {
			pool = append(pool, s)
		}
	}
	err = t.each(ctx, "UPDATE "+table+" SET sent = max(sent, ?) WHERE id = ? AND instance = ?", len(sent), func(i int, to []any) []any {
		return append(to, sent[i].Sent, i64(sent[i].ID), l.Instance)
	})
	if err != nil {
		return err
	}
	return t.each(ctx, "UPDATE "+table+" SET sent = max(sent, ?), pool_verdict = ?, pool_difficulty = ?, pool_value_sat = ?, pool_value_pico = ? WHERE id = ? AND instance = ?",
		len(pool), func(i int, to []any) []any {
			s := pool[i]
			return append(to, s.Sent, int64(s.PoolVerdict), relational.Float(s.PoolDifficulty), s.PoolValue.Sat, s.PoolValue.Pico, i64(s.ID), l.Instance)
		})
}

// workers writes who was there.
func (t *tx) workers(ctx context.Context, l *relational.Load) error {
	return t.each(ctx, `UPDATE workers SET
    route = CASE WHEN last_share IS NULL OR ?2 >= last_share THEN coalesce(?3, route) ELSE route END,
    first_share = coalesce(min(first_share, ?1), first_share, ?1),
    last_share = coalesce(max(last_share, ?2), last_share, ?2),
    best = max(best, ?4)
WHERE id = ?5`, len(l.Workers), func(i int, to []any) []any {
		w := &l.Workers[i]
		var first, last any
		if !w.First.IsZero() {
			first = w.First.UnixMicro()
		}
		if !w.Last.IsZero() {
			last = w.Last.UnixMicro()
		}
		return append(to, first, last, l.Names.Route(w.Route), relational.Float(w.Best), l.Names.Worker(w.Login))
	})
}

// i64 is a number that is below 2⁶³, as those of frames, shares and counts are.
func i64(n uint64) int64 {
	return int64(n) //nolint:gosec // see above
}
