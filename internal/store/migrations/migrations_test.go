package migrations_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/migrations"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/store/storetest"
	"github.com/loka/stratum/internal/testkit/pg"
)

// servers has the server of these tests.
var servers pg.Lazy

func TestMain(m *testing.M) {
	code := m.Run()
	if err := servers.Close(os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// sqliteDump is what makes up an SQLite database's schema.
const sqliteDump = "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"

// postgresDump is what makes up a PostgreSQL database's schema. A column's position counts
// those that were dropped before it.
const postgresDump = `SELECT concat_ws(' ', table_name, row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position), column_name, data_type, numeric_precision, numeric_scale, collation_name, is_nullable)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT concat_ws(' ', conrelid::regclass::text, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
ORDER BY 1`

// database is one that a schema is of.
type database struct {
	*sql.DB

	schema *migrations.Schema
	dump   string
	// fill makes a warehouse of it with something in it.
	fill func(t *testing.T)
}

// databases are one of each kind, with nothing in it.
func databases(t *testing.T) map[string]func(t *testing.T) *database {
	t.Helper()
	connect := func(t *testing.T, driver, source string, kind migrations.Kind) (*sql.DB, *migrations.Schema) {
		t.Helper()
		db, err := sql.Open(driver, source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		schema, err := migrations.New(db, kind, "test")
		if err != nil {
			t.Fatal(err)
		}
		return db, schema
	}
	return map[string]func(t *testing.T) *database{
		"sqlite": func(t *testing.T) *database {
			t.Helper()
			path := filepath.Join(t.TempDir(), "loka.db")
			db, schema := connect(t, "sqlite", path, migrations.SQLite)
			db.SetMaxOpenConns(1)
			return &database{db, schema, sqliteDump, func(t *testing.T) {
				t.Helper()
				w, err := sqlite.Open(t.Context(), path)
				if err != nil {
					t.Fatal(err)
				}
				fill(t, w)
			}}
		},
		"postgres": func(t *testing.T) *database {
			t.Helper()
			url := servers.Database(t)
			db, schema := connect(t, "pgx", url, migrations.Postgres)
			return &database{db, schema, postgresDump, func(t *testing.T) {
				t.Helper()
				w, err := postgres.New(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				fill(t, w)
			}}
		},
	}
}

// fill puts something into every kind of table.
func fill(t *testing.T, w store.Warehouse) {
	t.Helper()
	ctx := t.Context()
	share := store.Share{ID: 1, Worker: "u.w", Pool: "p", Route: "r", Verdict: mining.Accepted, Difficulty: 1}
	c := storetest.Chunk("a", "log", 1, 1, share)
	c.Blocks = []store.Block{{Hash: "00", Worker: "u.w", Pool: "p", Route: "r"}}
	if err := w.Apply(ctx, c); err != nil {
		t.Fatal(err)
	}
	e, err := w.Earn(ctx, store.Earning{Instance: "a", Pool: "p", Satoshi: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Distribute(ctx, store.Distribution{Earning: e, By: "user", Parts: []store.Part{{Name: "u", Satoshi: 1}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Audit(ctx, "a", store.Act{Who: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := w.KeepBans(ctx, "a", []store.Ban{{BanKey: store.BanKey{Kind: "ban", Login: "u.w"}, Times: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// schemaText is what makes up the schema now.
func (d *database) schemaText(t *testing.T) []string {
	t.Helper()
	rows, err := d.QueryContext(t.Context(), d.dump)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// to goes to a version and returns the schema there.
func (d *database) to(t *testing.T, version int64) []string {
	t.Helper()
	if err := d.schema.To(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	status, err := d.schema.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range status {
		if step.Applied != (step.Version <= version) || step.Name == "" || step.Applied == step.At.IsZero() {
			t.Errorf("at %d: %+v", version, step)
		}
	}
	return d.schemaText(t)
}

// ours leaves out what is the version's own.
func ours(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.Contains(line, "loka_schema") })
}

// aDay is the table of a day's single shares.
var aDay = regexp.MustCompile(`submissions_[0-9]{8}`)

// schemaOf leaves out the days that there are for what is in the database.
func schemaOf(lines []string) []string {
	return slices.DeleteFunc(ours(lines), aDay.MatchString)
}

// TestBackAndForth takes each step, back, and again, with something in the tables.
func TestBackAndForth(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			knows := d.schema.Knows()
			if status, err := d.schema.Status(t.Context()); err != nil || int64(len(status)) != knows || status[0].Applied {
				t.Fatalf("%+v, %v", status, err)
			}
			if left := d.schemaText(t); len(left) != 0 {
				t.Errorf("to ask for the status has made %q", left)
			}
			at := map[int64][]string{0: {}}
			for v := int64(1); v <= knows; v++ {
				at[v] = d.to(t, v)
				if diff := cmp.Diff(ours(at[v-1]), ours(d.to(t, v-1))); diff != "" {
					t.Errorf("back from %d (-before +after):\n%s", v, diff)
				}
				if diff := cmp.Diff(at[v], d.to(t, v)); diff != "" {
					t.Errorf("forth to %d again:\n%s", v, diff)
				}
			}
			d.fill(t)
			for v := knows - 1; v >= 0; v-- {
				if diff := cmp.Diff(schemaOf(at[v]), schemaOf(d.to(t, v))); diff != "" {
					t.Errorf("back to %d with something in it:\n%s", v, diff)
				}
			}
			d.fill(t)
			if err := d.schema.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left := d.schemaText(t); len(left) != 0 {
				t.Errorf("after a reset there is %q", left)
			}
			for _, wrong := range []int64{-1, knows + 1} {
				if err := d.schema.To(t.Context(), wrong); err == nil {
					t.Errorf("it went to version %d", wrong)
				}
			}
		})
	}
}

// TestNewer has a database that a later program has migrated.
func TestNewer(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			if err := d.schema.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := d.ExecContext(t.Context(), "INSERT INTO loka_schema (version_id, is_applied) VALUES (99, '1')"); err != nil {
				t.Fatal(err)
			}
			before := d.schemaText(t)
			_, status := d.schema.Status(t.Context())
			for what, err := range map[string]error{
				"up": d.schema.Up(t.Context()), "to": d.schema.To(t.Context(), 1), "reset": d.schema.Reset(t.Context()), "status": status,
			} {
				newer, ok := err.(*store.NewerSchemaError) //nolint:errorlint // it says all there is to say
				if !ok || newer.Has != 99 || newer.Knows != d.schema.Knows() || newer.Database != "test" {
					t.Errorf("%s: %v", what, err)
				}
			}
			if diff := cmp.Diff(before, d.schemaText(t)); diff != "" {
				t.Errorf("it was touched:\n%s", diff)
			}
		})
	}
}
