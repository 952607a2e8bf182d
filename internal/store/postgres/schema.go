package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/loka/stratum/internal/store/migrations"
)

// SchemaOf is the schema of a database.
type SchemaOf struct {
	db     *sql.DB
	schema *migrations.Schema
}

// Schema looks after the schema of the database at a URL. It does not connect yet.
func Schema(url string) (*SchemaOf, error) {
	cfg, err := configure(url)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*cfg.ConnConfig)
	schema, err := migrations.New(db, migrations.Postgres, nameOf(cfg))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &SchemaOf{db, schema}, nil
}

// Latest is the last version that this program knows.
func (s *SchemaOf) Latest() int64 { return s.schema.Knows() }

// Migrate goes forward or back to a version; see [migrations.Schema.To].
func (s *SchemaOf) Migrate(ctx context.Context, to int64) error { return s.schema.To(ctx, to) }

// Status lists the steps of the schema and which the database has.
func (s *SchemaOf) Status(ctx context.Context) ([]migrations.Step, error) {
	return s.schema.Status(ctx)
}

// Reset drops all that is ours.
func (s *SchemaOf) Reset(ctx context.Context) error { return s.schema.Reset(ctx) }

// Close lets go of the server.
func (s *SchemaOf) Close() error { return s.db.Close() }
