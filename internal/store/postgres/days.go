package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

const (
	// dayLock is the number of the lock that whoever makes or drops a day holds.
	dayLock = 0x6c6f6b62
	// dropAtOnce is how many rows are dropped by one transaction.
	dropAtOnce = 50_000
)

// makeDays makes the partitions that shares go to. It is a transaction of its own:
// it keeps others away from all shares, but for a moment.
func (s *Store) makeDays(ctx context.Context, days []relational.Day) error {
	for i := range days {
		name := relational.Table(days[i].At)
		if len(days[i].Shares) == 0 || s.knowsDay(name) {
			continue
		}
		err := s.onDay(ctx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s PARTITION OF submissions FOR VALUES FROM ('%s') TO ('%s')",
			name, days[i].At.Format(time.RFC3339), days[i].At.Add(store.Day.Length()).Format(time.RFC3339)))
		if err != nil {
			return fmt.Errorf("making %s: %w", name, err)
		}
		s.mu.Lock()
		s.days[name] = true
		s.mu.Unlock()
	}
	return nil
}

// knowsDay says that a day is known to have a partition.
func (s *Store) knowsDay(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.days[name]
}

// onDay makes or drops a partition, one instance at a time.
func (s *Store) onDay(ctx context.Context, statement string) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.Exec(ctx, "SELECT pg_advisory_xact_lock(?)", int64(dayLock)); err != nil {
			return err
		}
		return t.Exec(ctx, statement)
	})
}

// Days implements [store.Upkeep].
func (s *Store) Days(ctx context.Context) ([]store.DayOfShares, error) {
	var days []store.DayOfShares
	err := s.query(ctx, `SELECT c.relname::text, pg_total_relation_size(c.oid) FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'submissions'::regclass ORDER BY 1`, nil, func(scan relational.Scan) error {
		var name string
		var d store.DayOfShares
		if err := scan(&name, &d.Bytes); err != nil {
			return err
		}
		day, err := time.Parse("submissions_"+relational.DayFormat, name)
		if err != nil {
			return nil //nolint:nilerr // somebody else's
		}
		d.Day = day
		days = append(days, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing days of shares: %w", err)
	}
	return days, nil
}

// DropDay implements [store.Upkeep]. A day that is not there was dropped before.
func (s *Store) DropDay(ctx context.Context, day time.Time) error {
	name := relational.Table(day)
	s.mu.Lock()
	delete(s.days, name)
	s.mu.Unlock()
	if err := s.onDay(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
		return fmt.Errorf("dropping the shares of %s: %w", day.UTC().Format("2006-01-02"), err)
	}
	return nil
}

// DropMinutes implements [store.Upkeep].
func (s *Store) DropMinutes(ctx context.Context, before time.Time) error {
	for _, table := range []string{"rollups_minute", "farm_minute"} {
		query := numbered("DELETE FROM " + table + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " + table + " WHERE at < ? LIMIT ?))")
		for n := int64(1); n > 0; {
			err := s.write(ctx, func(t *tx) error {
				tag, err := t.Tx.Exec(ctx, query, before.UTC(), dropAtOnce)
				n = tag.RowsAffected()
				return err
			})
			if err != nil {
				return fmt.Errorf("dropping rollups of minutes before %s: %w", before.UTC().Format(time.RFC3339), err)
			}
		}
	}
	return nil
}

// Bytes implements [store.Upkeep]: what the tables of the schema that ours are in
// take.
func (s *Store) Bytes(ctx context.Context) (int64, error) {
	var bytes int64
	err := s.query(ctx, `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_catalog.pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = 'submissions'::regclass)`,
		nil, func(scan relational.Scan) error { return scan(&bytes) })
	if err != nil {
		return 0, fmt.Errorf("reading the database's size: %w", err)
	}
	return bytes, nil
}
