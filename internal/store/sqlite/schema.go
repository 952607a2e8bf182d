package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/loka/stratum/internal/store/migrations"
)

// SchemaOf is the schema of a database in a file.
type SchemaOf struct {
	path   string
	db     *sql.DB
	schema *migrations.Schema
}

// Schema looks after the schema of the database in a file, which nobody else may use
// meanwhile. A file that is not there is made.
func Schema(path string) (*SchemaOf, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", source(path, false))
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	schema, err := migrations.New(db, migrations.SQLite, path)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &SchemaOf{path, db, schema}, nil
}

// Latest is the last version that this program knows.
func (s *SchemaOf) Latest() int64 { return s.schema.Knows() }

// Migrate goes forward or back to a version; see [migrations.Schema.To].
func (s *SchemaOf) Migrate(ctx context.Context, to int64) error {
	return judge(s.path, s.schema.To(ctx, to))
}

// Status lists the steps of the schema and which the database has.
func (s *SchemaOf) Status(ctx context.Context) ([]migrations.Step, error) {
	steps, err := s.schema.Status(ctx)
	return steps, judge(s.path, err)
}

// Reset drops all that is ours.
func (s *SchemaOf) Reset(ctx context.Context) error { return judge(s.path, s.schema.Reset(ctx)) }

// Close lets go of the file.
func (s *SchemaOf) Close() error { return s.db.Close() }
