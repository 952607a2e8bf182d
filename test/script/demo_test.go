package script

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
)

// demoRun is a demo that runs as a process of its own.
type demoRun struct {
	cmd    *exec.Cmd
	http   string
	stdout strings.Builder
}

func startDemo(t *testing.T, dir string, more ...string) *demoRun {
	t.Helper()
	d := &demoRun{}
	var addresses [2]string
	for i := range addresses {
		addresses[i] = process.FreePort(t)
	}
	d.http = addresses[0]
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	args := append([]string{"demo", "--data", dir, "--http", addresses[0], "--listen", addresses[1], "--hashrate", "400000"}, more...)
	d.cmd = exec.CommandContext(ctx, "loka", args...)
	d.cmd.Stdout, d.cmd.Stderr = &d.stdout, os.Stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// stop ends it by a signal and returns what it printed.
func (d *demoRun) stop(t *testing.T, s os.Signal) string {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil && s != syscall.SIGKILL {
		t.Fatal(err)
	}
	return d.stdout.String()
}

type demoFigures struct {
	Shares struct {
		Accepted     uint64 `json:"accepted"`
		PoolAccepted uint64 `json:"pool_accepted"`
	} `json:"shares"`
	Best     float64 `json:"best_difficulty"`
	Hashrate struct {
		Day float64 `json:"24h"`
	} `json:"hashrate"`
	Business struct {
		Value   float64 `json:"value_sat"`
		Value24 float64 `json:"value_sat_24h"`
	} `json:"business"`
	Reconciliation struct {
		Sent     uint64 `json:"shares_sent"`
		Answered uint64 `json:"answered"`
	} `json:"reconciliation"`
}

type demoWorkers struct {
	Workers []struct {
		Name     string  `json:"name"`
		Accepted uint64  `json:"accepted"`
		Best     float64 `json:"best_difficulty"`
	} `json:"workers"`
}

// read reads an answer of the demo's API, which may not be there yet.
func (d *demoRun) read(path string, into any) bool {
	res, err := http.Get("http://" + d.http + path)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(into) == nil
}

// until waits for figures that will do.
func (d *demoRun) until(t *testing.T, what string, enough func(demoFigures) bool) demoFigures {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var f demoFigures
		if d.read("/api/v1/summary", &f) && enough(f) {
			return f
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s; the last figures are %+v", what, patience, f)
		}
	}
}

// kept waits until all that has been read is on the disk: what waited in memory then has
// been taken from there, and so has what came after it, which is done when it is written.
func (d *demoRun) kept(t *testing.T) {
	t.Helper()
	for _, none := range []bool{true, false, true} {
		d.until(t, "what waits in memory to be written", func(demoFigures) bool {
			var h struct {
				Checks map[string]struct {
					Detail string `json:"detail"`
				} `json:"checks"`
			}
			return d.read("/health", &h) && strings.HasPrefix(h.Checks["journal"].Detail, "0 events in memory") == none
		})
	}
}

func (d *demoRun) workers(t *testing.T) demoWorkers {
	t.Helper()
	var w demoWorkers
	if !d.read("/api/v1/workers", &w) {
		t.Fatal("the workers cannot be read")
	}
	return w
}

// goesOn holds a run to what was there before it: nothing may be less.
func (d *demoRun) goesOn(t *testing.T, before demoFigures, was demoWorkers) {
	t.Helper()
	first := d.until(t, "the next demo", func(demoFigures) bool { return true })
	if first.Shares.Accepted < before.Shares.Accepted || first.Shares.PoolAccepted < before.Shares.PoolAccepted ||
		first.Best < before.Best || first.Business.Value < before.Business.Value {
		t.Errorf("goes on with %+v after %+v", first, before)
	}
	now := map[string]struct {
		accepted uint64
		best     float64
	}{}
	for _, w := range d.workers(t).Workers {
		now[w.Name] = struct {
			accepted uint64
			best     float64
		}{w.Accepted, w.Best}
	}
	for _, w := range was.Workers {
		if n, ok := now[w.Name]; !ok && w.Accepted > 0 || n.accepted < w.Accepted || n.best < w.Best {
			t.Errorf("worker %s had %d shares, the best of %g; now it has %+v (%v)", w.Name, w.Accepted, w.Best, n, ok)
		}
	}
}

// sharesIn are the counts in the last line that begins so.
func sharesIn(t *testing.T, text, begin string) string {
	t.Helper()
	found := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, begin) {
			found = line
		}
	}
	_, found, ok := strings.Cut(found, "shares ")
	if !ok {
		t.Fatalf("no line %q with shares in\n%s", begin, text)
	}
	words := strings.FieldsFunc(found, func(r rune) bool { return r == ',' || r == ';' })
	return words[0]
}

// A demo that was stopped goes on from exactly where it was.
func TestDemoGoesOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	first := startDemo(t, dir)
	before := first.until(t, "shares", func(f demoFigures) bool { return f.Shares.Accepted >= 5 && f.Shares.PoolAccepted >= 2 })
	was := first.workers(t)
	ended := first.stop(t, os.Interrupt)

	second := startDemo(t, dir)
	second.goesOn(t, before, was)
	if f := second.until(t, "the day's window", func(demoFigures) bool { return true }); f.Hashrate.Day <= 0 || f.Business.Value24 <= 0 {
		t.Errorf("the last day is empty: %+v", f)
	}
	second.until(t, "more shares", func(f demoFigures) bool {
		return f.Shares.Accepted > before.Shares.Accepted+2 && f.Reconciliation.Answered > before.Reconciliation.Answered
	})
	printed := second.stop(t, os.Interrupt)
	if !strings.HasPrefix(printed, "going on since 20") {
		t.Errorf("it does not say since when:\n%s", printed)
	}
	if was, is := sharesIn(t, ended, "ended: "), sharesIn(t, printed, "going on since "); was != is {
		t.Errorf("ended with %q, goes on with %q", was, is)
	}

	// Somebody who wants to begin anew does, and nobody else's file goes with it.
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	third := startDemo(t, dir, "--fresh")
	third.until(t, "a first share", func(f demoFigures) bool { return f.Shares.Accepted > 0 })
	printed = third.stop(t, os.Interrupt)
	if strings.Contains(printed, "going on since ") {
		t.Errorf("--fresh goes on:\n%s", printed)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error(err)
	}
}

// A demo that was killed goes on with all that was on the disk, which is all but the
// last half second.
func TestDemoGoesOnAfterKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	first := startDemo(t, dir)
	before := first.until(t, "shares", func(f demoFigures) bool { return f.Shares.Accepted >= 5 && f.Shares.PoolAccepted >= 2 })
	was := first.workers(t)
	first.kept(t)
	first.stop(t, syscall.SIGKILL)

	second := startDemo(t, dir)
	second.goesOn(t, before, was)
	second.until(t, "more shares", func(f demoFigures) bool {
		return f.Shares.Accepted > before.Shares.Accepted && f.Hashrate.Day > 0 && f.Business.Value24 > 0
	})
	if printed := second.stop(t, os.Interrupt); !strings.HasPrefix(printed, "going on since 20") {
		t.Errorf("it does not say since when:\n%s", printed)
	}
}

// Of two demos in one folder the second is refused where it was asked for, and what
// is no demo's folder is left alone.
func TestDemoFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	first := startDemo(t, dir)
	first.until(t, "the demo", func(demoFigures) bool { return true })
	text, err := exec.CommandContext(t.Context(), "loka", "demo", "--data", dir, "--duration", "1s").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "another loka uses it") {
		t.Errorf("a second demo in the folder: %v\n%s", err, text)
	}
	text, err = exec.CommandContext(t.Context(), "loka", "demo", "--data", dir, "--fresh", "--duration", "1s").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "another loka uses it") {
		t.Errorf("a second demo that begins anew: %v\n%s", err, text)
	}
	first.stop(t, os.Interrupt)

	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "loka.db"), []byte("real"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err = exec.CommandContext(t.Context(), "loka", "demo", "--data", other, "--fresh", "--duration", "1s").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "is no folder of a demo") {
		t.Errorf("a demo in a proxy's folder: %v\n%s", err, text)
	}
	if data, err := os.ReadFile(filepath.Join(other, "loka.db")); string(data) != "real" {
		t.Errorf("its database is %q, %v", data, err)
	}
}

// Where there is no lasting folder, or another demo uses it, a demo has a temporary
// one and says so.
func TestDemoTemporary(t *testing.T) {
	t.Parallel()
	temp, cache := t.TempDir(), t.TempDir()
	run := func(vars ...string) string {
		cmd := exec.CommandContext(t.Context(), "loka", "demo", "--http", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--duration", "2s")
		cmd.Env = append(os.Environ(), append([]string{"TMPDIR=" + temp}, vars...)...)
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return string(text)
	}
	if text := run("HOME=", "XDG_CACHE_HOME="); !strings.Contains(text, "figures are in a temporary folder and go with the demo: this user has no folder") {
		t.Errorf("without a home it says\n%s", text)
	}
	lasting := filepath.Join(cache, "loka", "demo")
	first := startDemo(t, lasting)
	first.until(t, "the demo", func(demoFigures) bool { return true })
	if text := run("XDG_CACHE_HOME=" + cache); !strings.Contains(text, ": another demo uses "+lasting+"\n") {
		t.Errorf("beside another one it says\n%s", text)
	}
	first.stop(t, os.Interrupt)
	if text := run("XDG_CACHE_HOME=" + cache); strings.Contains(text, "temporary") || !strings.Contains(text, lasting) {
		t.Errorf("after it it says\n%s", text)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the folder of temporary files: %v, %v", left, err)
	}
}
