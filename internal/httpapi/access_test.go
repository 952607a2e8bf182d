package httpapi

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/auth"
)

// The table of roles has every operation of the document and no other, and the
// document says each one's role.
func TestAccessIsTheDocument(t *testing.T) {
	deps, _ := newDeps()
	w := ask{path: "/api/v1/openapi.json"}.do(t, Handler(deps, true))
	var doc document
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]string)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			what := strings.ToUpper(method) + " " + path
			documented[what] = op.Role
			least := access[what]
			var want []map[string][]string
			switch least {
			case auth.Nobody:
			case auth.Viewer:
				want = []map[string][]string{{"token": {"viewer"}}, {}}
			default:
				want = []map[string][]string{{"token": {least.String()}}}
			}
			if diff := cmp.Diff(want, op.Security); diff != "" && len(want)+len(op.Security) > 0 {
				t.Errorf("%s: the document's security is %s", what, diff)
			}
			for _, code := range []string{"401", "403", "429"} {
				if _, ok := op.Responses[code]; !ok && least > auth.Nobody {
					t.Errorf("%s: the document has no answer %s", what, code)
				}
			}
		}
	}
	table := make(map[string]string)
	for what, role := range access {
		table[what] = role.String()
	}
	if diff := cmp.Diff(table, documented); diff != "" {
		t.Errorf("access is not what the document says (-table +document):\n%s", diff)
	}
}

// What is no operation is in the other tables: each entry is a pattern of the router.
func TestBesidesIsServed(t *testing.T) {
	deps, _ := newDeps()
	g, ok := Handler(deps, true).(*guard)
	if !ok {
		t.Fatal("no guard")
	}
	others := maps.Clone(besides)
	maps.Copy(others, onPage)
	for what := range others {
		method, path, _ := strings.Cut(what, " ")
		r := httptest.NewRequest(method, strings.TrimSuffix(path, "{$}"), nil)
		if _, pattern := g.mux.Handler(r); pattern != what {
			t.Errorf("%s is served by %q", what, pattern)
		}
		if _, ok := access[what]; ok {
			t.Errorf("%s is in both tables", what)
		}
	}
	if leastFor("GET /of/others") != auth.Admin || leastFor("") != auth.Admin {
		t.Error("what is in no table is not for admins")
	}
}

// Everything is asked for with every role, on loopback and off it: who has the least
// role, and nobody else, is served. A browser's session is worth what its token is.
func TestEveryRoleAtEveryDoor(t *testing.T) {
	deps, _ := newDeps()
	deps.Control, deps.Miners = nil, nil // nothing of it is done: served is what is not refused
	all := maps.Clone(access)
	maps.Copy(all, besides)
	maps.Copy(all, onPage)
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux := http.NewServeMux()
	for what := range all {
		mux.Handle(what, served)
	}
	for _, loopback := range []bool{true, false} {
		g, ok := Handler(deps, loopback).(*guard)
		if !ok {
			t.Fatal("no guard")
		}
		g.mux, g.reads, g.writes = mux, mux, mux
		for _, what := range slices.Sorted(maps.Keys(all)) {
			method, path, _ := strings.Cut(what, " ")
			path = regexp.MustCompile(`{[a-z]+(\.\.\.)?}`).ReplaceAllString(strings.TrimSuffix(path, "{$}"), "1")
			for role, token := range tokenOfRole {
				cookie := ""
				if role != auth.Nobody {
					cookie = g.sessions.cookie + "=" + g.sessions.begin(sha256.Sum256([]byte(token)), epoch)
				}
				least := all[what]
				want := http.StatusTeapot
				switch {
				case role >= least:
				case role == auth.Nobody && loopback && method == http.MethodGet && least == auth.Viewer:
				case role == auth.Nobody:
					want = http.StatusUnauthorized
				default:
					want = http.StatusForbidden
				}
				for _, m := range headToo(method) {
					w := ask{method: m, path: path, token: token}.do(t, g)
					if w.Code != want {
						t.Errorf("%s %s as %v, loopback %t: %d, want %d", m, path, role, loopback, w.Code, want)
					}
					if w := (ask{method: m, path: path, cookie: cookie}).do(t, g); w.Code != want {
						t.Errorf("%s %s as %v by session, loopback %t: %d, want %d", m, path, role, loopback, w.Code, want)
					}
				}
			}
		}
	}
}

func headToo(method string) []string {
	if method == http.MethodGet {
		return []string{method, http.MethodHead}
	}
	return []string{method}
}

// Who may not is told what would do.
func TestForbiddenSaysWhatWouldDo(t *testing.T) {
	deps, hub := newDeps()
	h := Handler(deps, true)
	doc := wantProblem(t, "a viewer", ask{method: "POST", path: "/api/v1/pools/main/drain", token: tokenOfRole[auth.Viewer]}.do(t, h), http.StatusForbidden)
	if text := fmt.Sprint(doc["detail"]); !strings.Contains(text, "role operator") || !strings.Contains(text, "screen has the role viewer") || !strings.Contains(text, "loka token add --role operator") {
		t.Error(text)
	}
	doc = wantProblem(t, "an operator", ask{method: "POST", path: "/api/v1/reload", token: tokenOfRole[auth.Operator]}.do(t, h), http.StatusForbidden)
	if text := fmt.Sprint(doc["detail"]); !strings.Contains(text, "role admin") {
		t.Error(text)
	}
	doc = wantProblem(t, "an old token", ask{method: "POST", path: "/api/v1/reload", token: "an-old-token"}.do(t, h), http.StatusUnauthorized)
	if text := fmt.Sprint(doc["detail"]); !strings.Contains(text, "token old has expired") {
		t.Error(text)
	}
	if len(hub.said) != 0 {
		t.Errorf("it was done: %v", hub.said)
	}
}

// A viewer's token shows the page and all that the page and loka status ask for.
func TestAViewerSeesThePage(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, false)
	for _, path := range []string{
		"/", "/web/app.js", "/health", "/metrics", "/api/v1/summary", "/api/v1/pools?limit=200", "/api/v1/workers", "/api/v1/miners", "/api/v1/routes", "/api/v1/revenue?by=farm&from=24h",
	} {
		if w := (ask{path: path, host: "any.example.com", token: tokenOfRole[auth.Viewer]}).do(t, h); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
