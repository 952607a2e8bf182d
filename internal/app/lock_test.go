package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// Two processes on one data directory would overwrite each other's totals.
func TestDataDirIsTakenOnce(t *testing.T) {
	cfg, problems := config.Load(fmt.Appendf(nil,
		"data_dir = %q\n[[pool]]\nname = \"main\"\nurl = \"127.0.0.1:1\"\nusername = \"a\"\n", t.TempDir()), "test.toml", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	first, err := app.New(cfg, app.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.New(cfg, app.Deps{}); err == nil || !strings.Contains(err.Error(), "another loka uses it") {
		t.Errorf("a second app on the same data_dir: %v", err)
	}
	first.Close()
	second, err := app.New(cfg, app.Deps{})
	if err != nil {
		t.Fatalf("after the first is closed: %v", err)
	}
	second.Close()
}
