package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// What an earlier run has found is said of a route where it keeps miners at their
// pool, and only there.
func TestRemarks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const found = `{"version":1,"pools":{
		"wide":{"url":"stratum+tcp://w:1","version_bits":"replace","extranonce2_size":8},
		"six":{"url":"stratum+tcp://s:1","version_bits":"replace","extranonce2_size":6},
		"three":{"url":"stratum+tcp://t:1","version_bits":"replace","extranonce2_size":3},
		"moved":{"url":"stratum+tcp://elsewhere:1","version_bits":"replace","extranonce2_size":2},
		"old":{"url":"stratum+tcp://o:1","version_bits":"replace"}}}`
	if err := os.WriteFile(filepath.Join(dir, "pools.json"), []byte(found), 0o600); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for name, host := range map[string]string{"wide": "w", "six": "s", "three": "t", "moved": "m", "old": "o", "new": "n"} {
		fmt.Fprintf(&all, "[[pool]]\nname = %q\nurl = \"%s:1\"\nusername = \"u\"\n", name, host)
	}
	pools := all.String()
	for route, want := range map[string][]string{
		`pools = ["wide", "six", "moved", "old", "new"]`: nil,
		`pools = ["three"]`:                                 nil,
		`pools = ["wide", "three"]`:                         {"route farm: pool three has given an extranonce2 of 3 bytes, which leaves no room for several miners on a connection; "},
		"pools = [\"wide\", \"six\"]\nextranonce2_size = 6": {"route farm: pool six has given an extranonce2 of 6 bytes, which leaves no room for several miners on a connection beside the extranonce2_size of 6 that the route asks for; "},
	} {
		cfg, problems := config.Load([]byte(fmt.Sprintf("data_dir = %q\n%s[[route]]\nname = \"farm\"\n%s\n", dir, pools, route)), "f", config.Options{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		got := app.Remarks(cfg)
		if len(got) != len(want) || len(want) > 0 && !strings.HasPrefix(got[0], want[0]) {
			t.Errorf("%s: %q, want %q", route, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "pools.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _ := config.Load([]byte(fmt.Sprintf("data_dir = %q\n%s", dir, pools)), "f", config.Options{})
	if got := app.Remarks(cfg); got != nil {
		t.Errorf("of a broken file: %q", got)
	}
}
