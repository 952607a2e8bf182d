package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/store/migrations"
)

// fakeSchema has two steps, of which one is applied.
type fakeSchema struct {
	said []string
	fail error
}

func (s *fakeSchema) say(format string, args ...any) error {
	s.said = append(s.said, fmt.Sprintf(format, args...))
	return s.fail
}

func (s *fakeSchema) Latest() int64                             { return 2 }
func (s *fakeSchema) Migrate(_ context.Context, to int64) error { return s.say("migrate %d", to) }
func (s *fakeSchema) Reset(context.Context) error               { return s.say("reset") }
func (s *fakeSchema) Close() error                              { return s.say("close") }
func (s *fakeSchema) Status(context.Context) ([]migrations.Step, error) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return []migrations.Step{{Version: 1, Name: "first", Applied: true, At: at}, {Version: 2, Name: "submissions", Applied: false, At: time.Time{}}}, s.say("status")
}

// A variable with no URL of a database is a mistake of whoever set it, and may be a
// password.
func TestDatabaseOfNoURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"hunter2", "postgre://u:hunter2@h/db", "postgres://u:1234/hunter2@h/db", "postgres://u:hunter2@h/db?sslmode=perhaps"} {
		b, s := newBench(), new(fakeSchema)
		b.env.openSchema = func(*config.Config) (schema, error) { return s, nil }
		b.env.lookup = func(name string) (string, bool) { return url, name == "LOKA_STORAGE_URL" }
		code := b.run("database", "status")
		if text := b.stderr.String(); code != exitUsage || len(s.said) > 0 || !strings.HasPrefix(text, "loka: LOKA_STORAGE_URL: ") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: exit code %d, came to %q, said %q", url, code, s.said, text)
		}
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		code         int
		said         string
		stdout, errs string
	}{
		"migrate":           {exitOK, "migrate 2; close", "the database has version 2\n", ""},
		"migrate --to 1":    {exitOK, "migrate 1; close", "the database has version 1\n", ""},
		"migrate --to 0":    {exitOK, "migrate 0; close", "the database has version 0\n", ""},
		"migrate --to=-1":   {exitUsage, "", "", "--to -1 is no version; `loka database status` lists them"},
		"migrate --to last": {exitUsage, "", "", "see `loka database migrate --help`"},
		"status": {exitOK, "status; close", "VERSION  NAME         SINCE\n" +
			"1        first        2026-01-31T12:00:00Z\n" +
			"2        submissions  -\n" +
			"the database has version 1, this loka knows 2\n", ""},
		"reset":       {exitUsage, "", "", "this drops all history, payouts and the audit record; give --yes"},
		"reset --yes": {exitOK, "reset; close", "the database is empty; `loka start` makes its tables anew\n", ""},
	} {
		b, s := newBench(), new(fakeSchema)
		b.env.openSchema = func(*config.Config) (schema, error) { return s, nil }
		code := b.run(append([]string{"database"}, strings.Fields(line)...)...)
		if got := strings.Join(s.said, "; "); code != want.code || got != want.said || b.stdout.String() != want.stdout || !strings.Contains(b.stderr.String(), want.errs) {
			t.Errorf("%s: exit code %d, came to %q, said %q%q", line, code, got, b.stdout, b.stderr)
		}
	}
	for _, line := range []string{"migrate", "status", "reset --yes"} {
		b, s := newBench(), &fakeSchema{fail: errors.New("locked")}
		b.env.openSchema = func(*config.Config) (schema, error) { return s, nil }
		if code := b.run(append([]string{"database"}, strings.Fields(line)...)...); code != exitFailed || b.stdout.String() != "" || !strings.Contains(b.stderr.String(), "loka: locked") {
			t.Errorf("%s: exit code %d, said %q%q", line, code, b.stdout, b.stderr)
		}
	}
}

// The database is that of the file, of the environment or of the data folder.
func TestDatabaseOf(t *testing.T) {
	t.Parallel()
	file := writeFile(t, goodFile+"[storage]\nurl = \"postgres://u:hunter2@file/db\"\n")
	for name, c := range map[string]struct {
		args []string
		vars map[string]string
		dir  string
		url  string
	}{
		"nothing":         {nil, nil, "data", ""},
		"a folder":        {[]string{"--data", "there"}, map[string]string{"LOKA_DATA_DIR": "here"}, "there", ""},
		"variables":       {nil, map[string]string{"LOKA_DATA_DIR": "here", "LOKA_STORAGE_URL": "postgres://h/db"}, "here", "postgres://h/db"},
		"a file":          {[]string{"-c", file}, nil, "data", "postgres://u:hunter2@file/db"},
		"a file and more": {[]string{"-c", file, "--data", "there"}, map[string]string{"LOKA_STORAGE_URL": "postgres://h/db"}, "there", "postgres://h/db"},
	} {
		b := newBench()
		maps.Copy(b.vars, c.vars)
		var got *config.Config
		b.env.openSchema = func(cfg *config.Config) (schema, error) { got = cfg; return new(fakeSchema), nil }
		code := b.run(append([]string{"database", "status"}, c.args...)...)
		if code != exitOK || got.DataDir != c.dir || got.Storage.URL.Reveal() != c.url {
			t.Errorf("%s: exit code %d, %+v, said %s", name, code, got, b.stderr)
		}
	}
	b := newBench()
	if code := b.run("database", "status", "-c", file+".not"); code != exitUsage || !strings.Contains(b.stderr.String(), "no such file") {
		t.Errorf("no file: exit code %d, said %s", code, b.stderr)
	}
}
