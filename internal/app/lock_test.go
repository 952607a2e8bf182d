package app_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/testkit/process"
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

// An address in use is an error at once, and what was bound before is free.
func TestAddressInUse(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	miners := process.FreePort(t)
	cfg, problems := config.Load(fmt.Appendf(nil,
		"data_dir = %q\n[server]\nlisten = [%q]\n[http]\nlisten = %q\n[[pool]]\nname = \"main\"\nurl = \"127.0.0.1:1\"\nusername = \"a\"\n",
		t.TempDir(), miners, taken.Addr()), "test.toml", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a, err := app.New(cfg, app.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("run with the page's address in use: %v", err)
	}
	again, err := lc.Listen(t.Context(), "tcp", miners)
	if err != nil {
		t.Fatalf("the miners' address is not free again: %v", err)
	}
	_ = again.Close()
}
