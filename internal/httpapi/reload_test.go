package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/view"
)

// fakeReloader remembers what it was asked for.
type fakeReloader struct {
	said []string
	fail error
}

func (r *fakeReloader) Reload(_ context.Context, applied string) (Reloaded, error) {
	r.said = append(r.said, "reload "+applied)
	return Reloaded{Changes: []Change{{Key: "pool[main].url", Old: `"a:1"`, New: `"b:1"`}}, Restart: []string{"data_dir"}, Closed: 2}, r.fail
}

func (r *fakeReloader) Plan(text []byte) (Plan, error) {
	r.said = append(r.said, "plan "+string(text))
	return Plan{Moves: []PlanMove{{Miners: 3, Route: "farm", Pool: "main", ToRoute: "farm", ToPool: "backup"}}}, r.fail
}

func (r *fakeReloader) PlanFile(applied string) (Plan, error) {
	r.said = append(r.said, "plan file "+applied)
	return Plan{}, r.fail
}

func (r *fakeReloader) Configured() view.Configuration {
	return view.Configuration{File: "loka.toml", Settings: []view.Setting{{Key: "instance", Value: `"x"`, From: "file"}}}
}

func (r *fakeReloader) Applied() []Applied {
	return []Applied{{ID: "00000002", At: epoch}, {ID: "00000001", At: epoch}}
}

// A reload needs the token, takes a body or none, and says what it has done.
func TestReload(t *testing.T) {
	deps, _ := newDeps()
	r := new(fakeReloader)
	deps.Reloader = r
	h := Handler(deps, true)
	wantProblem(t, "no token", ask{method: "POST", path: "/api/v1/reload"}.do(t, h), http.StatusUnauthorized)
	wantProblem(t, "no token", ask{method: "POST", path: "/api/v1/plan", body: "x", kind: "application/toml"}.do(t, h), http.StatusUnauthorized)
	for _, c := range []struct{ body, said string }{
		{"", "reload "}, {"{}", "reload "}, {`{"applied":"00000001"}`, "reload 00000001"},
	} {
		w := ask{method: "POST", path: "/api/v1/reload", body: c.body, token: secret}.do(t, h)
		var done Reloaded
		if err := json.Unmarshal(w.Body.Bytes(), &done); w.Code != http.StatusOK || err != nil || done.Closed != 2 || len(done.Changes) != 1 {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
		if got := r.said[len(r.said)-1]; got != c.said {
			t.Errorf("%s: it said %q, want %q", c.body, got, c.said)
		}
	}
	w := ask{method: "POST", path: "/api/v1/plan", body: "[server]\n", kind: "application/toml", token: secret}.do(t, h)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"to_pool":"backup"`) || r.said[len(r.said)-1] != "plan [server]\n" {
		t.Errorf("plan: %d %s, said %q", w.Code, w.Body, r.said)
	}
	for query, said := range map[string]string{"": "plan file ", "?applied=00000001": "plan file 00000001"} {
		w := ask{method: "POST", path: "/api/v1/plan" + query, token: secret}.do(t, h)
		if w.Code != http.StatusOK || r.said[len(r.said)-1] != said {
			t.Errorf("plan without a body: %d %s, said %q", w.Code, w.Body, r.said)
		}
	}
	w = ask{path: "/api/v1/configuration"}.do(t, h)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"key":"instance"`) {
		t.Errorf("configuration: %d %s", w.Code, w.Body)
	}
	w = ask{path: "/api/v1/applied"}.do(t, h)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"id":"00000002"`) {
		t.Errorf("applied: %d %s", w.Code, w.Body)
	}
	for name, c := range map[string]struct {
		err    error
		status int
		want   string
	}{
		"invalid": {InvalidError{[]Mistake{{"loka.toml:1:2: sever", "unknown key"}}}, http.StatusUnprocessableEntity, "loka.toml:1:2: sever: unknown key"},
		"no file": {ErrNoConfig, http.StatusConflict, "-c FILE"},
		"gone":    {fmt.Errorf("%w: x", ErrNoFileKept), http.StatusNotFound, "no such file"},
		"other":   {errors.New("address in use"), http.StatusInternalServerError, "nothing is changed: address in use"},
	} {
		r.fail = c.err
		doc := wantProblem(t, name, ask{method: "POST", path: "/api/v1/reload", token: secret}.do(t, h), c.status)
		if detail := fmt.Sprint(doc["detail"]); !strings.Contains(detail, c.want) {
			t.Errorf("%s: %s", name, detail)
		}
	}
}
