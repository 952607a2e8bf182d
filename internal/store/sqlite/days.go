package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

const (
	// bytesAShare is about what a single share takes in the file.
	bytesAShare = 80
	// dropAtOnce is how many rows are dropped by one transaction.
	dropAtOnce = 20_000
	// vacuumPages is how many free pages one transaction gives back.
	vacuumPages = 500
	// keepPages is how many free pages the file keeps for what comes next, so that
	// it does not shrink and grow all the time: 1 MiB.
	keepPages = 256
)

// Days implements [store.Upkeep]. The bytes are an estimate by the number of shares.
func (s *Store) Days(ctx context.Context) ([]store.DayOfShares, error) {
	var days []store.DayOfShares
	err := s.query(ctx, "SELECT day, shares FROM submission_days ORDER BY day", nil, func(scan relational.Scan) error {
		var name string
		var d store.DayOfShares
		if err := scan(&name, &d.Bytes); err != nil {
			return err
		}
		day, err := time.Parse(relational.DayFormat, name)
		if err != nil {
			return err
		}
		d.Day = day
		d.Bytes *= bytesAShare
		days = append(days, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing days of shares: %w", err)
	}
	return days, nil
}

// DropDay implements [store.Upkeep]: rows first, by the many, so that the log can
// write in between. A day that is not there was dropped before.
func (s *Store) DropDay(ctx context.Context, day time.Time) error {
	table := relational.Table(day)
	err := s.inSteps(ctx, "DELETE FROM "+table+" WHERE (id, instance) IN (SELECT id, instance FROM "+table+" ORDER BY id, instance LIMIT ?)", dropAtOnce)
	if err == nil || gone(err) {
		err = s.write(ctx, func(t *tx) error {
			if err := t.Exec(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
				return err
			}
			return t.Exec(ctx, "DELETE FROM submission_days WHERE day = ?", day.UTC().Format(relational.DayFormat))
		})
	}
	if err == nil {
		err = s.vacuum(ctx)
	}
	if err != nil {
		return fmt.Errorf("dropping the shares of %s: %w", day.UTC().Format("2006-01-02"), err)
	}
	return nil
}

// DropMinutes implements [store.Upkeep].
func (s *Store) DropMinutes(ctx context.Context, before time.Time) error {
	const key = "(at, worker, pool, route, side, verdict)"
	err := s.inSteps(ctx, "DELETE FROM rollups_minute WHERE "+key+" IN (SELECT at, worker, pool, route, side, verdict FROM rollups_minute WHERE at < ? LIMIT ?)",
		before.UnixMicro(), dropAtOnce)
	if err == nil {
		// The farm's last: a walk over workers' rollups goes by the farm's.
		err = s.write(ctx, func(t *tx) error { return t.Exec(ctx, "DELETE FROM farm_minute WHERE at < ?", before.UnixMicro()) })
	}
	if err == nil {
		err = s.vacuum(ctx)
	}
	if err != nil {
		return fmt.Errorf("dropping rollups of minutes before %s: %w", before.UTC().Format(time.RFC3339), err)
	}
	return nil
}

// inSteps does what drops some rows, a transaction at a time, until there are none.
func (s *Store) inSteps(ctx context.Context, query string, args ...any) error {
	for {
		var n int64
		err := s.write(ctx, func(t *tx) (err error) {
			n, err = t.affected(ctx, query, args...)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// giveBack gives free pages back to the disk, as far as it can be done: what is left
// goes with the next ones.
func (s *Store) giveBack(ctx context.Context) { _ = s.vacuum(ctx) }

// vacuum gives free pages back to the disk, some at a time.
func (s *Store) vacuum(ctx context.Context) error {
	for {
		var free, after int64
		count := func(to *int64) error {
			return s.query(ctx, "PRAGMA freelist_count", nil, func(scan relational.Scan) error { return scan(to) })
		}
		if err := count(&free); err != nil || free <= keepPages {
			return err
		}
		n := min(free-keepPages, vacuumPages)
		if _, err := s.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n)); err != nil {
			return fmt.Errorf("giving disk back: %w", s.judge(err))
		}
		if err := count(&after); err != nil || after >= free {
			return err
		}
	}
}
