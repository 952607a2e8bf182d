package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// Only what a run goes on from is forgotten, and not while a proxy goes on from it.
func TestForget(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := app.Forget(dir); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	cfg, problems := config.Load(fmt.Appendf(nil,
		"data_dir = %q\n[[pool]]\nname = \"main\"\nurl = \"127.0.0.1:1\"\nusername = \"a\"\n", dir), "test.toml", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a, err := app.New(cfg, app.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Forget(dir); !errors.Is(err, app.ErrInUse) {
		t.Errorf("while a proxy uses it: %v", err)
	}
	a.Close()
	for _, name := range []string{"loka.db.bad", "loka.db.bad.1-wal", "control.json", "control.json.bad", "pools.json.tmp-12", "loka.dbx", "photo.jpg", "control.json.mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := app.Forget(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"api.token", "archive", "control.json.mine", "instance", "lock", "loka.dbx", "photo.jpg"}; !slices.Equal(names, want) {
		t.Errorf("left are %v, want %v", names, want)
	}
}
