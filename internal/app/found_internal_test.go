package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

func poolAt(name, host string) hub.PoolConfig {
	return hub.PoolConfig{Name: name, Endpoint: dial.Endpoint{Host: host, Port: 3333}}
}

func keep(t *testing.T, f *findings, pool string, found hub.Found) {
	t.Helper()
	if err := f.keep(pool, found); err != nil {
		t.Error(err)
	}
}

// What one run found the next one knows, unless the pool is elsewhere.
func TestFindingsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pools.json")
	log := slog.New(slog.DiscardHandler)
	when := time.Unix(1_750_000_000, 5).UTC()

	first := loadFindings(path, log)
	pools := []hub.PoolConfig{poolAt("a", "one"), poolAt("b", "two"), poolAt("c", "three")}
	first.recall(pools)
	for _, p := range pools {
		if p.Found != (hub.Found{}) {
			t.Errorf("%s begins with %+v", p.Name, p.Found)
		}
	}
	keep(t, first, "a", hub.Found{OneWorker: when, Reading: work.ReadXor})
	keep(t, first, "b", hub.Found{OneWorker: when})

	second := loadFindings(path, log)
	pools = []hub.PoolConfig{poolAt("a", "one"), poolAt("b", "elsewhere"), poolAt("new", "four")}
	second.recall(pools)
	got := []hub.Found{pools[0].Found, pools[1].Found, pools[2].Found}
	if diff := cmp.Diff([]hub.Found{{OneWorker: when, Reading: work.ReadXor}, {}, {}}, got); diff != "" {
		t.Errorf("recalled (-want +got):\n%s", diff)
	}
	keep(t, second, "new", hub.Found{Reading: work.ReadOr})
	third := loadFindings(path, log)
	if len(third.pools) != 3 || third.pools["c"] != (finding{}) {
		t.Errorf("kept %v", third.pools)
	}
	third.path = filepath.Join(path, "below", "a file")
	if third.keep("a", hub.Found{}) == nil {
		t.Error("what cannot be kept is no error")
	}
}

// Whom a pool pays may hang on our account there, at the next start and at a reload; what
// else was found does not.
func TestFindingsOfAnotherAccount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pools.json")
	log := slog.New(slog.DiscardHandler)
	found := hub.Found{Reading: work.ReadXor, Watch: watch.Known{Payouts: "=51", Tags: "=/x/"}}
	first := loadFindings(path, log)
	mine := poolAt("a", "one")
	mine.Account = "mine"
	first.recall([]hub.PoolConfig{mine})
	keep(t, first, "a", found)
	for account, want := range map[string]hub.Found{"mine": found, "another": {Reading: work.ReadXor}} {
		pools := []hub.PoolConfig{poolAt("a", "one")}
		pools[0].Account = account
		loadFindings(path, log).recall(pools)
		if diff := cmp.Diff(want, pools[0].Found); diff != "" {
			t.Errorf("%s at a start (-want +got):\n%s", account, diff)
		}
		reloaded := loadFindings(path, log)
		reloaded.recall([]hub.PoolConfig{mine})
		reloaded.replaced(pools)
		if at := reloaded.pools["a"]; at.Payouts != want.Watch.Payouts || at.Account != account || at.VersionBits != "xor" {
			t.Errorf("%s at a reload: %+v", account, at)
		}
	}
}

func TestFindingsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"pools":{"a":{"version_bits":7}}}`} {
		path := filepath.Join(t.TempDir(), "pools.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		f := loadFindings(path, slog.New(slog.NewTextHandler(&said, nil)))
		if len(f.pools) != 0 || !strings.Contains(said.String(), "found out anew") {
			t.Errorf("%q: %v, said %q", text, f.pools, said.String())
		}
	}
}
