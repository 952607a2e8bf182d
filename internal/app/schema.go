package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/store/migrations"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/sqlite"
)

// Schema looks after the tables of the database that a configuration names.
type Schema struct {
	schema

	// dir is the data directory that the database is in, empty for one elsewhere;
	// record is the one whose record of acts has what is done.
	dir, record string
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
		return &Schema{schema: s, record: cfg.DataDir}, nil
	}
	path := filepath.Join(cfg.DataDir, databaseName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no " + path + " yet; `loka start` makes it, --data or -c says where it is")
	}
	s, err := sqlite.Schema(path)
	if err != nil {
		return nil, err
	}
	return &Schema{s, cfg.DataDir, cfg.DataDir}, nil
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
	const what = "loka database migrate"
	before := s.version(ctx)
	if err := s.alone(func() error { return s.schema.Migrate(ctx, to) }); err != nil {
		return errors.Join(err, s.actedInPart(ctx, what, before))
	}
	return s.acted(what, before, atVersion{to})
}

// Reset drops all that is ours; see [Schema.Migrate].
func (s *Schema) Reset(ctx context.Context) error {
	const what = "loka database reset"
	before := s.version(ctx)
	if err := s.alone(func() error { return s.schema.Reset(ctx) }); err != nil {
		return errors.Join(err, s.actedInPart(ctx, what, before))
	}
	return s.acted(what, before, nil)
}

// actedInPart keeps what was done of what failed or was stopped: a step back has dropped
// what it drops, whatever became of the next one.
func (s *Schema) actedInPart(ctx context.Context, what string, before any) error {
	after := s.version(context.WithoutCancel(ctx))
	if after == nil || after == before {
		return nil
	}
	return s.acted(what, before, after)
}

// atVersion is what the database is at, for the record of acts.
type atVersion struct {
	Version int64 `json:"version"`
}

// version is the one that the database has; nil where that cannot be said.
func (s *Schema) version(ctx context.Context) any {
	steps, err := s.Status(ctx)
	if err != nil {
		return nil
	}
	var has atVersion
	for _, step := range steps {
		if step.Applied {
			has.Version = step.Version
		}
	}
	return has
}

// acted keeps what was done.
func (s *Schema) acted(what string, before, after any) error {
	who := "uid " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		who = "user " + u.Username + " (" + who + ")"
	}
	return actedHere(s.record, audit.Act{At: time.Now().UTC(), Who: who, What: what, Before: before, After: after})
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
