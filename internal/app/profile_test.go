package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/profile"
	"github.com/loka/stratum/internal/sim"
)

// page is what is served at a path.
func (r *rig) page(path string) []byte {
	r.t.Helper()
	ask, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.app.Addrs().HTTP+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(ask)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %d, %v: %s", path, answer.StatusCode, err, body)
	}
	return body
}

// untimed are the steps that nothing was timed of yet; all is every one.
func (r *rig) untimed() (missing, all []string) {
	r.t.Helper()
	var p httpapi.Profile
	if err := json.Unmarshal(r.page("/api/v1/profile"), &p); err != nil {
		r.t.Fatal(err)
	}
	for _, s := range p.Steps {
		all = append(all, s.Walk+" "+s.Step)
		if s.Count == 0 {
			missing = append(missing, s.Walk+" "+s.Step)
			continue
		}
		if s.P50 > s.P90 || s.P90 > s.P99 || s.P99 > s.P999 || s.P999 > s.Max || !(s.Max > 0) || s.Mean > s.Max || s.SampledOneIn < 1 || s.Says == "" {
			r.t.Errorf("it makes no sense: %+v", s)
		}
	}
	return missing, all
}

// With real miners at a real pool every step of every walk is timed, and told alike by
// API and metric.
func TestProfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		never      []string
	}{
		{"shared", sharedRoute + quickly, nil},
		// A share is judged by the pool and booked with its answer, and there is no fan-out.
		{"dedicated", dedicated + quickly, []string{"share ledger", "share answer", "share write", "job wait", "job give"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &rig{t: t, audit: sim.NewAudit()}
			r.told = r.audit.Miner
			r.serve(sim.PoolConfig{Difficulty: 1e-6, BlockInterval: time.Second, JobInterval: 200 * time.Millisecond}, c.text)
			if missing, all := r.untimed(); len(all) != len(profile.Steps()) || !slices.Contains(missing, "share judge") {
				t.Errorf("at the start %v of %v are missing", missing, all)
			}
			finish := r.mine(sim.MinersConfig{Count: 4})
			r.await("every step to be timed", 30*time.Second, func() bool {
				missing, _ := r.untimed()
				return !slices.ContainsFunc(missing, func(s string) bool { return !slices.Contains(c.never, s) })
			})
			finish()
			text := string(r.page("/metrics"))
			for _, s := range profile.Steps() {
				f := s.Facts()
				line := `loka_step_duration_seconds_count{step="` + f.Name + `",walk="` + string(f.Walk) + `"} `
				if _, rest, ok := strings.Cut(text, line); !ok || rest[0] == '0' != slices.Contains(c.never, string(f.Walk)+" "+f.Name) {
					t.Errorf("%s… is %q", line, rest[:min(len(rest), 10)])
				}
			}
		})
	}
}

// Series of workers come with a reload and go with the next, and queues and routes have
// series anyway.
func TestWorkerSeries(t *testing.T) {
	t.Parallel()
	r := startShared(t, sim.PoolConfig{Difficulty: 1e-6}, quickly)
	r.mine(sim.MinersConfig{Count: 2})
	r.earn(1)
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"[metrics]\nper_worker = true\n", 2},
		{"[metrics]\nper_worker = true\ntop = 1\n", 1},
		{"", 0},
	} {
		r.file.write(r.dir, poolText("main", r.pool)+sharedRoute+quickly+c.text)
		done, err := r.app.Reload(t.Context(), "")
		if err != nil || len(done.Restart) > 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		text := string(r.page("/metrics"))
		if got := strings.Count(text, "\nloka_worker_shares_accepted_total{"); got != c.want {
			t.Errorf("%q: %d workers have series, want %d", c.text, got, c.want)
		}
		for _, series := range []string{"loka_workers 2", `loka_route_miners{route="farm"} 2`, "loka_shares_due ", `loka_listen_queue_limit{listener="127.0.0.1:0"} `} {
			if !strings.Contains(text, "\n"+series) {
				t.Errorf("there is no %s", series)
			}
		}
	}
}
