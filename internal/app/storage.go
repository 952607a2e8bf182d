package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/journal"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/internal/view"
)

const (
	// databaseName is the file in data_dir.
	databaseName = "loka.db"
	// formerState is where totals were before there was a database.
	formerState = "state.json"
)

// storage is where shares are kept: on this disk, and in the warehouse, which may
// be the same.
type storage struct {
	disk      *sqlite.Store
	warehouse store.Warehouse
}

// openStorage opens what is in the data directory, and the warehouse. A database
// elsewhere need not be there yet.
func openStorage(cfg *config.Config, log *slog.Logger) (*storage, error) {
	ctx := context.Background()
	path := filepath.Join(cfg.DataDir, databaseName)
	disk, err := sqlite.Open(ctx, path)
	if _, damaged := errors.AsType[*sqlite.CorruptError](err); damaged {
		aside, moved := setDatabaseAside(path)
		if moved != nil {
			return nil, errors.Join(err, moved)
		}
		log.Error("the database cannot be read; figures begin anew", "error", err, "kept_as", aside)
		disk, err = sqlite.Open(ctx, path)
	}
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(cfg.DataDir, formerState)); err == nil {
		log.Warn("figures are in the database now; the file of an earlier version is not read, remove it", "file", filepath.Join(cfg.DataDir, formerState))
	}
	s := &storage{disk, disk}
	if url := cfg.Storage.URL.Reveal(); url != "" {
		if s.warehouse, err = postgres.New(ctx, url); err != nil {
			return nil, errors.Join(fmt.Errorf("storage.url: %w", err), disk.Close())
		}
	}
	return s, nil
}

// setDatabaseAside renames a database, and what SQLite keeps beside it.
func setDatabaseAside(path string) (aside string, err error) {
	aside, err = atomicfile.SetAside(path)
	if err != nil {
		return "", err
	}
	for _, of := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+of, aside+of); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}

func (s *storage) close(log *slog.Logger) {
	var err error
	if s.warehouse != store.Warehouse(s.disk) {
		err = s.warehouse.Close()
	}
	if err = errors.Join(err, s.disk.Close()); err != nil {
		log.Warn("the database could not be closed well", "error", err)
	}
}

// openBooks opens the books with all that is known of earlier runs.
func (a *App) openBooks(cfg *config.Config, instance string, rates *vardiff.Memory, now time.Time) (err error) {
	ctx := context.Background()
	if a.kept, err = openStorage(cfg, a.log); err != nil {
		return err
	}
	deps := journal.Deps{
		Disk: a.kept.disk, Warehouse: a.kept.warehouse, Logger: a.log,
		Memories: map[string]journal.Memory{"hashrates": hashrates{rates, a}},
	}
	if cfg.Storage.Archive {
		deps.Archive = func(ctx context.Context, day time.Time) error {
			return archive(ctx, cfg.DataDir, a.kept.warehouse, day)
		}
	}
	a.journal, err = journal.New(ctx, journal.Config{
		Instance: instance, KeepShares: cfg.Storage.KeepShares, KeepMinutes: cfg.Storage.KeepMinutes, MaxDisk: int64(cfg.Storage.MaxDisk),
		StopTimeout: cfg.Server.ShutdownTimeout / 3,
	}, deps)
	if err != nil {
		return err
	}
	first, err := a.journal.FirstID(ctx, now)
	if err != nil {
		return err
	}
	a.books = ledger.New(ledger.Config{Sink: a.happened.tap(a.journal), FirstID: first, OnOverflow: func(string) {
		a.log.Warn("too many workers: later names share the book of (other) until others have handed in nothing for a week",
			"most", ledger.DefaultMaxWorkers)
	}}, now)
	return a.journal.Restore(ctx, a.books, now)
}

// records serve what is kept.
func (a *App) records(cfg *config.Config, instance string) (*httpapi.Records, error) {
	cache, err := httpapi.NewCache(time.Now)
	if err != nil {
		return nil, err
	}
	return &httpapi.Records{
		Warehouse: a.kept.warehouse, Instance: instance, Now: time.Now, KeepMinutes: cfg.Storage.KeepMinutes,
		Complete: a.journal.Complete, Shipped: a.shipped, Cache: cache,
	}, nil
}

// shipped is until when the warehouse has all; the zero time while something may be in
// memory for long, or is on its way there.
func (a *App) shipped() time.Time {
	s := a.journal.Status()
	if s.Flush.Err != nil || s.Shipping {
		return time.Time{}
	}
	return s.Shipped
}

// keeping is how the keeping of shares goes.
func (a *App) keeping() view.Keeping {
	s := a.journal.Status()
	return view.Keeping{
		Pending: s.Pending, BacklogFrames: s.Backlog.Last - s.Backlog.Settled, BacklogBytes: s.Backlog.Bytes, Dropped: s.Dropped,
		JournalError: s.Flush.Err, JournalSince: s.Flush.Since, StoreError: s.Ship.Err, StoreSince: s.Ship.Since,
		LimitsError: s.Tidy.Err, LimitsSince: s.Tidy.Since, Shipped: s.Shipped,
	}
}

// hashrates are what is remembered of miners' hashrates.
type hashrates struct {
	memory *vardiff.Memory
	app    *App
}

// Remember implements [journal.Memory].
func (h hashrates) Remember(now time.Time) ([]byte, error) {
	h.app.hub.KeepRates(now)
	return json.Marshal(h.memory.Entries(now))
}

// Recall implements [journal.Memory].
func (h hashrates) Recall(data []byte, now time.Time) error {
	var all []vardiff.Remembered
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	h.memory.Restore(all, now)
	return nil
}
