package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// Totals implements [store.Local]. They are read before f is called.
func (s *Store) Totals(ctx context.Context, f func(*store.Total) error) error {
	var all []store.Total
	err := s.query(ctx, "SELECT worker, pool, route, side, verdict, shares, work, value_sat, value_pico, blocks, best, last_share FROM totals", nil, func(scan relational.Scan) error {
		var t store.Total
		var last *int64
		if err := scan(&t.Worker, &t.Pool, &t.Route, &t.Side, &t.Verdict, &t.Shares, &t.Work, &t.Value.Sat, &t.Value.Pico, &t.Blocks, &t.Best, &last); err != nil {
			return err
		}
		if last != nil {
			t.Last = time.UnixMicro(*last).UTC()
		}
		all = append(all, t)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading totals: %w", err)
	}
	for i := range all {
		if err := f(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// Save implements [store.Local].
func (s *Store) Save(ctx context.Context, name string, data []byte) error {
	err := s.write(ctx, func(t *tx) error {
		return t.Exec(ctx, "INSERT INTO state (name, data) VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data", name, blob(data))
	})
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	return nil
}

// Load implements [store.Local]. Data that is empty is not nil.
func (s *Store) Load(ctx context.Context, name string) ([]byte, error) {
	var data []byte
	err := s.query(ctx, "SELECT data FROM state WHERE name = ?", []any{name}, func(scan relational.Scan) error {
		if err := scan(&data); err != nil {
			return err
		}
		data = blob(data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// Bytes implements [store.Local] and [store.Upkeep]: what the file, and the log of
// writes beside it, take.
func (s *Store) Bytes(context.Context) (int64, error) {
	var sum int64
	for _, end := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(s.path + end)
		switch {
		case err == nil:
			sum += info.Size()
		case !errors.Is(err, fs.ErrNotExist) || end == "":
			return 0, fmt.Errorf("reading the database's size: %w", err)
		}
	}
	return sum, nil
}
