package app_test

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// happenings asks the log, the oldest first.
func (r *rig) happenings(query string) []events.Event {
	r.t.Helper()
	var page events.Page
	if err := json.Unmarshal([]byte(r.does(http.MethodGet, "/api/v1/log?limit=1000&"+query, "")), &page); err != nil {
		r.t.Fatal(err)
	}
	return page.Events
}

// happens waits for an event.
func (r *rig) happens(what, query string, is func(e *events.Event) bool) (found events.Event) {
	r.t.Helper()
	r.await(what, 20*time.Second, func() bool {
		for _, e := range r.happenings(query) {
			if is(&e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// What befalls a farm is told: who comes and goes, what pools are and give, where miners
// go and why, who is banned, what administrators do; and what matters is there after a
// restart, and after one that was none.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := startPools(t, 2, sim.PoolConfig{Seed: 3, Difficulty: failoverDifficulty, JobInterval: time.Second}, steadily, slog.LevelWarn)
	finish := r.mine(sim.MinersConfig{Seed: 3, Count: 5, Hashrate: 2000})
	r.awaitAll(0)
	if miners := r.model.Miners(); len(miners) != 5 || !slices.IsSortedFunc(miners, func(a, b view.Miner) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Errorf("not all, the oldest first: %+v", miners)
	}
	first, second := r.names[0], r.names[1]
	// shares are told of only while somebody follows them
	follow, err := r.follow("kinds=share")
	if err != nil {
		t.Fatal(err)
	}
	r.happens("a share", "kinds=share", func(e *events.Event) bool {
		return e.What == "accepted" && e.Pool == first && e.Worker != "" && e.Count > 0
	})
	_ = follow.Body.Close()
	r.does(http.MethodPost, "/api/v1/pools/"+first+"/drain", "")
	r.awaitAll(1)
	moved := r.happens("the drain", "kinds=switch", func(e *events.Event) bool { return e.Reason == "pool_drained" })
	if moved.From != first || moved.To != second || moved.Count == 0 || moved.Route != "farm" || moved.Severity != events.Info {
		t.Errorf("%+v", moved)
	}
	r.happens("the act", "kinds=act", func(e *events.Event) bool { return e.Who == "admin" && strings.Contains(e.Message, "/drain") })
	r.happens("the state", "kinds=pool&pool="+second, func(e *events.Event) bool { return e.From == "standby" && e.To == "active" })
	r.happens("a block", "kinds=job", func(e *events.Event) bool { return e.What == events.NewBlock && e.Pool == second })
	r.happens("a login", "kinds=connection", func(e *events.Event) bool {
		return e.What == events.Opened && e.Worker != "" && e.Route == "farm" && e.Remote != ""
	})
	r.does(http.MethodPost, "/api/v1/bans", `{"worker":"nobody.here","for":"1h","comment":"a test"}`)
	r.happens("a ban", "kinds=ban", func(e *events.Event) bool {
		return e.What == events.Added && e.Worker == "nobody.here" && e.Until != nil && strings.Contains(e.Message, "a test")
	})
	r.does(http.MethodDelete, "/api/v1/bans?worker="+url.QueryEscape("nobody.here"), "")
	r.happens("its end", "kinds=ban", func(e *events.Event) bool { return e.What == events.Lifted })
	if status, _ := r.ask(http.MethodPost, "/api/v1/reload", ""); status >= http.StatusMultipleChoices {
		t.Errorf("reload: %d", status)
	}
	r.happens("a reload", "kinds=reload", func(e *events.Event) bool { return e.What == events.Applied })
	r.swarmEnds(finish)
	r.happens("a departure", "kinds=connection", func(e *events.Event) bool { return e.What == events.Closed && e.Reason != "" })
	var tl events.Timeline
	if err := json.Unmarshal([]byte(r.does(http.MethodGet, "/api/v1/pools/"+second+"/timeline?from=1h", "")), &tl); err != nil || len(tl.Switches) == 0 {
		t.Errorf("%v: %+v", err, tl)
	}

	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(r.dir, "events.jsonl"))
	if err != nil || strings.Contains(string(kept), `"kind":"connection"`) || !strings.Contains(string(kept), `"what":"stopping"`) {
		t.Errorf("%v: %s", err, kept)
	}
	if info, err := os.Stat(filepath.Join(r.dir, "events.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	text := poolText(first, r.pools[0]) + poolText(second, r.pools[1])
	r.again(text)
	again := r.happens("the drain of before", "kinds=switch", func(e *events.Event) bool { return e.ID == moved.ID })
	if again.Message != moved.Message || !again.At.Equal(moved.At) {
		t.Errorf("%+v was %+v", again, moved)
	}
	ended := func() (n int) {
		for _, e := range r.happenings("kinds=proxy") {
			if e.What == events.Ended {
				n++
			}
		}
		return n
	}
	if n := ended(); n != 0 {
		t.Errorf("a stop is taken for %d sudden ends", n)
	}
	// What a kill leaves: the file without the last word.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "events.jsonl"), kept[:len(kept)-len(lastLine(kept))], 0o600); err != nil {
		t.Fatal(err)
	}
	r.again(text)
	if n := ended(); n != 1 {
		t.Errorf("a sudden end is told %d times", n)
	}
}

func lastLine(text []byte) []byte {
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	return []byte(lines[len(lines)-1] + "\n")
}

// swarmEnds ends the miners.
func (r *rig) swarmEnds(finish func() sim.MinersStats) {
	r.t.Helper()
	if s := finish(); len(s.Miners) == 0 {
		r.t.Error("there were no miners")
	}
}

// follow asks for a stream of events.
func (r *rig) follow(query string) (*http.Response, error) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.app.Addrs().HTTP+"/api/v1/events?"+query, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	return http.DefaultClient.Do(req)
}
