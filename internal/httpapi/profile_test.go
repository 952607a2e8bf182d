package httpapi

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/profile"
	"github.com/loka/stratum/internal/view"
)

// How long steps take is told of all time, or of the last minutes; of another time there
// is nothing to ask for.
func TestProfileOfAWindow(t *testing.T) {
	now := epoch
	p := profile.New(profile.Config{})
	deps, hub := newDeps()
	deps.Model = view.New(view.Deps{Version: "1", Instance: "test", Books: ledger.New(ledger.Config{}, epoch), Hub: hub, Started: epoch, Profile: p, Now: func() time.Time { return now }})
	h := Handler(deps, true)
	for range 90 { // a quarter of an hour, a second each step
		p.Note(now)
		p.Of(profile.ShareJudge).Observe(1)
		now = now.Add(profile.NoteEvery)
	}
	for path, c := range map[string]struct {
		window string
		count  uint64
		from   time.Duration
	}{
		"/api/v1/profile": {"start", 90, 15 * time.Minute}, "/api/v1/profile?window=start": {"start", 90, 15 * time.Minute},
		"/api/v1/profile?window=1m": {"1m", 6, time.Minute}, "/api/v1/profile?window=10m": {"10m", 60, 10 * time.Minute},
	} {
		w := ask{path: path}.do(t, h)
		var got Profile
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d, %v: %s", path, w.Code, err, w.Body)
		}
		if len(got.Steps) != len(profile.Steps()) || got.Window != c.window || now.Sub(got.From) != c.from {
			t.Errorf("%s: %d steps of %q since %v ago", path, len(got.Steps), got.Window, now.Sub(got.From))
		}
		for _, s := range got.Steps {
			if want := map[bool]uint64{true: c.count}[s.Step == "judge"]; s.Count != want {
				t.Errorf("%s: %s %s was timed %d times, not %d", path, s.Walk, s.Step, s.Count, want)
			}
		}
	}
	if w := (ask{path: "/api/v1/profile?window=1y"}).do(t, h); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a year: %d %s", w.Code, w.Body)
	}
}
