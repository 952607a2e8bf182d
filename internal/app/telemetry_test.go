package app_test

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
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/exp/trace"
	"google.golang.org/protobuf/proto"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
)

// collected is a receiver of traces: which steps came of which whole.
type collected struct {
	mu    sync.Mutex
	roots map[string]string // by trace
	steps map[string][]string
	facts string
}

func (c *collected) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var data tracepb.TracesData
	if err != nil || proto.Unmarshal(body, &data) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range data.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				id := string(s.TraceId)
				if len(s.ParentSpanId) == 0 {
					c.roots[id] = s.Name
					c.facts += s.String()
				} else {
					c.steps[id] = append(c.steps[id], s.Name)
				}
			}
		}
	}
}

// has says whether some whole of a name has all of these steps.
func (c *collected) has(root string, steps ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, name := range c.roots {
		all := strings.Join(c.steps[id], " ")
		complete := name == root
		for _, s := range steps {
			complete = complete && strings.Contains(all, s)
		}
		if complete {
			return true
		}
	}
	return false
}

// Shares and jobs of either mode are followed from the miner to the pool once a reload
// says so, and no worker's name leaves.
func TestSharesAndJobsAreTraced(t *testing.T) {
	t.Parallel()
	for mode, route := range map[string]string{"shared": "", "dedicated": dedicated} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			to := &collected{roots: make(map[string]string), steps: make(map[string][]string)}
			server := httptest.NewServer(to)
			t.Cleanup(server.Close)
			pc := simpleJobs
			pc.JobInterval = 500 * time.Millisecond
			r := startWith(t, pc, route)
			text := poolText("main", r.pool) + route + "[vardiff]\nfixed = 2e-7\n" + fmt.Sprintf("[telemetry]\ntraces = %q\nshare_sample = 1\n", server.URL+"/v1/traces")
			r.file.write(r.dir, text)
			if _, err := r.app.Reload(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			finish := r.mine(sim.MinersConfig{Seed: 1, User: "farm", Count: 2, Hashrate: 8000})
			r.earn(10)
			r.await("a job or two", 20*time.Second, func() bool { return r.pool.Stats().Jobs > 5 })
			finish()
			if err := r.stop(); err != nil { // which sends what waits
				t.Fatal(err)
			}
			want := []string{"read", "pipeline", "judge", "book", "forward", "pool"}
			if mode == "dedicated" {
				want = []string{"read", "forward", "pool"}
			} else if !to.has("job", "prepare", "fanout") {
				t.Errorf("no job was followed: %q", to.steps)
			}
			if !to.has("share", want...) {
				t.Errorf("no share was followed: %q", to.steps)
			}
			for _, fact := range []string{"loka.pool", "main", "accepted", "loka.route"} {
				if !strings.Contains(to.facts, fact) {
					t.Errorf("no %s in %s", fact, to.facts)
				}
			}
			if strings.Contains(to.facts, "farm.") || strings.Contains(to.facts, "ACCOUNT") {
				t.Error("a login has left")
			}
		})
	}
}

// The flight recorder is turned on by a reload, written by an administrator, kept in the
// audit record, listed, downloaded and read by the trace's own reader.
//
//nolint:paralleltest // there is one flight recorder in a process
func TestFlightRecorderByAPI(t *testing.T) {
	r := startWith(t, simpleJobs, "")
	if status, text := r.ask(http.MethodPost, "/api/v1/trace", ""); status != http.StatusConflict || !strings.Contains(text, "flight_recorder") {
		t.Errorf("off: %d %s", status, text)
	}
	r.file.write(r.dir, poolText("main", r.pool)+"[flight_recorder]\nenabled = true\n")
	if _, err := r.app.Reload(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	var made httpapi.Trace
	if err := json.Unmarshal([]byte(r.does(http.MethodPost, "/api/v1/trace", `{"why":"late shares"}`)), &made); err != nil {
		t.Fatal(err)
	}
	var list httpapi.TraceList
	if err := json.Unmarshal([]byte(r.does(http.MethodGet, "/api/v1/trace", "")), &list); err != nil {
		t.Fatal(err)
	}
	if !list.Recording || list.Total != 1 || len(list.Traces) != 1 || list.Traces[0].Name != made.Name || !strings.HasSuffix(made.Name, "-late-shares.trace") {
		t.Errorf("%+v of %+v", list, made)
	}
	file := r.does(http.MethodGet, "/api/v1/trace/"+made.Name, "")
	in, err := trace.NewReader(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		if _, err = in.ReadEvent(); err != nil {
			break
		}
		n++
	}
	if err != io.EOF || n < 100 || int64(len(file)) != made.Bytes { //nolint:errorlint // as it is documented
		t.Errorf("%d events in %d bytes of %d: %v", n, len(file), made.Bytes, err)
	}
	if status, _ := r.ask(http.MethodGet, "/api/v1/trace/20260101T000000.000Z.trace", ""); status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", status)
	}
	if kept, err := os.ReadFile(filepath.Join(r.dir, "audit.jsonl")); err != nil || !strings.Contains(string(kept), made.Name) {
		t.Errorf("the audit record is %s, %v", kept, err)
	}
	if check := r.model.Health().Checks["flight_recorder"]; check.Status != "ok" || !strings.Contains(check.Detail, "recorded") {
		t.Errorf("%+v", check)
	}
}

// An error of the log comes to Sentry, without the pool's password, and a receiver that
// is dead is told by /health.
func TestErrorsAreTold(t *testing.T) {
	t.Parallel()
	told := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- string(body)
	}))
	t.Cleanup(server.Close)
	pool := runPool(t, simpleJobs)
	text := poolText("main", pool) +
		fmt.Sprintf("[telemetry]\nsentry = %q\ntraces = \"http://127.0.0.1:1/v1/traces\"\nshare_sample = 1\n", strings.Replace(server.URL, "://", "://key@", 1)+"/7")
	r := &rig{t: t}
	r.proxy(text)
	r.await("ready", 10*time.Second, r.model.Ready)
	r.file.write(r.dir, text+"zzz = \"hunter22\"\n")
	if _, err := r.app.Reload(t.Context(), ""); err == nil {
		t.Fatal("an unknown key is put in place")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	// hears waits for an event that has it, whatever else is told.
	hears := func(what string) {
		t.Helper()
		for found := false; !found; {
			select {
			case body := <-told:
				found = strings.Contains(body, what)
				if testkit.Leak([]byte(body)) != "" {
					t.Errorf("told: %s", body)
				}
			case <-ctx.Done():
				t.Fatalf("nobody is told of %s", what)
			}
		}
	}
	hears("zzz")
	// Jobs are traced to a port where nobody is.
	r.await("a dead receiver is told", 20*time.Second, func() bool {
		c := r.model.Health().Checks["telemetry"]
		return c.Status == "degraded" && strings.Contains(c.Detail, "telemetry.traces") && c.Advice != ""
	})
	if !r.model.Ready() {
		t.Error("a dead receiver harms")
	}
	// A file that cannot be kept is put in place all the same.
	kept := filepath.Join(r.dir, "applied")
	if err := errors.Join(os.RemoveAll(kept), os.WriteFile(kept, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r.file.write(r.dir, strings.Replace(text, "share_sample = 1", "share_sample = 0.5", 1))
	if _, err := r.app.Reload(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	hears("no way back to it")
}

// All that is looked at is found, soon after the start, and all of it is well.
func TestHealthLooks(t *testing.T) {
	t.Parallel()
	r := startWith(t, simpleJobs, "")
	for _, name := range []string{"listener:127.0.0.1:0", "disk", "clock", "memory", "descriptors", "database", "tls", "flight_recorder", "telemetry", "last_crash"} {
		r.await(name, 20*time.Second, func() bool {
			_, ok := r.model.Health().Checks[name]
			return ok
		})
	}
	all := r.model.Health().Checks
	text, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range all {
		kind, _, _ := strings.Cut(name, ":")
		if !regexp.MustCompile("(?m)^\\|.*`" + kind + "[:`].*\\|$").Match(text) {
			t.Errorf("docs/OPERATIONS.md does not say what the check %s is", name)
		}
	}
	for _, name := range []string{"listener:127.0.0.1:0", "clock", "database", "descriptors", "telemetry"} {
		if all[name].Status != "ok" {
			t.Errorf("%s: %+v", name, all[name])
		}
	}
	if got := r.metrics("loka_connections_accepted_total"); len(got) == 1 && !strings.HasSuffix(got[0], " 0") {
		t.Errorf("probes are counted: %v", got)
	}
}
