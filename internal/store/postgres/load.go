package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// stages are tables that rows are copied into on their way. They are a connection's
// own, and empty after every transaction.
const stages = `SET LOCAL client_min_messages = warning;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_shares (LIKE submissions) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_news (id bigint, at timestamptz, sent boolean, pool_verdict smallint,
    pool_difficulty double precision, pool_value numeric(38,12)) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_rollups (LIKE rollups_minute) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_workers (id integer, route integer, first_share timestamptz, last_share timestamptz,
    best double precision) ON COMMIT DELETE ROWS`

// Load implements [relational.Engine].
func (*engine) Load(ctx context.Context, t *tx, l *relational.Load) error {
	if _, err := t.Conn().PgConn().Exec(ctx, stages).ReadAll(); err != nil {
		return fmt.Errorf("making tables to copy into: %w", err)
	}
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

// shareColumns are a single share's.
func shareColumns() []string {
	return []string{
		"id", "at", "difficulty", "reached", "pool_difficulty", "instance", "worker", "pool", "route",
		"verdict", "pool_verdict", "sent", "value", "pool_value",
	}
}

// day writes a day's shares and what is news of earlier ones.
func (t *tx) day(ctx context.Context, l *relational.Load, d *relational.Day) error {
	if err := t.shares(ctx, l, d); err != nil {
		return err
	}
	return t.news(ctx, l, d)
}

// shares writes a day's shares.
func (t *tx) shares(ctx context.Context, l *relational.Load, d *relational.Day) error {
	if len(d.Shares) == 0 {
		return nil
	}
	row := make([]any, 0, len(shareColumns()))
	err := t.copyInto(ctx, "stage_shares", shareColumns(), len(d.Shares), func(i int) []any {
		s := &d.Shares[i]
		return append(row, i64(s.ID), s.At, relational.Float(s.Difficulty), relational.Float(s.Reached), relational.Float(s.PoolDifficulty),
			l.Instance, l.Names.Worker(s.Worker), l.Names.Pool(s.Pool), l.Names.Route(s.Route),
			int64(s.Verdict), int64(s.PoolVerdict), s.Sent, (*amount)(&s.Value), (*amount)(&s.PoolValue))
	})
	if err != nil {
		return err
	}
	// A day is copied and moved on before the next one.
	return t.Exec(ctx, "WITH moved AS (DELETE FROM stage_shares RETURNING *) INSERT INTO "+relational.Table(d.At)+" SELECT * FROM moved ON CONFLICT DO NOTHING")
}

// news writes what is news of earlier chunks' shares of a day. If the day was
// dropped they are, too.
func (t *tx) news(ctx context.Context, l *relational.Load, d *relational.Day) error {
	if len(d.News) == 0 {
		return nil
	}
	there := false
	err := t.Query(ctx, "SELECT to_regclass(?) IS NOT NULL", []any{relational.Table(d.At)}, func(scan relational.Scan) error { return scan(&there) })
	if err != nil || !there {
		return err
	}
	row := make([]any, 0, 6)
	columns := []string{"id", "at", "sent", "pool_verdict", "pool_difficulty", "pool_value"}
	err = t.copyInto(ctx, "stage_news", columns, len(d.News), func(i int) []any {
		s := &d.News[i]
		return append(row, i64(s.ID), s.At, s.Sent, int64(s.PoolVerdict), relational.Float(s.PoolDifficulty), (*amount)(&s.PoolValue))
	})
	if err != nil {
		return err
	}
	return t.Exec(ctx, fmt.Sprintf(`WITH n AS (DELETE FROM stage_news RETURNING *)
UPDATE %s s SET sent = s.sent OR n.sent,
    pool_verdict = CASE WHEN n.pool_verdict = %[2]d THEN s.pool_verdict ELSE n.pool_verdict END,
    pool_difficulty = CASE WHEN n.pool_verdict = %[2]d THEN s.pool_difficulty ELSE n.pool_difficulty END,
    pool_value = CASE WHEN n.pool_verdict = %[2]d THEN s.pool_value ELSE n.pool_value END
FROM n WHERE s.id = n.id AND s.instance = ?`, relational.Table(d.At), mining.Pending), l.Instance)
}

// rollups adds a chunk's rollups to those of minutes, hours and days.
func (t *tx) rollups(ctx context.Context, l *relational.Load) error {
	if len(l.Rollups) == 0 {
		return nil
	}
	columns := []string{"at", "shares", "work", "blocks", "best", "instance", "worker", "pool", "route", "side", "verdict", "value"}
	row := make([]any, 0, len(columns))
	err := t.copyInto(ctx, "stage_rollups", columns, len(l.Rollups), func(i int) []any {
		r := &l.Rollups[i]
		return append(row, r.At, i64(r.Shares), relational.Float(r.Work), relational.Float(r.Blocks), relational.Float(r.Best),
			l.Instance, l.Names.Worker(r.Worker), l.Names.Pool(r.Pool), l.Names.Route(r.Route), int64(r.Side), int64(r.Verdict), (*amount)(&r.Value))
	})
	if err != nil {
		return err
	}
	for _, step := range store.Steps() {
		if err := t.Exec(ctx, addRollups("rollups_"+step.String(), step, "worker, instance, pool, route", "worker, pool, route")); err != nil {
			return fmt.Errorf("by the %s: %w", step, err)
		}
		if err := t.Exec(ctx, addRollups("farm_"+step.String(), step, "instance, pool, route", "instance, pool, route")); err != nil {
			return fmt.Errorf("of all workers by the %s: %w", step, err)
		}
	}
	return nil
}

// addRollups is the statement that adds what was copied to a table of rollups.
func addRollups(table string, step store.Step, columns, key string) string {
	return fmt.Sprintf(`INSERT INTO %[1]s AS r (at, %[3]s, side, verdict, shares, work, value, blocks, best)
SELECT date_trunc('%[2]s', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', %[3]s, side, verdict, sum(shares), sum(work), sum(value), sum(blocks), max(best)
FROM stage_rollups GROUP BY 1, %[3]s, side, verdict
ON CONFLICT (at, %[4]s, side, verdict) DO UPDATE SET shares = r.shares + excluded.shares, work = r.work + excluded.work,
    value = r.value + excluded.value, blocks = r.blocks + excluded.blocks, best = greatest(r.best, excluded.best)`, table, step, columns, key)
}

// workers writes who was there.
func (t *tx) workers(ctx context.Context, l *relational.Load) error {
	if len(l.Workers) == 0 {
		return nil
	}
	known := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return at
	}
	row := make([]any, 0, 5)
	columns := []string{"id", "route", "first_share", "last_share", "best"}
	err := t.copyInto(ctx, "stage_workers", columns, len(l.Workers), func(i int) []any {
		w := &l.Workers[i]
		return append(row, l.Names.Worker(w.Login), l.Names.Route(w.Route), known(w.First), known(w.Last), relational.Float(w.Best))
	})
	if err != nil {
		return err
	}
	return t.Exec(ctx, `UPDATE workers w SET
    route = CASE WHEN w.last_share IS NULL OR n.last_share >= w.last_share THEN n.route ELSE w.route END,
    first_share = least(w.first_share, n.first_share),
    last_share = greatest(w.last_share, n.last_share),
    best = greatest(w.best, n.best)
FROM stage_workers n WHERE w.id = n.id`)
}

// i64 is a number that is below 2⁶³, as those of shares and counts are.
func i64(n uint64) int64 {
	return int64(n) //nolint:gosec // see above
}
