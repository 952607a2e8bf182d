package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/alert/lookout"
	alertsink "github.com/loka/stratum/internal/alert/sink"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

// newAlerting looks for nothing.
func newAlerting(model *view.Model) *Alerting {
	now := func() time.Time { return epoch.Add(time.Minute) }
	sinks := alertsink.New(alertsink.Deps{Instance: "test", Now: now})
	l := lookout.New(lookout.Config{}, lookout.Deps{Model: model, Sinks: sinks, Now: now})
	return &Alerting{l, l, l, now}
}

// alerted has the alerts looked for that are there by default; what it returns looks.
func alerted(t *testing.T, deps *Deps) func() {
	t.Helper()
	c := alert.NewCompiler()
	defaults := alert.Defaults("book")
	rules := make([]*alert.Program, 0, len(defaults))
	for _, r := range defaults {
		p, err := c.Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, p)
	}
	l := deps.Alerts.Alerts.(*lookout.Lookout)
	l.Reconfigure(lookout.Config{Rules: rules})
	return l.Look
}

// Alerts are filtered, silenced by who may, and each of that is in the record.
func TestSilences(t *testing.T) {
	deps, hub := newDeps()
	file := new(fakeFile)
	deps.Audit = file
	look := alerted(t, &deps)
	hub.watched = watch.Report{Signals: []watch.Signal{{Kind: watch.TipLag, Value: 42.5}, {Kind: watch.PayoutChanged, Value: 1}}}
	look()
	h := Handler(deps, true)
	count := func(query string) int {
		var list struct{ Total int }
		w := ask{path: "/api/v1/alerts" + query}.do(t, h)
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return list.Total
	}
	made := ask{method: "POST", path: "/api/v1/silences", token: tokenOfRole[auth.Operator], body: `{"matchers":[{"label":"name","glob":"tip_*"},{"label":"pool","glob":"main"}],"for":"2h","comment":"known"}`}.do(t, h)
	var s view.Silence
	if err := json.Unmarshal(made.Body.Bytes(), &s); err != nil || made.Code != http.StatusOK || s.By != "ops" || s.Matches != 1 || !s.Until.Equal(epoch.Add(time.Minute+2*time.Hour)) {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	for query, want := range map[string]int{
		"": 2, "?silenced=true": 1, "?silenced=false": 1, "?severity=critical": 1, "?severity=info": 2, "?name=tip_lag": 1, "?kind=worker": 0,
		"?subject=main": 2, "?subject=backup": 0, "?state=pending": 0, "?state=pending,firing": 2, "?limit=1": 2,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %d alerts, want %d", query, got, want)
		}
	}
	if w := (ask{method: "DELETE", path: "/api/v1/silences/" + s.ID, token: tokenOfRole[auth.Operator]}).do(t, h); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := count("?silenced=true"); got != 0 || len(file.acts) != 2 {
		t.Errorf("%d silenced after it has ended; recorded %v", got, file.acts)
	}
	wantProblem(t, "again", ask{method: "DELETE", path: "/api/v1/silences/" + s.ID, token: secret}.do(t, h), http.StatusNotFound)
	for _, body := range []string{
		`{"matchers":[{"label":"name","glob":"*"}]}`, `{"matchers":[{"label":"name","glob":"*"}],"for":"x"}`, `{"matchers":[{"label":"name","glob":"*"}],"for":"-1h"}`,
		`{"matchers":[{"label":"name","glob":"*"}],"for":"1h","until":"2027-01-01T00:00:00Z"}`, `{"matchers":[{"label":"name","glob":"*"}],"until":"tomorrow"}`,
		`{"matchers":[{"label":"","glob":"*"}],"for":"1h"}`, `{"matchers":[],"for":"1h"}`, `{"matchers":[{"label":"name","glob":"*"}],"for":"90000h"}`,
	} {
		wantProblem(t, body, ask{method: "POST", path: "/api/v1/silences", token: secret, body: body}.do(t, h), http.StatusUnprocessableEntity)
	}
}

// The rest of what is told of alerts: rules, history, sinks and their test.
func TestAlertReaders(t *testing.T) {
	deps, hub := newDeps()
	look := alerted(t, &deps)
	hub.watched = watch.Report{Signals: []watch.Signal{{Kind: watch.TipLag, Value: 42.5}}}
	look()
	hub.watched = watch.Report{}
	h := Handler(deps, true)
	for path, want := range map[string]string{
		"/api/v1/alerts/rules?limit=1":              `"name":"farm_hashrate_dropped"`,
		"/api/v1/alerts/history?name=tip_lag":       `"event":"firing","id":"tip_lag/main"`,
		"/api/v1/alerts/history?name=nothing":       `{"events":[],"total":0}`,
		"/api/v1/alerts/sinks":                      `{"sinks":[],"total":0}`,
		"/api/v1/silences":                          `{"silences":[],"total":0}`,
		"/api/v1/alerts?state=firing&name=tip_lag":  `"runbook":"book#alert-tip_lag"`,
		"/api/v1/alerts/history?kind=pool&offset=1": `{"events":[],"total":1}`,
	} {
		if w := (ask{path: path}).do(t, h); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
	if w := (ask{method: "POST", path: "/api/v1/alerts/test", token: secret, body: `{}`}).do(t, h); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `{"results":[]}`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	doc := wantProblem(t, "none", ask{method: "POST", path: "/api/v1/alerts/test", token: secret, body: `{"sink":"x"}`}.do(t, h), http.StatusNotFound)
	if !strings.Contains(fmt.Sprint(doc["detail"]), `there is no sink "x"`) {
		t.Errorf("%v", doc)
	}
}
