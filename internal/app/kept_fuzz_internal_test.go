package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/vardiff"
)

// Whatever a disk has made of the files in data_dir, a start goes on: what cannot be
// read is said and set aside, and nobody is sent to what is not configured.
func FuzzKeptFiles(f *testing.F) {
	path, dir := filepath.Join(f.TempDir(), "kept.json"), f.TempDir()
	for _, text := range []string{
		"", "{", "null", "[]", `{"version":1}`, `{"version":99}`,
		`{"version":1,"drained":["a","gone"],"disabled":["b"],"pinned":{"farm":"b","other":"a","gone":"a"}}`,
		`{"version":1,"splits":{"farm":{"split":[{"pool":"a","weight":1}],"file":""}}}`,
		`{"version":1,"pools":{"a":{"url":"stratum+tcp://a:1","one_worker_at":"2026-01-01T00:00:00Z","version_bits":"xor","extranonce2_size":-5}}}`,
		`[{"login":"a","hashrate":1e308,"at":"2026-01-01T00:00:00Z"},{"login":"","hashrate":-1}]`,
		`{"id":1,"at":"2026-01-01T00:00:05Z","kind":"proxy","what":"started"}` + "\n" +
			`{"id":3,"at":"2025-12-31T23:00:10Z","kind":"pool","pool":"a","to":"down"}` + "\n" + `{"id":2,"kind":"pool"}` + "\n" + `{"id":9,"at":"2025-12-31T22:00:00Z","kind":"pool","pool":"a","to":"up"}` + "\n",
		`{"id":18446744073709551615,"kind":"nothing","count":-1}` + "\n" + `{"id":7,"kind":"alert","value":1e999}` + "\n{\n",
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
		if err := os.WriteFile(filepath.Join(dir, eventsName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		remembered(t, newHappened(dir, log, now).log, now)
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

// remembered checks what was read of a file of events: each has an id of its own, new ones
// have larger ones that JavaScript can say, and a pool was in one state at a time.
func remembered(t *testing.T, of *events.Log, now time.Time) {
	t.Helper()
	of.Publish(events.Event{At: now, Kind: events.Proxy, What: events.Started})
	above := uint64(1) << 53
	for _, e := range of.Query(events.Filter{Limit: events.MaxPage}).Events {
		if e.ID == 0 || e.ID >= above {
			t.Errorf("an event has the id %d, the one after it %d", e.ID, above)
		}
		above = e.ID
	}
	line := of.Timeline("a", now.Add(-24*time.Hour), now)
	for at, i := line.From, 0; i < len(line.Intervals); i++ {
		if is := line.Intervals[i]; !is.From.Equal(at) || !is.From.Before(is.To) {
			t.Errorf("a state from %v to %v, after one until %v", is.From, is.To, at)
		}
		at = line.Intervals[i].To
	}
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
