package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStorage(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+`[storage]
url = "postgresql://loka:s%40cret@db.example.com:5432/loka?sslmode=verify-full"
keep_shares = "0s"
keep_minutes = "1h"
max_disk = "64MiB"
archive = true
`, Options{})
	if s := c.Storage; !strings.HasPrefix(s.URL.Reveal(), "postgresql://loka:s") || s.KeepShares != 0 || s.KeepMinutes != time.Hour ||
		s.MaxDisk != 64<<20 || !s.Archive {
		t.Errorf("got %+v", s)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0].String(), `storage.archive: has no effect with keep_shares = "0s"`) {
		t.Errorf("notes: %v", c.Notes)
	}
	if c.Storage.URL.String() == c.Storage.URL.Reveal() {
		t.Error("the URL is printed as it is")
	}
	c = load(t, minimal, Options{})
	if got := c.Storage; got != (Storage{KeepShares: 48 * time.Hour, KeepMinutes: 720 * time.Hour, MaxDisk: 10 << 30}) {
		t.Errorf("without a table: %+v", got)
	}
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://h":                               "",
		"postgres://u:hunter2@h:5432/db":             "",
		"postgres://u:hunter2@[::1]:5432/db":         "",
		"postgresql:///db?host=/var/run/postgresql":  "",
		"postgres://u@/db?host=%2Frun&user=x":        "",
		"postgres://u:hunter2@":                      "no host named; write",
		"postgres:///db":                             "no host named; write",
		"postgres:hunter2":                           "no host named; write",
		"mysql://u:hunter2@h/db":                     "not a PostgreSQL database; write",
		"hunter2":                                    "not a PostgreSQL database; write",
		"host=h user=u password=hunter2":             "not a PostgreSQL database; write",
		"postgres://u:hunter2%zz@h/db":               "not a URL; write",
		"postgres://u:hunter2/x@h:notaport:hunter/b": "not a URL; write",
		"postgres://u:hun@ter2@h/db":                 "not a URL; write",
		"postgres://u:1234/hunter2@h/db":             "not a URL; write",
		"postgres://u:1234?hunter2@h/db":             "not a URL; write",
		"postgres://u%40x:h%40%2F@h/db?user=u@x":     "",
	} {
		file := minimal + "[storage]\nurl = '" + url + "'\n"
		if want == "" {
			load(t, file, Options{})
			continue
		}
		got := problemsOf(t, file, Options{})
		if len(got) != 1 || got[0].Key != "storage.url" || !strings.HasPrefix(got[0].Text, want) || strings.Contains(got.Error(), "hunter2") {
			t.Errorf("%s: %v", url, got)
		}
	}
}

// What whoever connects would not take is a mistake of the file.
func TestDatabaseThatIsRefused(t *testing.T) {
	t.Parallel()
	var asked []string
	opts := Options{Database: func(url string) error {
		asked = append(asked, url)
		return errors.New("sslmode is invalid")
	}}
	const url = "postgres://u:hunter2@h/db?sslmode=perhaps"
	got := problemsOf(t, minimal+"[storage]\nurl = '"+url+"'\n", opts)
	if len(got) != 1 || got[0].Key != "storage.url" || !strings.HasPrefix(got[0].Text, "sslmode is invalid; write") || strings.Contains(got.Error(), "hunter2") {
		t.Errorf("got %v", got)
	}
	if got := problemsOf(t, minimal+"[storage]\nurl = 'mysql://h'\n", opts); len(got) != 1 {
		t.Errorf("another kind of database: %v", got)
	}
	load(t, minimal, opts)
	if len(asked) != 1 || asked[0] != url {
		t.Errorf("asked of %q", asked)
	}
}

func TestStorageBounds(t *testing.T) {
	t.Parallel()
	got := problemsOf(t, minimal+"[storage]\nkeep_shares = \"59m\"\nkeep_minutes = \"0s\"\nmax_disk = \"63MiB\"\n", Options{}).Error()
	for _, want := range []string{
		`storage.keep_shares: "59m" is out of range; write a duration of at least "1h", or "0s" to keep no single shares`,
		`storage.keep_minutes: "0s" is out of range; write a duration of at least "1h"`,
		`storage.max_disk: "63MiB" is out of range; write a size of at least "64MiB"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if got := problemsOf(t, minimal+"[storage]\nkeep_shares = \"-1h\"\n", Options{}); len(got) != 1 {
		t.Errorf("a time below nothing: %v", got)
	}
}
