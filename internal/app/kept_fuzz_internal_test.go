package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/vardiff"
)

// Whatever a disk has made of the files in data_dir, a start goes on: what cannot be
// read is said and set aside, and nobody is sent to what is not configured.
func FuzzKeptFiles(f *testing.F) {
	path := filepath.Join(f.TempDir(), "kept.json")
	for _, text := range []string{
		"", "{", "null", "[]", `{"version":1}`, `{"version":99}`,
		`{"version":1,"drained":["a","gone"],"disabled":["b"],"pinned":{"farm":"b","other":"a","gone":"a"}}`,
		`{"version":1,"splits":{"farm":{"split":[{"pool":"a","weight":1}],"file":""}}}`,
		`{"version":1,"pools":{"a":{"url":"stratum+tcp://a:1","one_worker_at":"2026-01-01T00:00:00Z","version_bits":"xor","extranonce2_size":-5}}}`,
		`[{"login":"a","hashrate":1e308,"at":"2026-01-01T00:00:00Z"},{"login":"","hashrate":-1}]`,
	} {
		f.Add([]byte(text))
	}
	log := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, text []byte) {
		write := func() {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write()
		pools := []hub.PoolConfig{{Name: "a", Endpoint: dial.Endpoint{Host: "a", Port: 1}}}
		loadFindings(path, log).recall(pools)

		h := newSteered()
		c := newControl(path, h, h.config(), log)
		for route, pool := range c.pinned {
			if h.routes[route] == "" || pool == "" {
				t.Errorf("route %q is pinned to %q", route, pool)
			}
		}
		if _, err := readControl(path); err != nil {
			t.Errorf("the next start cannot read what this one left: %v", err)
		}
		for _, aside := range asides(t, path) {
			_ = os.Remove(aside)
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		memory := vardiff.NewMemory()
		if err := (hashrates{memory: memory}).Recall(text, now); err != nil {
			return
		}
		for _, e := range memory.Entries(now) {
			if e.Hashrate < 0 {
				t.Errorf("%q is remembered at %v", e.Login, e.Hashrate)
			}
		}
	})
}

// asides are the files beside one that is kept.
func asides(t *testing.T, path string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(path), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && name != path {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
