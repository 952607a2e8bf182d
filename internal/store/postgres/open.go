package postgres

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/migrations"
	"github.com/loka/stratum/internal/store/relational"
)

const (
	// connectTimeout is how long a connection may take, where the URL does not say.
	connectTimeout = 5 * time.Second
	// connections is how many there are at most, where the URL does not say
	// (pool_max_conns).
	connections = 6
	// closePatience is how long calls and the server are waited for at the end.
	closePatience = 2 * time.Second
)

// Store is a warehouse in a PostgreSQL server. Any number of goroutines may use it.
type Store struct {
	*relational.Store[*tx]

	// Static after construction.
	pool  *pgxpool.Pool
	lines *lines
	name  string
	// migrating is held by who brings the schema up to date.
	migrating chan struct{}

	mu sync.Mutex // guards what follows
	// migrated says that the schema was found to be up to date.
	migrated bool
	// days are those that have a partition, as far as is known.
	days map[string]bool
}

var _ store.Warehouse = (*Store)(nil)

// New is a warehouse at a URL, such as postgres://user:password@host/database. It
// does not connect: the first call does that, and brings the schema up to date.
func New(ctx context.Context, url string) (*Store, error) {
	cfg, err := configure(url)
	if err != nil {
		return nil, err
	}
	s := &Store{name: nameOf(cfg), lines: &lines{open: map[*line]bool{}}, migrating: make(chan struct{}, 1), days: map[string]bool{}}
	cfg.ConnConfig.DialFunc = s.lines.dialer(cfg.ConnConfig.DialFunc)
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), cfg); err != nil {
		return nil, fmt.Errorf("database %s: %w", s.name, err)
	}
	s.Store = relational.New[*tx](&engine{s}, dialect())
	return s, nil
}

// configure reads a URL. An error does not tell a password.
func configure(url string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database's URL cannot be read%s", reason(err)) //nolint:err113 // the driver's has the URL in it
	}
	if !strings.Contains(url, "pool_max_conns") {
		cfg.MaxConns = connections
	}
	cfg.MinConns, cfg.MinIdleConns = 0, 0
	// A server that has lost its power says nothing: that is noticed within a minute.
	cfg.ConnConfig.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 4},
	}).DialContext
	cfg.ConnConfig.ConnectTimeout = cmp.Or(cfg.ConnConfig.ConnectTimeout, connectTimeout)
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "loka"
	}
	return cfg, nil
}

// reason is the driver's own words of an error about a URL, without the URL and
// without what is quoted of it: it takes a password out of what is well formed only.
func reason(err error) string {
	all := err.Error()
	words, _, _ := strings.Cut(all[strings.LastIndex(all, "`: ")+1:], " (")
	words = strings.TrimPrefix(words, ": ")
	if strings.HasSuffix(words, "TLS") {
		words = "sslmode is invalid or a certificate that it needs cannot be read"
	}
	if strings.Trim(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ _") != "" {
		return ""
	}
	return ": " + words
}

// nameOf names a database, without its user and password.
func nameOf(cfg *pgxpool.Config) string {
	return fmt.Sprintf("%s:%d/%s", cfg.ConnConfig.Host, cfg.ConnConfig.Port, cfg.ConnConfig.Database)
}

// Migrate brings the schema up to date, if that was not done yet. All other methods
// do it themselves. A database that is newer than this program is a
// [*store.NewerSchemaError].
func (s *Store) Migrate(ctx context.Context) error {
	if s.isMigrated() {
		return nil
	}
	select {
	case s.migrating <- struct{}{}:
		defer func() { <-s.migrating }()
	case <-ctx.Done():
		return fmt.Errorf("database %s: %w", s.name, context.Cause(ctx))
	}
	if s.isMigrated() {
		return nil
	}
	db := stdlib.OpenDB(*s.pool.Config().ConnConfig)
	defer func() { _ = db.Close() }() // it has served its purpose
	schema, err := migrations.New(db, migrations.Postgres, s.name)
	if err != nil {
		return err
	}
	if err := schema.Up(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.migrated = true
	return nil
}

// isMigrated says that the schema was found to be up to date.
func (s *Store) isMigrated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.migrated
}

// forget forgets what is known of the database: it may be another one by now.
func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.migrated = false
	clear(s.days)
}

// Close lets go of the server. It waits for calls that are under way, but not for long.
func (s *Store) Close() error {
	late := time.AfterFunc(closePatience, s.lines.cutAll)
	defer late.Stop()
	s.pool.Close()
	return nil
}
