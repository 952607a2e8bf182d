package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is asked of the API, with whatever in its query and body, it answers: no
// panic, no 5xx but that the API tells of itself, every error a problem as JSON, and
// nothing changes without the token.
func FuzzAPI(f *testing.F) {
	for _, path := range []string{
		"/", "/live", "/ready", "/health", "/metrics", "/web/app.js", "/api/v1/summary", "/api/v1/pools?limit=1&offset=2", "/api/v1/workers/alice.rig1",
		"/api/v1/history?from=2026-01-31T10:00:00Z&to=now&step=hour&worker=alice.rig1", "/api/v1/history?from=-1h&step=minute&pool=main",
		"/api/v1/workers/bob%2F1%20%252F%3F/history?user=alice", "/api/v1/export?what=shares&format=csv&from=2026-01-31", "/api/v1/export?what=rollups&format=parquet",
		"/api/v1/revenue?from=2026-01-01&group=user", "/api/v1/blocks?limit=10&before=3", "/api/v1/payouts", "/api/v1/payouts/1", "/api/v1/audit?limit=1", "/api/v1/applied",
		"/api/v1/openapi.json", "/api/v1/../../etc/passwd", "/api/v1/routes/farm/split", "//", "/%00",
	} {
		f.Add(uint8(0), path, "", false)
	}
	f.Add(uint8(1), "/api/v1/pools/main/drain", "", true)
	f.Add(uint8(2), "/api/v1/routes/farm/pin", `{"pool":"main"}`, true)
	f.Add(uint8(2), "/api/v1/routes/farm/split", `{"split":[{"pool":"main","weight":70},{"pool":"backup","hashrate":"1PH/s"}]}`, true)
	f.Add(uint8(3), "/api/v1/miners/1", "", true)
	f.Add(uint8(1), "/api/v1/payouts", `{"user":"alice","amount":"12.5","from":"2026-01-01","to":"2026-02-01"}`, true)
	f.Add(uint8(1), "/api/v1/reload", `{`, true)
	f.Add(uint8(1), "/api/v1/reload/plan", "[[pool]]\n", false)
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodPatch, http.MethodOptions}
	f.Fuzz(func(t *testing.T, method uint8, target, body string, admin bool) {
		u, err := url.Parse(target)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return // no HTTP server hands that on
		}
		r, err := http.NewRequestWithContext(t.Context(), methods[int(method)%len(methods)], "http://localhost:9090"+u.RequestURI(), strings.NewReader(body))
		if err != nil {
			return
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if admin {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		deps, hub := newDeps()
		w := httptest.NewRecorder()
		Handler(deps, true).ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusInternalServerError:
			t.Errorf("%s %s: %d %s", r.Method, target, w.Code, w.Body)
		case w.Code >= 400 && r.Method != http.MethodHead && !json.Valid(w.Body.Bytes()):
			t.Errorf("%s %s: %d is said as %q", r.Method, target, w.Code, w.Body)
		case !admin && len(hub.said)+len(hub.gone) > 0:
			t.Errorf("%s %s: without the token %q %v", r.Method, target, hub.said, hub.gone)
		}
	})
}
