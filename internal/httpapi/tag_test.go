package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ifNone asks with a tag.
func ifNone(h http.Handler, path, tag string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost"
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// What is asked for again, and has not changed, is not sent again.
func TestTags(t *testing.T) {
	deps, hub := newDeps()
	h := Handler(deps, true)
	for _, path := range []string{"/api/v1/workers?sort=-name", "/api/v1/pools", "/api/v1/openapi.json", "/api/v1/log"} {
		w := ask{path: path}.do(t, h)
		tag := w.Header().Get("ETag")
		if tag == "" || w.Header().Get("Cache-Control") != "private, no-cache" || !strings.Contains(w.Header().Get("Vary"), "Authorization") {
			t.Errorf("%s: %v", path, w.Header())
		}
		for _, list := range []string{tag, `"x", W/` + tag, "*"} {
			if w := ifNone(h, path, list); w.Code != http.StatusNotModified || w.Body.Len() != 0 || w.Header().Get("ETag") != tag || w.Header().Get("Content-Type") != "" {
				t.Errorf("%s: %d, %d bytes, %v", path, w.Code, w.Body.Len(), w.Header())
			}
		}
		if w := ifNone(h, path, `"x"`); w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s with another tag: %d", path, w.Code)
		}
	}
	before := ask{path: "/api/v1/miners"}.do(t, h).Header().Get("ETag")
	hub.miners = hub.miners[:1]
	if w := ifNone(h, "/api/v1/miners", before); w.Code != http.StatusOK {
		t.Errorf("what has changed: %d", w.Code)
	}
	for _, path := range []string{"/api/v1/none", "/metrics", "/live", "/api/v1/export?what=hours", "/api/v1/events", "/api/v1/workers?sort=x"} {
		if w := (ask{path: path}).do(t, h); w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

// A long answer is not held back.
func TestTagsOfLongAnswers(t *testing.T) {
	piece := []byte(strings.Repeat("x", 1<<20))
	h := tagged(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 6 {
			if n, err := w.Write(piece); n != len(piece) || err != nil {
				t.Error(n, err)
			}
		}
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/x", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 6<<20 || w.Header().Get("ETag") != "" {
		t.Errorf("%d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

// Who asks too often is told when to ask again; others are not concerned, and neither are
// probes.
func TestQuota(t *testing.T) {
	deps, _ := newDeps()
	now := epoch
	counts := refusals{}
	deps.Now, deps.Counts, deps.Quota = func() time.Time { return now }, counts.metrics(), Quota{PerSecond: 2, Burst: 3}
	h := Handler(deps, true)
	pools := ask{path: "/api/v1/pools"}
	for left := 2; left >= 0; left-- {
		w := pools.do(t, h)
		if w.Code != http.StatusOK || w.Header().Get("RateLimit-Policy") != `"requests";q=3;w=2` ||
			!strings.HasPrefix(w.Header().Get("RateLimit"), `"requests";r=`+string(rune('0'+left))+";t=") {
			t.Errorf("%d left: %d %v", left, w.Code, w.Header())
		}
	}
	w := pools.do(t, h)
	if wantProblem(t, "one too many", w, http.StatusTooManyRequests); w.Header().Get("Retry-After") != "1" || w.Header().Get("RateLimit") != `"requests";r=0;t=2` {
		t.Errorf("%v", w.Header())
	}
	wantProblem(t, "a write", ask{method: "POST", path: "/api/v1/pools/main/drain", token: secret}.burst(t, h, 4), http.StatusTooManyRequests)
	if w := (ask{path: "/live"}).do(t, h); w.Code != http.StatusOK {
		t.Errorf("a probe: %d", w.Code)
	}
	if w := (ask{path: "/api/v1/pools", token: tokenOfRole[1]}).do(t, h); w.Code != http.StatusOK {
		t.Errorf("a token that has not asked: %d", w.Code)
	}
	now = now.Add(500 * time.Millisecond)
	if w := pools.do(t, h); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d", w.Code)
	}
	if counts[TooMany] != 2 {
		t.Errorf("counted: %v", counts)
	}
}

// A reload's quota holds for those who have used up the one before.
func TestQuotaIsReconfigured(t *testing.T) {
	deps, _ := newDeps()
	deps.Quota = Quota{PerSecond: 2, Burst: 3}
	s := New(Config{}, deps)
	h := Handler(s.deps, true)
	pools := ask{path: "/api/v1/pools"}
	wantProblem(t, "one too many", pools.burst(t, h, 4), http.StatusTooManyRequests)
	s.Reconfigure(Quota{PerSecond: 5, Burst: 10})
	if w := pools.burst(t, h, 10); w.Code != http.StatusOK || w.Header().Get("RateLimit-Policy") != `"requests";q=10;w=2` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	s.Reconfigure(Quota{PerSecond: 5, Burst: 10})
	wantProblem(t, "the same again", pools.do(t, h), http.StatusTooManyRequests)
	s.Reconfigure(Quota{})
	if w := pools.burst(t, h, 20); w.Code != http.StatusOK || w.Header().Get("RateLimit") != "" {
		t.Errorf("any number: %d %v", w.Code, w.Header())
	}
}

// burst asks so often and returns the last answer.
func (a ask) burst(t *testing.T, h http.Handler, times int) (w *httptest.ResponseRecorder) {
	t.Helper()
	for range times {
		w = a.do(t, h)
	}
	return w
}

// Addresses are not remembered without end.
func TestQuotasAreBounded(t *testing.T) {
	q := quotas{of: Quota{PerSecond: 1, Burst: 1}}
	for i := range maxQuotas + 100 {
		q.take(http.Header{}, "address "+string(rune(i)), epoch)
	}
	if len(q.by) > maxQuotas {
		t.Errorf("%d are remembered", len(q.by))
	}
	none := quotas{}
	h := http.Header{}
	if wait, _ := none.take(h, "x", epoch); wait != 0 || len(h) != 0 {
		t.Errorf("no quota is one: %v", h)
	}
}
