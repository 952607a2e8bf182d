package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/testkit/process"
)

// reload writes the file anew and has it put in place.
func (r *poolsRig) reload(text string) app.Reloaded {
	r.t.Helper()
	r.file.write(r.dir, text)
	done, err := r.app.Reload(r.t.Context(), "")
	if err != nil {
		r.t.Fatalf("reload: %v", err)
	}
	return done
}

// text is a file with some of the rig's pools, by their names, and what follows.
func (r *poolsRig) text(names []string, rest string) string {
	var b strings.Builder
	for _, name := range names {
		for i := range r.names {
			if r.names[i] == name {
				b.WriteString(poolText(name, r.pools[i]))
			}
		}
	}
	return b.String() + rest
}

// A file that is read again is followed while miners work: none is disconnected but
// whose listener is gone, every share counts at the pool whose job it is of.
func TestReload(t *testing.T) {
	t.Parallel()
	const miners = 6
	pc := sim.PoolConfig{Seed: 11, Difficulty: failoverDifficulty, JobInterval: time.Second}
	r := startPools(t, 3, pc, steadily, slog.LevelInfo)
	finish := r.mine(sim.MinersConfig{Seed: 11, Count: miners, Hashrate: failoverHashes / miners, Ramp: time.Second})
	r.awaitAll(0)
	r.earnAt(0)

	route := func(pools string) string {
		return fmt.Sprintf("[[route]]\nname = \"farm\"\nreturn_after = \"3s\"\npools = [%s]\n%s", pools, steadily)
	}
	for _, step := range []struct {
		what string
		text string
		pool int
	}{
		{"the pool goes", r.text([]string{"backup", "spare"}, route(`"backup", "spare"`)), 1},
		{"a better one comes", r.text([]string{"main", "backup", "spare"}, route(`"spare", "main", "backup"`)), 2},
		{"its account changes", strings.Replace(r.text([]string{"spare", "main", "backup"}, route(`"spare", "main", "backup"`)), "ACCOUNT", "ANOTHER", 1), 2},
		{"a split comes", r.text([]string{"main", "backup"}, strings.Replace(route(""), "pools = []", `split = [{ pool = "backup", weight = 1 }]`, 1)), 1},
		{"the mode changes", r.text([]string{"main"}, strings.Replace(route(`"main"`), "[[route]]", "[[route]]\nmode = \"dedicated\"", 1)), 0},
		{"and back, to another route", r.text([]string{"main", "backup"}, strings.Replace(route(`"backup"`), "farm", "field", 1)), 1},
		{"limits", r.text([]string{"main", "backup"}, strings.Replace(route(`"backup"`), "\"farm\"", "\"field\"\nmax_miners_per_connection = 2", 1)), 1},
		{"as it was", r.text(r.names, route(`"main", "backup", "spare"`)), 0},
	} {
		if done := r.reload(step.text); len(done.Changes) == 0 || len(done.Restart) > 0 || done.Closed > 0 {
			t.Errorf("%s: %+v", step.what, done)
		}
		t.Log(step.what)
		r.awaitAll(step.pool)
		r.earnAt(step.pool)
	}
	r.unhurt()
	report := r.agree(finish())
	t.Logf("%s; %s", &report, r.lives.figures())
}

// Listeners come and go, and with one that goes its miners alone.
func TestReloadListeners(t *testing.T) {
	t.Parallel()
	r := startPools(t, 2, sim.PoolConfig{Seed: 12, Difficulty: failoverDifficulty, JobInterval: time.Second}, steadily, slog.LevelInfo)
	text := r.text(r.names, "[[route]]\nname = \"farm\"\npools = [\"main\", \"backup\"]\n"+steadily)
	other := process.FreePort(t)
	r.reload(text + "[[listener]]\naddress = \"" + other + "\"\n")
	if got := r.app.Addrs().Miners; len(got) != 2 || got[1] != other {
		t.Fatalf("listeners: %v", got)
	}
	finish := r.mine(sim.MinersConfig{Seed: 12, Count: 2, Hashrate: failoverHashes / 4, Ramp: time.Second})
	r.awaitAll(0)
	guest, err := net.Dial("tcp", other)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = guest.Close() }()
	if _, err := fmt.Fprintf(guest, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := guest.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if done := r.reload(text); done.Closed != 1 {
		t.Errorf("%d miners are closed, want 1", done.Closed)
	}
	_ = guest.SetReadDeadline(time.Now().Add(20 * time.Second))
	for err = nil; err == nil; {
		_, err = guest.Read(make([]byte, 4096))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the miner of the listener that is gone is still connected")
	}
	if conn, err := net.Dial("tcp", other); err == nil {
		_ = conn.Close()
		t.Error("the listener still accepts")
	}
	r.earnAt(0)
	for _, text := range r.ends() {
		t.Error(text)
	}
	if got := r.closed(); got[`loka_connections_closed_total{reason="listener_removed",side="downstream"}`] != "1" || len(got) != 1 {
		t.Errorf("ends: %v", got)
	}
	finish()
}

// What is wrong is told, and nothing changes.
func TestReloadRefuses(t *testing.T) {
	t.Parallel()
	r := startPools(t, 2, sim.PoolConfig{Seed: 13, Difficulty: failoverDifficulty}, steadily, slog.LevelInfo)
	good := r.text(r.names, "[[route]]\nname = \"farm\"\npools = [\"main\", \"backup\"]\nreturn_after = \"3s\"\nmode = \"shared\"\n"+steadily)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for what, c := range map[string]struct{ text, id, want string }{
		"a mistake":           {text: good + "mdoe = 1\n", want: "mdoe"},
		"no pool":             {text: "", want: "pool"},
		"an address in use":   {text: strings.Replace(good, "backup", "other", 2) + "[[listener]]\naddress = \"" + taken.Addr().String() + "\"\n", want: "in use"},
		"a file that is none": {id: "00000099", want: "no such file"},
		"a path":              {id: "../control", want: "no such file"},
	} {
		r.file.write(r.dir, c.text)
		if _, err := r.app.Reload(t.Context(), c.id); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one of %q", what, err, c.want)
		}
	}
	var problems config.Problems
	r.file.write(r.dir, good+"mdoe = 1\n")
	if _, err := r.app.Reload(t.Context(), ""); !errors.As(err, &problems) || problems[0].Line == 0 {
		t.Errorf("a mistake has no line: %v", err)
	}
	if pools := r.model.Pools(); len(pools) != 2 || pools[1].Name != "backup" || len(r.app.Addrs().Miners) != 1 {
		t.Errorf("pools: %+v", pools)
	}
	r.file.write(r.dir, good)
	if done, err := r.app.Reload(t.Context(), ""); err != nil || len(done.Changes) != 0 {
		t.Errorf("the file as it was: %+v, %v", done, err)
	}
}

// The last ten files that were in place are kept as they were written, for this
// user alone, and can be put back.
func TestReloadKeepsFiles(t *testing.T) {
	t.Parallel()
	r := startPools(t, 2, sim.PoolConfig{Seed: 14, Difficulty: failoverDifficulty}, steadily, slog.LevelInfo)
	good := r.text(r.names, "[[route]]\nname = \"farm\"\npools = [\"main\", \"backup\"]\nreturn_after = \"3s\"\nmode = \"shared\"\n"+steadily)
	for i := range 12 {
		r.reload(strings.Replace(good, `password = "`+testkit.Planted("pool")+`"`, fmt.Sprintf(`password = "secret%d"`, i), 1))
	}
	files, err := filepath.Glob(filepath.Join(r.dir, "applied", "*"))
	if err != nil || len(files) != 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".json") && strings.Contains(string(text), "secret") {
			t.Errorf("%s shows a secret", name)
		}
	}
	const id = "00000005"
	r.post("/api/v1/reload", `{"applied":"`+id+`"}`, http.StatusOK, `"key":"pool[main].password","old":"\"***\"","new":"\"***\""`)
	kept, err := os.ReadFile(filepath.Join(r.dir, "applied", id+".toml"))
	if err != nil {
		t.Fatal(err)
	}
	newest, err := os.ReadFile(filepath.Join(r.dir, "applied", "00000014.toml"))
	if err != nil || string(newest) != string(kept) || !strings.Contains(string(kept), "secret3") {
		t.Errorf("the file that is in place is not the one that was named: %v", err)
	}
	r.post("/api/v1/reload", `{"applied":"00000001"}`, http.StatusNotFound, "no such file")
	// One of which nothing is known any more is listed, with no differences.
	if err := os.WriteFile(filepath.Join(r.dir, "applied", "00000014.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text := r.ask(http.MethodGet, "/api/v1/applied", ""); status != http.StatusOK || !strings.Contains(text, `"id":"00000014","at":"0001-01-01T00:00:00Z","changes":[]}`) {
		t.Errorf("what is listed: %d %s", status, text)
	}
}

// post asks the API for something that is answered.
func (r *poolsRig) post(path, body string, status int, want string) {
	r.t.Helper()
	got, text := r.ask(http.MethodPost, path, body)
	if got != status || !strings.Contains(text, want) {
		r.t.Errorf("%s: %d %s, want %d with %s", path, got, text, status, want)
	}
}

// Reloads come one upon the other while miners work.
func TestReloadStorm(t *testing.T) {
	t.Parallel()
	const miners, reloads = 20, 60
	r := startPools(t, 3, sim.PoolConfig{Seed: 15, Difficulty: failoverDifficulty, JobInterval: 300 * time.Millisecond}, steadily, slog.LevelWarn)
	finish := r.mine(sim.MinersConfig{Seed: 15, Count: miners, Hashrate: failoverHashes / miners, Ramp: time.Second})
	r.awaitAll(0)
	rng := rand.New(rand.NewPCG(15, 15))
	for range reloads {
		names := r.names
		order := rng.Perm(3)[:1+rng.IntN(3)]
		quoted := make([]string, 0, len(order))
		for _, i := range order {
			quoted = append(quoted, `"`+names[i]+`"`)
		}
		text := r.text(names, "[[route]]\nname = \"farm\"\nreturn_after = \"3s\"\n"+fmt.Sprintf("pools = [%s]\n", strings.Join(quoted, ", ")))
		if rng.IntN(4) == 0 {
			text = strings.Replace(text, "ACCOUNT", "ANOTHER", 1)
		}
		if rng.IntN(8) == 0 {
			text += "mode = \"dedicated\"\n"
		}
		if rng.IntN(8) == 0 {
			text += "worker = \"{account}.r{name}\"\n"
		}
		r.reload(text + steadily)
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
	}
	r.reload(r.text(r.names, "[[route]]\nname = \"farm\"\nreturn_after = \"3s\"\npools = [\"backup\"]\n"+steadily))
	r.awaitAll(1)
	r.earnAt(1)
	r.unhurt()
	report := r.agree(finish())
	t.Logf("%s; %s", &report, r.lives.figures())
}

// An app that is not run yet, or has no file, has nothing to reload.
func TestReloadWithoutFile(t *testing.T) {
	t.Parallel()
	cfg, problems := config.Load(nil, "", config.Options{Flags: config.Flags{Pools: []string{"127.0.0.1:1"}, User: "u", DataDir: t.TempDir()}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a, err := app.New(cfg, app.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Reload(context.Background(), ""); !errors.Is(err, httpapi.ErrNoConfig) {
		t.Errorf("reload: %v", err)
	}
}

// How often one may ask holds from the reload on.
func TestReloadOfTheQuota(t *testing.T) {
	t.Parallel()
	r := startShared(t, sim.PoolConfig{Difficulty: 1e-6}, quickly)
	r.file.write(r.dir, "rate_limit = 0.001\nrate_burst = 1\n"+poolText("main", r.pool)+sharedRoute+quickly)
	if done, err := r.app.Reload(t.Context(), ""); err != nil || len(done.Changes) != 2 || len(done.Restart) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		if status, text := r.ask(http.MethodGet, "/api/v1/session", ""); status != want {
			t.Errorf("%d, want %d: %s", status, want, text)
		}
	}
}

// What takes effect at the next start only is not said to be in place before, is told
// again by each reload until then, and no more where the file has taken it back.
func TestReloadOfWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	r := startShared(t, sim.PoolConfig{Difficulty: 1e-6}, quickly)
	text := poolText("main", r.pool) + sharedRoute + quickly
	r.file.write(r.dir, "rate_burst = 70\n[storage]\nkeep_minutes = \"240h\"\n"+text)
	for i, changes := range []int{2, 1} {
		done, err := r.app.Reload(t.Context(), "")
		if err != nil || len(done.Changes) != changes || fmt.Sprint(done.Restart) != "[storage.keep_minutes]" {
			t.Errorf("%d: %+v, %v", i, done, err)
		}
	}
	for _, path := range []string{"/api/v1/configuration", "/api/v1/applied"} {
		_, said := r.ask(http.MethodGet, path, "")
		switch {
		case path == "/api/v1/applied":
			if strings.Count(said, `"id"`) != 2 {
				t.Errorf("a file is kept for each time it is read: %s", said)
			}
		case !strings.Contains(said, `{"key":"storage.keep_minutes","value":"\"720h\""`) || !strings.Contains(said, `"unread":[{"key":"storage.keep_minutes","old":"\"720h\"","new":"\"240h\""}]`):
			t.Errorf("%s", said)
		}
	}
	r.file.write(r.dir, "rate_burst = 70\n"+text)
	if done, err := r.app.Reload(t.Context(), ""); err != nil || len(done.Changes)+len(done.Restart) != 0 {
		t.Errorf("taken back: %+v, %v", done, err)
	}
}
