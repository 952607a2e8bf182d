package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReads(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for path, want := range map[string]string{
		"/live":               `"status":"ok"`,
		"/ready":              `"status":"ok"`,
		"/health":             `"status":"ok"`,
		"/metrics":            `metrics`,
		"/metrics/prometheus": `metrics`,
		"/":                   `page`,
		"/web/app.js":         `page`,
		"/api/v1/summary":     `"version":"1.2.3","instance":"test","uptime_seconds":60,`,
		"/api/v1/pools":       `{"pools":[{"name":"main","url":"stratum+tcp://pool.example.com:3333","state":"active",`,
		"/api/v1/workers":     `"name":"alice.rig1","miners":3,"route":"farm","pool":"main","difficulty":512,`,
		"/api/v1/miners":      `{"miners":[{"id":1,"remote":"192.0.2.1:5",`,
		"/api/v1/routes":      `{"routes":[{"name":"farm","mode":"shared","pools":["main","backup"],"active":"main",`,

		"/api/v1/workers/alice.rig1":         `"connections":[{"id":1,`,
		"/api/v1/workers/bob%2F1%20%252F%3F": `"name":"bob/1 %2F?"`,
		"/api/v1/openapi.json":               `"openapi":"3.1.0"`,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := ask{method: method, path: path}.do(t, h)
			if w.Code != http.StatusOK {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
			if method == http.MethodGet && !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %s, want %s", path, w.Body, want)
			}
			cached := "no-store"
			if method == http.MethodGet && strings.HasPrefix(path, "/api/") {
				cached = "private, no-cache"
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": cached} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
		}
	}
}

// TestContractShapes: the keys that scripts rely on, at every level.
func TestContractShapes(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for path, keys := range map[string]string{
		"/api/v1/summary":   "version instance uptime_seconds miners workers pool_connections hashrate shares",
		"/api/v1/summary#1": "1m 10m 1h 24h",
		"/api/v1/summary#2": "accepted rejected stale duplicate low_difficulty work_accepted pool_accepted pool_rejected pool_work_accepted",
		"/api/v1/pools":     "name url state connections difficulty accepted rejected work_accepted last_job_age_seconds error",
		"/api/v1/workers":   "name miners route pool difficulty accepted rejected work_accepted pool_accepted pool_rejected pool_work_accepted hashrate last_share_at",
	} {
		path, part, _ := strings.Cut(path, "#")
		doc := object(t, ask{path: path}.do(t, h))
		switch {
		case part == "1":
			doc = doc["hashrate"].(map[string]any)
		case part == "2":
			doc = doc["shares"].(map[string]any)
		case path != "/api/v1/summary":
			doc = doc[strings.TrimPrefix(path, "/api/v1/")].([]any)[0].(map[string]any)
		}
		for key := range strings.FieldsSeq(keys) {
			if _, ok := doc[key]; !ok {
				t.Errorf("%s: no %s in %v", path, key, doc)
			}
		}
		if _, ok := doc["$schema"]; ok {
			t.Errorf("%s carries a $schema", path)
		}
	}
}

func TestPaging(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for query, want := range map[string][]float64{
		"":                   {1, 2, 3},
		"?limit=2":           {1, 2},
		"?limit=2&offset=1":  {2, 3},
		"?offset=2":          {3},
		"?offset=99":         {},
		"?limit=99":          {1, 2, 3},
		"?limit=0&offset=0":  {1, 2, 3},
		"?unknown=1&limit=1": {1},
	} {
		doc := object(t, ask{path: "/api/v1/miners" + query}.do(t, h))
		miners := doc["miners"].([]any)
		got := make([]float64, 0, len(miners))
		for _, m := range miners {
			got = append(got, m.(map[string]any)["id"].(float64))
		}
		if diff := cmp.Diff(want, got); diff != "" || doc["total"] != 3.0 {
			t.Errorf("%q: total %v (-want +got):\n%s", query, doc["total"], diff)
		}
	}
	for query, want := range map[string]string{
		"?limit=-1":                   "limit: expected number >= 0",
		"?limit=x":                    "limit: invalid integer",
		"?offset=-1":                  "offset: expected number >= 0",
		"?limit=99999999999999999999": "limit: invalid integer",
		"?limit=-1&offset=x":          "limit: expected number >= 0; offset: invalid integer",
	} {
		doc := wantProblem(t, query, ask{path: "/api/v1/miners" + query}.do(t, h), http.StatusUnprocessableEntity)
		if doc["detail"] != want {
			t.Errorf("%s: the detail is %q, want %q", query, doc["detail"], want)
		}
	}
}

func TestNotReady(t *testing.T) {
	deps, hub := newDeps()
	hub.ready = false
	h := Handler(deps, true)
	wantProblem(t, "ready", ask{path: "/ready"}.do(t, h), http.StatusServiceUnavailable)
	if w := (ask{path: "/live"}).do(t, h); w.Code != http.StatusOK {
		t.Errorf("/live is %d when nothing is ready", w.Code)
	}
	w := ask{path: "/health"}.do(t, h)
	doc := object(t, w)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != "application/json" || doc["status"] != "down" {
		t.Errorf("/health is %d %v", w.Code, doc)
	}
	check := doc["checks"].(map[string]any)["route:farm"].(map[string]any)
	if check["status"] != "down" || check["detail"] == "" || check["advice"] == "" {
		t.Errorf("the check is %v", check)
	}
}

func TestProblems(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", 404},
		{"GET", "/api/v1/nothing", 404},
		{"GET", "/api/v1/workers/nobody", 404},
		{"GET", "/api/v1/miners/1", 405},
		{"POST", "/api/v1/summary", 405},
		{"DELETE", "/api/v1/workers/alice.rig1", 405},
		{"PUT", "/live", 405},
		{"OPTIONS", "/metrics", 405},
		{"DELETE", "/api/v1/miners/1", 401},
		{"GET", "/docs", 404},
		{"GET", "/schemas/Summary.json", 404},
		{"GET", "/api/v1/../../etc/passwd", 307},
	} {
		w := ask{method: c.method, path: c.path}.do(t, h)
		if c.status == 307 {
			if w.Code/100 != 3 || w.Header().Get("Location") != "/etc/passwd" {
				t.Errorf("%s: %d to %q", c.path, w.Code, w.Header().Get("Location"))
			}
			continue
		}
		doc := wantProblem(t, c.method+" "+c.path, w, c.status)
		switch c.status {
		case 405:
			if w.Header().Get("Allow") == "" {
				t.Errorf("%s %s: no Allow", c.method, c.path)
			}
		case 401:
			if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") || !strings.Contains(fmt.Sprint(doc["detail"]), "api.token") {
				t.Errorf("%s %s: %v without advice", c.method, c.path, doc)
			}
		}
	}
}

func TestDisconnect(t *testing.T) {
	deps, hub := newDeps()
	h := Handler(deps, true)
	for path, status := range map[string]int{
		"/api/v1/miners/1":  http.StatusNoContent,
		"/api/v1/miners/2":  http.StatusNotFound,
		"/api/v1/miners/0":  http.StatusUnprocessableEntity,
		"/api/v1/miners/-1": http.StatusUnprocessableEntity,
		"/api/v1/miners/x":  http.StatusUnprocessableEntity,
	} {
		w := ask{method: http.MethodDelete, path: path, token: secret}.do(t, h)
		if w.Code != status {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, status)
		}
		if status != http.StatusNoContent {
			if doc := wantProblem(t, path, w, status); status == http.StatusUnprocessableEntity && !strings.HasPrefix(fmt.Sprint(doc["detail"]), "id: ") {
				t.Errorf("%s: the detail is %v", path, doc["detail"])
			}
		}
	}
	if len(hub.gone) != 1 {
		t.Errorf("disconnected: %v", hub.gone)
	}
	wantProblem(t, "a wrong token", ask{method: http.MethodDelete, path: "/api/v1/miners/1", token: "wrong"}.do(t, h), http.StatusUnauthorized)
	if len(hub.gone) != 1 {
		t.Error("a wrong token disconnected a miner")
	}
	deps.Miners, deps.Page, deps.Metrics = nil, nil, nil
	h = Handler(deps, true)
	for _, path := range []string{"/api/v1/miners/1", "/", "/metrics"} {
		wantProblem(t, path, ask{method: http.MethodDelete, path: path, token: secret}.do(t, h), http.StatusNotFound)
	}
}

// TestErrorsOfOthersAreProblems: the page and the metrics are not ours, their
// errors look like ours all the same.
func TestErrorsOfOthersAreProblems(t *testing.T) {
	deps, _ := newDeps()
	deps.Page = http.NotFoundHandler()
	deps.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		http.Error(w, "too many", http.StatusServiceUnavailable)
	})
	h := Handler(deps, true)
	wantProblem(t, "page", ask{path: "/web/nothing"}.do(t, h), http.StatusNotFound)
	w := ask{path: "/metrics"}.do(t, h)
	wantProblem(t, "metrics", w, http.StatusServiceUnavailable)
	if w.Header().Get("Content-Length") != "" {
		t.Error("the length of the body that was replaced is left")
	}
}
