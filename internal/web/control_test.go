package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
)

// desk has one of everything, each by an evil name.
type desk struct{}

func (desk) List(bans.Filter, time.Time) []bans.Entry {
	return []bans.Entry{{Subject: bans.Subject{Login: evil}, Kind: bans.Ban, By: evil, Comment: evil, Since: epoch, Until: epoch.Add(time.Hour)}}
}

func (desk) Rules() []view.AlertRule {
	return []view.AlertRule{{Name: evil, Expr: evil, Error: evil, Severity: "critical"}}
}

func (desk) Silences() []view.Silence {
	return []view.Silence{{ID: "s1", Matchers: []view.AlertMatcher{{Label: "name", Glob: evil}}, By: evil, Comment: evil, Until: epoch.Add(time.Hour)}}
}

func (desk) History(int) []view.AlertEvent {
	return []view.AlertEvent{{Event: "firing", Name: evil, Message: evil, Subject: evil}}
}
func (desk) Sinks() []view.AlertSink { return []view.AlertSink{{Name: evil, Error: evil}} }

// Query has one event of each kind that is asked for.
func (desk) Query(f events.Filter) (p events.Page) {
	if len(f.Kinds) == 0 {
		f.Kinds = events.Kinds()
	}
	for i, k := range f.Kinds {
		p.Events = append(p.Events, events.Event{ID: 99 - uint64(i), At: epoch, Kind: k, Message: evil, Worker: evil, Who: evil})
	}
	p.Before = 9
	return p
}

func (desk) Latest() uint64 { return 99 }

func (desk) Configured() view.Configuration {
	return view.Configuration{
		File: evil, Settings: []view.Setting{{Key: "pool[" + evil + "].url", Value: evil, From: "file"}, {Key: "http.listen", Value: "x", From: "default"}},
		Unread: []view.Change{{Key: "http.listen", Old: evil, New: evil}}, Problems: nil,
	}
}

func (desk) Applied() []view.Applied {
	return []view.Applied{{ID: "00000002", At: epoch, Changes: []view.Change{{Key: evil}}}, {ID: "00000001", At: epoch}}
}

// controlSite is a farm that somebody of a role looks at.
func controlSite(t *testing.T, role auth.Role) *Server {
	t.Helper()
	d := desk{}
	s, err := New(Deps{
		Model: newFarm(3), Now: func() time.Time { return epoch }, Who: func(context.Context) auth.Identity { return auth.Identity{Name: evil, Role: role} },
		Sources: Sources{
			Miners: func() []view.Miner {
				return []view.Miner{{ID: 7, Remote: "192.0.2.1:5", State: "mining", UserAgent: evil, Workers: []string{evil, "b"}, Warnings: []string{evil}}, {ID: 8, Remote: "192.0.2.2:5", State: "connected"}}
			},
			Profile: func(length time.Duration) ([]view.Step, time.Time) {
				timed := uint64(5 + length/time.Minute)
				return []view.Step{{Walk: "share", Step: "decode", Says: evil, Count: timed, SampledOneIn: 64, P50: 1e-6, P90: 2e-6, P99: 1e-5, P999: 1e-4, Max: 1e-3}}, epoch.Add(-length - 90*time.Minute)
			},
			Bans: d, Alerts: d, Past: d, Config: d,
			Acts: func(context.Context, int) ([]store.Act, error) {
				return []store.Act{{At: epoch, Who: evil, What: evil, Detail: evil}}, nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every page of control is whole and holds no markup of others; which acts it offers
// depends on who looks.
func TestControlPagesByRole(t *testing.T) {
	acts := map[string]auth.Role{"/connections?show=7": auth.Operator, "/bans": auth.Operator, "/alerts": auth.Operator, "/configuration": auth.Admin, "/pools": auth.Operator, "/pools/main": auth.Operator, "/routes": auth.Operator, "/workers/alice.rig00001": auth.Operator}
	for _, role := range []auth.Role{auth.Nobody, auth.Viewer, auth.Operator, auth.Admin} {
		s := controlSite(t, role)
		for _, path := range []string{"/connections?show=7", "/connections?q=192.0.2.2&state=new", "/bans", "/alerts", "/events?kind=ban", "/configuration", "/configuration?show=all", "/profile", "/audit", "/pools", "/pools/main", "/routes", "/workers/alice.rig00001"} {
			text := body(t, s, path)
			examine(t, path, text)
			if least, ok := acts[path]; ok && strings.Contains(text, "data-act=") != (role >= least) {
				t.Errorf("%s as %v: acts are offered: %t", path, role, role < least)
			}
		}
		if text := body(t, s, "/"); strings.Contains(text, `href="/audit"`) != (role == auth.Admin) || strings.Contains(text, `action="/signout"`) != (role > auth.Nobody) {
			t.Errorf("as %v the navigation, or signing out, is wrong", role)
		}
	}
}

// The form tells nothing of the farm, and its files are those alone that it needs.
func TestSignInForm(t *testing.T) {
	s := controlSite(t, auth.Nobody)
	w := httptest.NewRecorder()
	s.SignIn(w, httptest.NewRequest(http.MethodGet, "/", nil), SignIn{Status: http.StatusUnauthorized, Next: `/workers"><script>`, Wrong: evil})
	text := w.Body.String()
	if w.Code != http.StatusUnauthorized || strings.Contains(text, "<script>") || strings.Contains(text, evil) || strings.Contains(text, "/web/") || w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("%d %s", w.Code, text)
	}
	for name, status := range map[string]int{"style.css": 200, "control.css": 200, "signin.js": 200, "theme.js": 200, "icon.svg": 200, "acts.js": 404, "base.js": 404, "..%2fweb.go": 404} {
		if w := get(t, s, "/signin/"+name); w.Code != status {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// Alerts are shown by their states, with where to look; only those that fire are counted.
func TestAlertsByState(t *testing.T) {
	page := body(t, controlSite(t, auth.Operator), "/alerts")
	has(t, page, "<title>(1) Alerts", `aria-label="alerts">1<`, "Firing", `id="alert-a1"`, `href="/pools/%3Cimg`, "<code>docs/X.md#alert-pool_down</code>",
		"Pending", `id="alert-a2"`, `href="/workers/alice.rig00001"`, "Just over", `id="alert-a3"`, `href="/routes#route-farm"`, "Silences")
	for path, a := range map[string]view.Alert{
		"/#health": {Kind: "check", Subject: "disk"}, "/workers?q=a%26b": {Kind: "user", Subject: "a&b"}, "": {Kind: "listener", Subject: "x"},
	} {
		if got := subjectPath(a.Kind, a.Subject); got != path {
			t.Errorf("%s %s is at %q, not at %q", a.Kind, a.Subject, got, path)
		}
	}
}

// Rules that say something, fail, or are the operator's own stand first; all others are
// folded, each in one line, with what they ask for in it.
func TestRulesAreFolded(t *testing.T) {
	d := desk{}
	calm := view.AlertRule{Name: "farm_slow", Expr: "farm.slow", Severity: "warning", Kind: "farm", Builtin: true, For: 60, Runbook: alert.Runbooks + "#alert-pool_down"}
	pending, firing, mine := calm, calm, calm
	pending.Name, pending.Pending = "pool_pending", 2
	firing.Name, firing.Firing = "pool_firing", 1
	mine.Name, mine.Builtin = "my_own", false
	s, err := New(Deps{Model: newFarm(1), Now: func() time.Time { return epoch }, Sources: Sources{Alerts: ruled{d, []view.AlertRule{calm, mine, pending, firing}}}})
	if err != nil {
		t.Fatal(err)
	}
	page := body(t, s, "/alerts")
	has(t, page, `id="rules-title"`, "4 rules", `id="rule-pool_firing"`, "1 firing", `id="rule-pool_pending"`, "2 pending", `id="rule-my_own"`, ">yours<",
		`<details class="fold" id="rules-calm"><summary>1 rule has nothing to say`, `id="rule-farm_slow"`, "farm.slow", "once it has been so for 1 min", `href="/runbooks/alert-pool_down"`)
	examine(t, "/alerts", page)
}

// ruled is a desk with other rules.
type ruled struct {
	desk

	rules []view.AlertRule
}

func (r ruled) Rules() []view.AlertRule { return r.rules }

// What administrators did is shown to them, and to nobody else, however it is asked for.
func TestActsAreForAdmins(t *testing.T) {
	for _, role := range []auth.Role{auth.Nobody, auth.Viewer, auth.Operator, auth.Admin} {
		s := controlSite(t, role)
		for _, path := range []string{"/events", "/events?kind=act"} {
			if shown := strings.Contains(body(t, s, path), ">act</"); shown != (role == auth.Admin) {
				t.Errorf("%s as %v: acts are shown: %t", path, role, shown)
			}
		}
	}
}

// The page of events says where a browser is told of more, of what it may see and shows, and
// after which event; of the past there is no more.
func TestEventsNameTheirStream(t *testing.T) {
	for role, kinds := range map[auth.Role]string{
		auth.Viewer: "proxy,connection,block,pool,switch,alert,ban,reload", auth.Admin: "proxy,connection,block,pool,switch,alert,ban,act,reload",
	} {
		s := controlSite(t, role)
		has(t, body(t, s, "/events"), `id="log"`, `data-stream="/api/v1/events?kinds=`+url.QueryEscape(kinds)+`"`, `data-last="99"`)
		has(t, body(t, s, "/events?kind=share"), `data-stream="/api/v1/events?kinds=share"`)
		if strings.Contains(body(t, s, "/events?before=50"), "data-stream") {
			t.Error("the past has a stream")
		}
	}
}

// How long steps take is shown of a minute, of ten, or of all; where nothing was timed it
// is said.
func TestProfileOfATime(t *testing.T) {
	s := controlSite(t, auth.Viewer)
	for path, c := range map[string]struct{ timed, from string }{
		"/profile": {"15", "1 h 40 min"}, "/profile?window=1m": {"6", "1 h 31 min"}, "/profile?window=start": {"5", "1 h 30 min"}, "/profile?window=nothing": {"15", "1 h 40 min"},
	} {
		page := body(t, s, path)
		has(t, page, `aria-label="Time"`, "In the last "+c.from, "A share’s walk", ">decode<", `data-label="Timed">`+c.timed+` `, "A job’s walk", "Nothing was timed")
		examine(t, path, page)
	}
}
