package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	for _, c := range []struct {
		request, body string
		status        int
		said          string // what it came to; empty: nothing
		detail        string // part of the problem's
	}{
		{"POST /api/v1/pools/main/drain", "", 204, "drain main true", ""},
		{"DELETE /api/v1/pools/backup/drain", "", 204, "drain backup false", ""},
		{"POST /api/v1/pools/mian/drain", "", 404, "drain mian true", `there is no pool "mian"; there are: main, backup`},
		{"DELETE /api/v1/pools/a%2Fb%3F/drain", "", 404, "drain a/b? false", `no pool "a/b?"`},
		{"POST /api/v1/pools/mian/disable", "", 404, "disable mian", `there is no pool "mian"; there are: main, backup`},
		{"DELETE /api/v1/pools/main/disable", "", 204, "enable main", ""},
		{"DELETE /api/v1/pools/mian/disable", "", 404, "enable mian", `there is no pool "mian"; there are: main, backup`},
		{"POST /api/v1/pools/mian/payout", `{"accept":true}`, 404, "accept mian", `there is no pool "mian"; there are: main, backup`},
		{"POST /api/v1/pools/main/payout", `{"accept":false}`, 422, "", `write {"accept": true}`},
		{"POST /api/v1/pools/main/payout", `{}`, 422, "", "expected required property accept to be present"},
		{"POST /api/v1/pools/main/payout", "", 400, "", "request body is required"},
		{"GET /api/v1/pools/main/payout", "", 405, "", "possible are: POST"},
		{"GET /api/v1/pools/main/disable", "", 405, "", "possible are: DELETE, POST"},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"backup"}`, 204, "pin farm backup", ""},
		{"DELETE /api/v1/routes/farm/pin", "", 204, "pin farm", ""},
		{"PUT /api/v1/routes/fram/pin", `{"pool":"backup"}`, 404, "pin fram backup", `there is no route "fram"; there are: farm`},
		{"DELETE /api/v1/routes/fram/pin", "", 404, "pin fram", `there is no route "fram"; there are: farm`},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"other"}`, 422, "pin farm other", `pool "other" is none of route "farm"; its pools are: main, backup`},
		{"PUT /api/v1/routes/farm/pin", `{"pool":""}`, 422, "", "body.pool: expected length >= 1"},
		{"PUT /api/v1/routes/farm/pin", `{}`, 422, "", "body: expected required property pool to be present"},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"main","polo":1}`, 422, "", "body.polo: unexpected property"},
		{"PUT /api/v1/routes/farm/pin", `{"pool":1}`, 422, "", "body.pool: expected string"},
		{"PUT /api/v1/routes/farm/pin", `{"pool":`, 400, "", "unexpected end of JSON"},
		{"PUT /api/v1/routes/farm/pin", "", 400, "", "request body is required"},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "", "too large"},
		{"PUT /api/v1/routes/farm/split", `{"split":[{"pool":"main","weight":1}]}`, 204, `split farm {"split":[{"pool":"main","weight":1}]}`, ""},
		{"PUT /api/v1/routes/fram/split", `{}`, 404, "split fram {}", `there is no route "fram"; there are: farm`},
		{"PUT /api/v1/routes/farm/split", `{"split":`, 400, "", "body: unexpected end of JSON"},
		{"PUT /api/v1/routes/farm/split", "", 400, "", "request body is required"},
		{"PUT /api/v1/routes/farm/split", `"` + strings.Repeat("x", maxSplitBytes) + `"`, 413, "", "too large"},
		{"DELETE /api/v1/routes/farm/split", "", 204, "unsplit farm", ""},
		{"DELETE /api/v1/routes/fram/split", "", 404, "unsplit fram", `there is no route "fram"; there are: farm`},
		{"GET /api/v1/routes/farm/split", "", 405, "", "possible are: DELETE, PUT"},
		{"GET /api/v1/pools/main/drain", "", 405, "", "possible are: DELETE, POST"},
		{"POST /api/v1/routes/farm/pin", `{"pool":"main"}`, 405, "", "possible are: DELETE, PUT"},
	} {
		deps, hub := newDeps()
		method, path, _ := strings.Cut(c.request, " ")
		what := c.request + " " + c.body[:min(len(c.body), 40)]
		w := ask{method: method, path: path, body: c.body, token: secret}.do(t, Handler(deps, true))
		if got := strings.Join(hub.said, "; "); got != c.said {
			t.Errorf("%s: came to %q, want %q", what, got, c.said)
		}
		if c.status == http.StatusNoContent {
			if w.Code != c.status || w.Body.Len() != 0 {
				t.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
			continue
		}
		if doc := wantProblem(t, what, w, c.status); !strings.Contains(fmt.Sprint(doc["detail"]), c.detail) {
			t.Errorf("%s: the detail is %v, want %q", what, doc["detail"], c.detail)
		}
	}
}

// Who disables a pool is told which routes have no other one.
func TestDisableSaysWhichRoutesAreAlone(t *testing.T) {
	for pool, want := range map[string]string{"main": `{"routes_without_pool":[]}`, "backup": `{"routes_without_pool":["farm"]}`} {
		deps, _ := newDeps()
		w := ask{method: "POST", path: "/api/v1/pools/" + pool + "/disable", token: secret}.do(t, Handler(deps, true))
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d %s", pool, w.Code, got)
		}
	}
}

// What the file disables is enabled there.
func TestEnableWhatTheFileDisables(t *testing.T) {
	deps, hub := newDeps()
	hub.refuse = ErrDisabledByFile
	doc := wantProblem(t, "enable", ask{method: "DELETE", path: "/api/v1/pools/main/disable", token: secret}.do(t, Handler(deps, true)), http.StatusConflict)
	if !strings.Contains(fmt.Sprint(doc["detail"]), `pool "main" is disabled in the file; remove enabled = false there`) {
		t.Errorf("the detail is %v", doc["detail"])
	}
}

// It is in the record where that has changed what is kept for the next start, though it
// is refused.
func TestEnableThatForgetsIsAudited(t *testing.T) {
	for refuse, want := range map[error]int{ErrDisabledByFile: 0, ErrOnlyByFile: 1} {
		deps, hub := newDeps()
		file := new(fakeFile)
		deps.Audit, hub.refuse = file, refuse
		wantProblem(t, "enable", ask{method: "DELETE", path: "/api/v1/pools/main/disable", token: secret}.do(t, Handler(deps, true)), http.StatusConflict)
		if len(file.acts) != want || want > 0 && !strings.Contains(file.acts[0].Detail, "forgotten") {
			t.Errorf("%v: %+v", refuse, file.acts)
		}
	}
}

var controlRequests = []ask{
	{method: "POST", path: "/api/v1/pools/main/drain"},
	{method: "DELETE", path: "/api/v1/pools/main/drain"},
	{method: "POST", path: "/api/v1/pools/main/disable"},
	{method: "DELETE", path: "/api/v1/pools/main/disable"},
	{method: "POST", path: "/api/v1/pools/main/payout", body: `{"accept":true}`},
	{method: "PUT", path: "/api/v1/routes/farm/pin", body: `{"pool":"backup"}`},
	{method: "DELETE", path: "/api/v1/routes/farm/pin"},
	{method: "PUT", path: "/api/v1/routes/farm/split", body: `{"split":[{"pool":"main","weight":1}]}`},
	{method: "DELETE", path: "/api/v1/routes/farm/split"},
}

// Nobody without the token gets further than to the door, whatever he names.
func TestControlNeedsTheToken(t *testing.T) {
	deps, hub := newDeps()
	for _, loopback := range []bool{true, false} {
		for _, token := range []string{"", "wrong"} {
			for _, a := range controlRequests {
				a.token = token
				wantProblem(t, a.path, a.do(t, Handler(deps, loopback)), http.StatusUnauthorized)
			}
		}
	}
	if len(hub.said) != 0 {
		t.Errorf("done: %v", hub.said)
	}
}

// What is done and cannot be kept is said, once what was wanted exists at all.
func TestControlThatCannotBeKept(t *testing.T) {
	deps, hub := newDeps()
	hub.keep = errors.New("no space left on device")
	for _, a := range controlRequests {
		a.token = secret
		doc := wantProblem(t, a.path, a.do(t, Handler(deps, true)), http.StatusInternalServerError)
		if detail := fmt.Sprint(doc["detail"]); !strings.Contains(detail, "it is done, but the next start will not know of it: no space left on device;") {
			t.Errorf("%s: %s", a.path, detail)
		}
	}
	wantProblem(t, "no pool", ask{method: "POST", path: "/api/v1/pools/x/drain", token: secret}.do(t, Handler(deps, true)), http.StatusNotFound)
}

func TestControlIsOptional(t *testing.T) {
	deps, _ := newDeps()
	deps.Control, deps.Acceptor = nil, nil
	for _, a := range controlRequests {
		a.token = secret
		wantProblem(t, a.path, a.do(t, Handler(deps, true)), http.StatusNotFound)
	}
}

// What is drained and pinned is in the lists.
func TestControlShows(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	pools := object(t, ask{path: "/api/v1/pools"}.do(t, h))["pools"].([]any)
	drained := make([]any, 0, len(pools))
	for _, p := range pools {
		drained = append(drained, p.(map[string]any)["drained"])
	}
	if !slices.Equal(drained, []any{false, true}) {
		t.Errorf("drained: %v", drained)
	}
	route := object(t, ask{path: "/api/v1/routes"}.do(t, h))["routes"].([]any)[0].(map[string]any)
	if route["pinned"] != "main" {
		t.Errorf("the route is %v", route)
	}
}
