package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every write that succeeds is kept, and nothing else is.
func TestAudit(t *testing.T) {
	deps, hub := newDeps()
	s := newStore()
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	for _, c := range []struct {
		request, body string
		kept          bool
	}{
		{"POST /api/v1/pools/main/drain", "", true},
		{"DELETE /api/v1/pools/main/drain", "", true},
		{"DELETE /api/v1/pools/a%2Fb%3F/drain", "", false},
		{"POST /api/v1/pools/main/disable", "", true},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"main"}`, true},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"other"}`, false},
		{"PUT /api/v1/routes/farm/split", `{"split":[]}`, true},
		{"DELETE /api/v1/miners/1", "", true},
		{"DELETE /api/v1/miners/9", "", false},
		{"POST /api/v1/reload", "", true},
		{"POST /api/v1/payouts", paid, true},
		{"POST /api/v1/nothing", "", false},
		{"GET /api/v1/pools", "", false},
	} {
		before := len(s.acts)
		method, path, _ := strings.Cut(c.request, " ")
		w := ask{method: method, path: path, body: c.body, token: secret}.do(t, h)
		if kept := len(s.acts) - before; kept > 1 || (kept == 1) != c.kept {
			t.Errorf("%s: %d, kept %d times", c.request, w.Code, kept)
		} else if c.kept && (s.acts[before].What != c.request || s.acts[before].Who != "admin" || !s.acts[before].At.Equal(noon.Add(40*time.Minute)) || !strings.HasPrefix(s.acts[before].Detail, "from 192.0.2.1:")) {
			t.Errorf("%s: %+v", c.request, s.acts[before])
		}
	}
	before := len(s.acts)
	wantProblem(t, "without the token", ask{method: "POST", path: "/api/v1/pools/main/drain"}.do(t, h), http.StatusUnauthorized)
	if len(s.acts) != before || len(hub.said) == 0 {
		t.Error("what was not done is kept")
	}
	got := told[ActList](t, h, "/api/v1/audit?limit=2")
	what := make([]string, 0, 2)
	for _, a := range got.Acts {
		what = append(what, a.What)
	}
	if diff := cmp.Diff([]string{"POST /api/v1/payouts", "POST /api/v1/reload"}, what); diff != "" {
		t.Error(diff)
	}
}

// The record is for those who have the token, on loopback, too.
func TestAuditNeedsTheToken(t *testing.T) {
	deps, _ := newDeps()
	for _, path := range []string{"/api/v1/audit", "/api/v1/audit?limit=1"} {
		wantProblem(t, path, ask{path: path}.do(t, Handler(deps, true)), http.StatusUnauthorized)
		wantProblem(t, path, ask{path: path, token: "wrong"}.do(t, Handler(deps, true)), http.StatusUnauthorized)
		wantProblem(t, path, ask{method: http.MethodHead, path: path}.do(t, Handler(deps, true)), http.StatusUnauthorized)
	}
}

// A record that cannot be kept is in the log, and the write is done all the same.
func TestAuditThatFails(t *testing.T) {
	deps, hub := newDeps()
	var log bytes.Buffer
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := newStore()
	s.fail = errors.New("disk full")
	deps.Records = newRecords(s)
	w := ask{method: "POST", path: "/api/v1/pools/main/drain", token: secret}.do(t, Handler(deps, true))
	if w.Code != http.StatusNoContent || len(hub.said) != 1 {
		t.Errorf("%d, said %v", w.Code, hub.said)
	}
	if text := log.String(); !strings.Contains(text, `what="POST /api/v1/pools/main/drain"`) || !strings.Contains(text, "disk full") {
		t.Errorf("the log says %s", text)
	}
}
