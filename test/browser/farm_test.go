package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
)

// patience is for what comes at once on a machine that has nothing else to do.
const patience = 90 * time.Second

// farm is a proxy between three pools, one of which does not answer, and eight miners
// with the manners of real firmware.
type farm struct {
	dir, config, url, miners string
	token                    string
	// told is where alerts are told, and what came there.
	told *httptest.Server
	said chan string
	out  process.Output
	// programs are what runs, by what they were started with.
	programs [][]string
	running  []*process.Process
}

// proxy is its place among the programs.
const proxy = 2

// farmConfig is its file: two routes, one of them divided, and a pool that pays somebody
// else than it should.
const farmConfig = `instance = "browser-rig"
data_dir = %q

[server]
listen = [%q]

[http]
listen = %q

[[pool]]
name = "main"
url = "stratum+tcp://%s"
username = "acct"
password = "never-shown"

[[pool]]
name = "backup"
url = "stratum+tcp://%s"
username = "acct"
payout = ["0014abababababababababababababababababababab"]

[[pool]]
name = "gone"
url = "stratum+tcp://%s"
username = "acct"

[[route]]
name = "rented"
split = [{ pool = "main", weight = 70 }, { pool = "backup", weight = 30 }]
[route.match]
worker = "rented.*"

[[route]]
name = "farm"
pools = ["main", "backup", "gone"]

[[alerts.sink]]
name = "desk"
url = "webhook+%s"
severity = "critical"

[vardiff]
start = 2e-5
min = 1e-12
shares_per_minute = 30
`

// theFarm starts the farm that most tests share, once.
func theFarm(t *testing.T) *farm {
	t.Helper()
	needsChromium(t)
	// Another program may take a port between its being found free and its being used.
	for try := 1; shared == nil; try++ {
		f, err := startFarm(t)
		if err == nil {
			shared = f
			break
		}
		f.end()
		if text := f.out.Tail(4000); try == 3 || !strings.Contains(text, "address already in use") {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	return shared
}

func startFarm(t *testing.T) (*farm, error) {
	t.Helper()
	f := &farm{miners: process.FreePort(t), said: make(chan string, 100)}
	f.told = httptest.NewServer(http.HandlerFunc(f.hears))
	page, main, backup, gone := process.FreePort(t), process.FreePort(t), process.FreePort(t), process.FreePort(t)
	f.url = "http://" + page
	var err error
	if f.dir, err = os.MkdirTemp("", "loka-browser-"); err != nil { //nolint:usetesting // it outlives the test that starts it
		return f, err
	}
	f.config = filepath.Join(f.dir, "loka.toml")
	text := fmt.Sprintf(farmConfig, filepath.Join(f.dir, "data"), f.miners, page, main, backup, gone, f.told.URL)
	if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
		return f, err
	}
	f.programs = [][]string{
		{"sim", "pool", "--listen", main, "--seed", "1", "--difficulty", "1e-4", "--nbits", "1b3fffc0", "--job-interval", "10s", "--block-interval", "20s", "--every", "0"},
		{"sim", "pool", "--listen", backup, "--seed", "2", "--difficulty", "1e-4", "--nbits", "1b3fffc0", "--job-interval", "10s", "--block-interval", "25s", "--every", "0"},
		{"start", "-c", f.config},
		{"sim", "miners", "--pool", f.miners, "--count", "6", "--user", "acct", "--hashrate", "50000", "--seed", "1", "--every", "0"},
		{"sim", "miners", "--pool", f.miners, "--count", "3", "--user", "rented", "--hashrate", "50000", "--seed", "2", "--every", "0"},
	}
	for _, args := range f.programs {
		if err := f.run(args...); err != nil {
			return f, err
		}
	}
	if err := f.until("there are shares", func() bool {
		var s struct{ Shares struct{ Accepted int } }
		return f.ask(http.MethodGet, "/api/v1/summary", "", &s) == nil && s.Shares.Accepted >= 20
	}); err != nil {
		return f, err
	}
	token, err := os.ReadFile(filepath.Join(f.dir, "data", "api.token"))
	f.token = strings.TrimSpace(string(token))
	return f, err
}

func (f *farm) run(args ...string) error {
	bin, err := loka.Path()
	if err != nil {
		return err
	}
	p, err := process.Start(&f.out, f.dir, bin, args...)
	if err == nil {
		f.running = append(f.running, p)
	}
	return err
}

// stop ends one program, and start begins it again.
func (f *farm) stop(t *testing.T, program int) {
	t.Helper()
	if err := f.running[program].Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
}

func (f *farm) start(t *testing.T, program int) {
	t.Helper()
	if err := f.run(f.programs[program]...); err != nil {
		t.Fatal(err)
	}
	last := len(f.running) - 1
	f.running[program], f.running = f.running[last], f.running[:last]
}

// hears notes what is told of alerts.
func (f *farm) hears(_ http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return
	}
	select {
	case f.said <- string(text):
	default: // nobody has asked for a while
	}
}

// end ends all of it, last come first.
func (f *farm) end() {
	if f.told != nil {
		f.told.Close()
	}
	for _, p := range slices.Backward(f.running) {
		_ = p.Stop(10 * time.Second)
	}
	if f.dir != "" {
		_ = os.RemoveAll(f.dir)
	}
}

// ask asks the API as a program does: reads without a token, all else with it.
func (f *farm) ask(method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, f.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if f.token != "" {
		r.Header.Set("Authorization", "Bearer "+f.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

var (
	errLate  = errors.New("not in time")
	errEnded = errors.New("a program has ended")
)

// until waits for a condition to come true.
func (f *farm) until(what string, cond func() bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-late.C:
			return fmt.Errorf("%s: %w", what, errLate)
		}
		for _, p := range f.running {
			if p.Ended() {
				return fmt.Errorf("%s: %w", what, errors.Join(errEnded, p.Err()))
			}
		}
	}
	return nil
}

// wants is until for a test.
func (f *farm) wants(t *testing.T, what string, cond func() bool) {
	t.Helper()
	if err := f.until(what, cond); err != nil {
		t.Fatal(err)
	}
}
