package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/migrations"
	"github.com/loka/stratum/internal/store/relational"
)

const (
	// mode is the file's: it has names and earnings.
	mode = 0o600
	// readers is how many may read at a time.
	readers = 4
	// idLength is how many random characters a log's id has.
	idLength = 16
)

// Store is a database in a file: a log, what was settled, and a warehouse. Any
// number of goroutines may use it.
type Store struct {
	*relational.Store[*tx]

	// Static after construction.
	path   string
	id     string
	writer *sql.DB
	reader *sql.DB
}

var (
	_ store.Log       = (*Store)(nil)
	_ store.Settler   = (*Store)(nil)
	_ store.Local     = (*Store)(nil)
	_ store.Warehouse = (*Store)(nil)
)

// Open opens the database in a file, which is made where there is none, and brings
// its schema up to date. Whatever was not committed when it was used last is gone;
// all that was is there. A file that is damaged is a [*CorruptError], one that a
// newer program has used a [*store.NewerSchemaError]; both are left as they are. One
// process at a time may use it.
func Open(ctx context.Context, path string) (_ *Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	s := &Store{path: path}
	s.Store = relational.New[*tx](&engine{s}, dialect())
	if s.writer, err = sql.Open("sqlite", source(path, false)); err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", source(path, true)); err == nil {
		s.reader.SetMaxOpenConns(readers)
		s.reader.SetMaxIdleConns(readers)
		err = s.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening database %s: %w", path, s.judge(err)), s.Close())
	}
	return s, nil
}

// create makes the file, so that SQLite, whose own have the file's mode, makes none
// that others can read.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, mode) //nolint:gosec // the operator says where it is
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode), f.Close())
}

// source is how the driver is told of a file. What has to be said before there is a
// page in it comes first.
func source(path string, read bool) string {
	pragmas := []string{
		"busy_timeout(5000)",
		"auto_vacuum(INCREMENTAL)",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(ON)",
		"wal_autocheckpoint(1000)",     // pages: the log of writes is about 4 MB,
		"journal_size_limit(16777216)", // and after a large transaction is cut to 16
		"cache_size(-32768)",
	}
	lock := "immediate"
	if read {
		pragmas = []string{"busy_timeout(5000)", "query_only(ON)", "cache_size(-8192)"}
		lock = "deferred"
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas, "_txlock": {lock}}.Encode()}
	return u.String()
}

// begin brings the schema up to date and reads what log it is.
func (s *Store) begin(ctx context.Context) error {
	schema, err := migrations.New(s.writer, migrations.SQLite, s.path)
	if err != nil {
		return err
	}
	if err := schema.Up(ctx); err != nil {
		return err
	}
	err = s.write(ctx, func(t *tx) error {
		return t.Exec(ctx, "INSERT INTO log (one, id, settled, counted, offered, last, bytes, shares) VALUES (1, ?, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING", rand.Text()[:idLength])
	})
	if err != nil {
		return err
	}
	return s.checkLog(ctx)
}

// checkLog reads the log's id and holds what it says of its frames to the frames.
func (s *Store) checkLog(ctx context.Context) error {
	var settled, last, least, most int64
	err := s.query(ctx, "SELECT id, settled, last, coalesce((SELECT min(number) FROM journal), settled + 1), coalesce((SELECT max(number) FROM journal), settled) FROM log",
		nil, func(scan relational.Scan) error { return scan(&s.id, &settled, &last, &least, &most) })
	if err != nil {
		return err
	}
	if s.id == "" || least != settled+1 || most != last {
		return &CorruptError{Path: s.path, Err: fmt.Errorf("frames %d to %d are there, and should be %d to %d", least, most, settled+1, last)} //nolint:err113 // goes into a typed one
	}
	return nil
}

// Close lets go of the file.
func (s *Store) Close() error {
	var err error
	if s.reader != nil {
		err = s.reader.Close()
	}
	// The writer last: it takes what there is in the log of writes into the file.
	if err = errors.Join(err, s.writer.Close()); err != nil {
		return fmt.Errorf("closing database %s: %w", s.path, err)
	}
	return nil
}
