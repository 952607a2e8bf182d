package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/loka/stratum/internal/store"
)

// files are the steps. Each way of one is a single statement to goose, for its reader
// takes 4 MiB for every line to see whether a statement ends there.
//
//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// table is where a database has its version.
const table = "loka_schema"

// lockKey is the number of the lock that whoever changes a PostgreSQL schema
// holds, so that of several instances that start at once one does it.
const lockKey = 0x6c6f6b61

// Kind is a kind of database.
type Kind uint8

// The kinds.
const (
	SQLite Kind = iota
	Postgres
)

// Step is one step of a schema.
type Step struct {
	Version int64
	Name    string
	// Applied says that the database has it, and At since when.
	Applied bool
	At      time.Time
}

// Schema is the schema of one database.
type Schema struct {
	db       *sql.DB
	kind     Kind
	name     string
	provider *goose.Provider
}

// New looks after the schema of a database, which it neither reads nor closes. Of
// Postgres it needs two connections at a time. The name is for errors.
func New(db *sql.DB, kind Kind, name string) (*Schema, error) {
	dialect, dir := goose.DialectSQLite3, "sqlite"
	options := []goose.ProviderOption{goose.WithTableName(table), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if kind == Postgres {
		dialect, dir = goose.DialectPostgres, "postgres"
	} else {
		options = append(options, goose.WithGoMigrations(submissions()))
	}
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", name, err)
	}
	provider, err := goose.NewProvider(dialect, db, sub, options...)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", name, err)
	}
	return &Schema{db: db, kind: kind, name: name, provider: provider}, nil
}

// Knows is the last version that this program knows.
func (s *Schema) Knows() int64 {
	sources := s.provider.ListSources()
	return sources[len(sources)-1].Version
}

// Up goes forward to the last version.
func (s *Schema) Up(ctx context.Context) error { return s.To(ctx, s.Knows()) }

// To goes forward or back to a version; 0 is without any table but that of the
// version. What a step back drops is lost. Of several that call it at once one
// does it. A database that is newer than this program is a
// [*store.NewerSchemaError].
func (s *Schema) To(ctx context.Context, version int64) error {
	return s.locked(ctx, func() error { return s.to(ctx, version) })
}

// to does it under the lock.
func (s *Schema) to(ctx context.Context, version int64) error {
	if version < 0 || version > s.Knows() {
		return fmt.Errorf("migrating %s to %d: versions are from 0 to %d", s.name, version, s.Knows())
	}
	has, err := s.version(ctx)
	if err != nil {
		return err
	}
	switch {
	case has > s.Knows():
		return &store.NewerSchemaError{Database: s.name, Has: has, Knows: s.Knows()}
	case has < version:
		_, err = s.provider.UpTo(ctx, version)
	case has > version:
		_, err = s.provider.DownTo(ctx, version)
	}
	if err != nil {
		return fmt.Errorf("migrating %s from %d to %d: %w", s.name, has, version, err)
	}
	return nil
}

// Status lists all steps. It changes nothing.
func (s *Schema) Status(ctx context.Context) ([]Step, error) {
	has, err := s.version(ctx)
	if err != nil {
		return nil, err
	}
	if has > s.Knows() {
		return nil, &store.NewerSchemaError{Database: s.name, Has: has, Knows: s.Knows()}
	}
	var steps []Step
	for _, source := range s.provider.ListSources() {
		steps = append(steps, Step{Version: source.Version, Name: stepName(source)})
	}
	if has == 0 {
		return steps, nil
	}
	status, err := s.provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the schema version of %s: %w", s.name, err)
	}
	for i, one := range status {
		steps[i].Applied, steps[i].At = one.State == goose.StateApplied, one.AppliedAt.UTC()
	}
	return steps, nil
}

// Reset drops all that is ours.
func (s *Schema) Reset(ctx context.Context) error {
	return s.locked(ctx, func() error {
		if err := s.to(ctx, 0); err != nil {
			return err
		}
		if _, err := s.db.ExecContext(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
			return fmt.Errorf("dropping the schema version of %s: %w", s.name, err)
		}
		return nil
	})
}

// version is the database's; 0 where it has none.
func (s *Schema) version(ctx context.Context) (int64, error) {
	query := "SELECT count(*) FROM sqlite_master WHERE name = '" + table + "'"
	if s.kind == Postgres {
		query = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('" + table + "')"
	}
	var there int
	if err := s.db.QueryRowContext(ctx, query).Scan(&there); err != nil {
		return 0, fmt.Errorf("reading the schema version of %s: %w", s.name, err)
	}
	if there == 0 {
		return 0, nil
	}
	var version int64
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+table).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the schema version of %s: %w", s.name, err)
	}
	return version, nil
}

// locked calls do while no other process changes the schema. SQLite needs nothing
// for it: a step is a transaction, and one process has the file.
func (s *Schema) locked(ctx context.Context, do func() error) (err error) {
	if s.kind != Postgres {
		return do()
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", s.name, err)
	}
	defer func() {
		if closed := conn.Close(); err == nil && closed != nil {
			err = fmt.Errorf("unlocking the schema of %s: %w", s.name, closed)
		}
	}()
	// In a transaction, so that the lock ends with it, whatever happens.
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("locking the schema of %s: %w", s.name, err)
	}
	defer func() {
		if ended := tx.Rollback(); err == nil && ended != nil {
			err = fmt.Errorf("unlocking the schema of %s: %w", s.name, ended)
		}
	}()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockKey)); err != nil {
		return fmt.Errorf("locking the schema of %s: %w", s.name, err)
	}
	return do()
}

// stepName is a step's name, without its number.
func stepName(source *goose.Source) string {
	if source.Path == "" {
		return "submissions"
	}
	_, name, _ := strings.Cut(strings.TrimSuffix(path.Base(source.Path), ".sql"), "_")
	return name
}
