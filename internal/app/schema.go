package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/store/migrations"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/sqlite"
)

// Schema looks after the tables of the database that a configuration names.
type Schema struct {
	schema

	// dir is the data directory that the database is in, empty for one elsewhere.
	dir string
}

type schema interface {
	Latest() int64
	Migrate(ctx context.Context, to int64) error
	Status(ctx context.Context) ([]migrations.Step, error)
	Reset(ctx context.Context) error
	Close() error
}

// OpenSchema opens the database of storage.url, or the one in data_dir.
func OpenSchema(cfg *config.Config) (*Schema, error) {
	if url := cfg.Storage.URL.Reveal(); url != "" {
		s, err := postgres.Schema(url)
		if err != nil {
			return nil, err
		}
		return &Schema{schema: s}, nil
	}
	path := filepath.Join(cfg.DataDir, databaseName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no " + path + " yet; `loka start` makes it, --data or -c says where it is")
	}
	s, err := sqlite.Schema(path)
	if err != nil {
		return nil, err
	}
	return &Schema{s, cfg.DataDir}, nil
}

// CheckDatabase says what is wrong with the URL of a database, as far as that can be
// said without it. Of the URL, which has a password in it, the error says nothing.
func CheckDatabase(url string) error {
	s, err := postgres.Schema(url)
	if err != nil {
		return err
	}
	return s.Close()
}

// Migrate goes forward or back to a version. It is an error while a proxy uses the
// data directory, whose tables must not change beneath it.
func (s *Schema) Migrate(ctx context.Context, to int64) error {
	return s.alone(func() error { return s.schema.Migrate(ctx, to) })
}

// Reset drops all that is ours; see [Schema.Migrate].
func (s *Schema) Reset(ctx context.Context) error {
	return s.alone(func() error { return s.schema.Reset(ctx) })
}

// alone does something while no proxy uses the data directory.
func (s *Schema) alone(do func() error) error {
	if s.dir == "" {
		return do()
	}
	lock, err := lockDir(s.dir)
	if err != nil {
		return err
	}
	err = do()
	if lock != nil {
		err = errors.Join(err, lock.Close())
	}
	return err
}
