package httpapi

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/auth"
)

// browser is one that keeps its cookies.
type browser struct {
	h      http.Handler
	cookie string
}

const formKind = "application/x-www-form-urlencoded"

// asks asks as a visitor does, and keeps the cookie that it is given.
func (b *browser) asks(t *testing.T, a ask) *httptest.ResponseRecorder {
	t.Helper()
	a.cookie = b.cookie
	header := map[string]string{"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}
	maps.Copy(header, a.header)
	a.header = header
	w := a.do(t, b.h)
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Name + "=" + c.Value
		if c.MaxAge < 0 {
			b.cookie = ""
		}
	}
	return w
}

func (b *browser) signsIn(t *testing.T, token, next string) *httptest.ResponseRecorder {
	t.Helper()
	return b.asks(t, ask{method: http.MethodPost, path: "/signin", kind: formKind, body: url.Values{"token": {token}, "next": {next}}.Encode()})
}

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) time() time.Time { return c.now }

// Off loopback a visitor is asked for a token, gets a session for it, and may do what
// the token may, until they sign out.
func TestSignIn(t *testing.T) {
	deps, hub := newDeps()
	file := new(fakeFile)
	deps.Audit = file
	b := &browser{h: Handler(deps, false)}
	if w := b.asks(t, ask{path: "/workers?q=a"}); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Next:/workers?q=a") {
		t.Errorf("a visitor: %d %s", w.Code, w.Body)
	}
	w := b.signsIn(t, " "+tokenOfRole[auth.Operator]+"\n", "/workers?q=a")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/workers?q=a" {
		t.Fatalf("%d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	set := w.Header().Get("Set-Cookie")
	for _, want := range []string{"loka_session_", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=604800"} {
		if !strings.Contains(set, want) {
			t.Errorf("no %q in the cookie %q", want, set)
		}
	}
	if strings.Contains(set, "Secure") || strings.Contains(set, tokenOfRole[auth.Operator]) {
		t.Errorf("the cookie is %q", set)
	}
	if w := b.asks(t, ask{path: "/"}); w.Code != http.StatusOK || w.Body.String() != "page" {
		t.Errorf("with a session: %d %s", w.Code, w.Body)
	}
	if doc := object(t, b.asks(t, ask{path: "/api/v1/session"})); doc["name"] != "ops" || doc["role"] != "operator" || doc["signed_in"] != true {
		t.Errorf("who asks: %v", doc)
	}
	if w := b.asks(t, ask{method: http.MethodPost, path: "/api/v1/pools/main/drain"}); w.Code != http.StatusNoContent || !slices.Contains(hub.said, "drain main true") {
		t.Errorf("a write: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "what is for admins", b.asks(t, ask{method: http.MethodPost, path: "/api/v1/reload"}), http.StatusForbidden)
	was := b.cookie
	if w := b.asks(t, ask{method: http.MethodPost, path: "/signout"}); w.Code != http.StatusSeeOther || b.cookie != "" {
		t.Errorf("out: %d, cookie %q", w.Code, b.cookie)
	}
	b.cookie = was
	wantProblem(t, "the session that was ended", b.asks(t, ask{path: "/api/v1/summary"}), http.StatusUnauthorized)
	did := make([]string, 0, len(file.acts))
	for _, a := range file.acts {
		did = append(did, a.Who+" "+a.What)
	}
	if want := []string{"ops POST /signin", "ops POST /api/v1/pools/main/drain", "ops POST /signout"}; !slices.Equal(did, want) {
		t.Errorf("the audit record has %q", did)
	}
}

func TestSignInSecure(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	body := url.Values{"token": {secret}}.Encode()
	for origin, want := range map[string]bool{"https://loka.example.com": true, "http://loka.example.com": false, "": false} {
		a := ask{method: http.MethodPost, path: "/signin", host: "loka.example.com", kind: formKind, body: body, header: map[string]string{}}
		if origin != "" {
			a.header["Origin"] = origin
		}
		w := a.do(t, h)
		if got := strings.Contains(w.Header().Get("Set-Cookie"), "; Secure"); got != want || w.Code != http.StatusSeeOther {
			t.Errorf("from %q: %d, secure %t", origin, w.Code, got)
		}
	}
}

// What is no visit gets problems as ever, and a visit on loopback by another name the
// form: it may have come by a proxy.
func TestWhoIsAskedForAToken(t *testing.T) {
	deps, _ := newDeps()
	far, here := Handler(deps, false), Handler(deps, true)
	html := map[string]string{"Accept": "text/html"}
	for _, c := range []struct {
		what   string
		h      http.Handler
		ask    ask
		status int
		form   bool
	}{
		{"a visit", far, ask{path: "/", header: html}, http.StatusUnauthorized, true},
		{"the form itself", far, ask{path: "/signin"}, http.StatusOK, true},
		{"a script", far, ask{path: "/", header: map[string]string{"Accept": "text/html", "Sec-Fetch-Dest": "empty"}}, http.StatusUnauthorized, false},
		{"a program", far, ask{path: "/"}, http.StatusUnauthorized, false},
		{"the API", far, ask{path: "/api/v1/summary", header: html}, http.StatusUnauthorized, false},
		{"a wrong token", far, ask{path: "/", token: "wrong", header: html}, http.StatusUnauthorized, false},
		{"HEAD", far, ask{method: http.MethodHead, path: "/", header: html}, http.StatusUnauthorized, false},
		{"another name", here, ask{path: "/", host: "loka.example.com", header: html}, http.StatusMisdirectedRequest, true},
		{"a program by another name", here, ask{path: "/", host: "loka.example.com"}, http.StatusMisdirectedRequest, false},
		{"what is for admins", here, ask{path: "/debug/pprof/", header: html}, http.StatusUnauthorized, true},
	} {
		w := c.ask.do(t, c.h)
		if form := strings.HasPrefix(w.Body.String(), "form "); w.Code != c.status || form != c.form {
			t.Errorf("%s: %d, a form: %t", c.what, w.Code, form)
		}
		if c.status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", c.what)
		}
	}
	deps.SignIn = nil
	wantProblem(t, "no form", ask{path: "/", header: html}.do(t, Handler(deps, false)), http.StatusUnauthorized)
}

func TestSignInRefuses(t *testing.T) {
	deps, _ := newDeps()
	counted := make(refusals)
	deps.Counts = counted.metrics()
	at := &clock{epoch}
	deps.Now = at.time
	b := &browser{h: Handler(deps, false)}
	said := func(what, token string, status int, want string) {
		t.Helper()
		if w := b.signsIn(t, token, "/"); w.Code != status || !strings.Contains(w.Body.String(), want) || b.cookie != "" {
			t.Errorf("%s: %d %s, cookie %q", what, w.Code, w.Body, b.cookie)
		}
	}
	said("none", "", http.StatusUnauthorized, "Enter a token")
	said("an old one", "an-old-token", http.StatusUnauthorized, "old has expired")
	for range wrongBurst {
		said("a wrong one", "wrong", http.StatusUnauthorized, "not known here")
	}
	said("one too many", "wrong", http.StatusTooManyRequests, "Try again in 6 s")
	if w := b.signsIn(t, secret, "/"); w.Code != http.StatusSeeOther {
		t.Errorf("the right one is not let in: %d", w.Code)
	}
	if counted[WrongToken] != wrongBurst || counted[Throttled] != 1 || counted[ExpiredToken] != 1 {
		t.Errorf("counted: %v", counted)
	}
	other := &browser{h: b.h}
	wantProblem(t, "a huge form", other.signsIn(t, strings.Repeat("x", maxSignIn), "/"), http.StatusBadRequest)
	w := other.asks(t, ask{method: http.MethodPost, path: "/signin", kind: formKind, body: "token=" + secret, header: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	wantProblem(t, "another site's form", w, http.StatusForbidden)
	if other.cookie != "" {
		t.Error("another site has signed somebody in")
	}
}

// A session ends by idling, by its age, and with its token, and is worth nothing to
// another site's pages.
func TestSessionsEnd(t *testing.T) {
	book, _, err := auth.Open(t.TempDir(), auth.NewToken(secret))
	if err != nil {
		t.Fatal(err)
	}
	at := &clock{epoch}
	deps, _ := newDeps()
	deps.Token, deps.Tokens, deps.Now = book, book, at.time
	h := Handler(deps, false)
	signedIn := func(token string) *browser {
		t.Helper()
		b := &browser{h: h}
		if w := b.signsIn(t, token, "/"); w.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return b
	}
	status := func(b *browser) int { return b.asks(t, ask{path: "/api/v1/summary"}).Code }
	wants := func(what string, b *browser, want int) {
		t.Helper()
		if got := status(b); got != want {
			t.Errorf("%s: %d", what, got)
		}
	}

	idle, busy := signedIn(secret), signedIn(secret)
	at.now = at.now.Add(sessionIdle - 1)
	wants("not idle for long enough", busy, http.StatusOK)
	at.now = at.now.Add(1)
	wants("idle", idle, http.StatusUnauthorized)
	for at.now.Before(epoch.Add(sessionTerm - time.Hour)) {
		wants("busy", busy, http.StatusOK)
		at.now = at.now.Add(time.Hour)
	}
	at.now = epoch.Add(sessionTerm)
	wants("too old", busy, http.StatusUnauthorized)

	expires, _, err := book.Add(auth.Wanted{Name: "day", Role: auth.Viewer, Expires: at.now.Add(time.Hour)}, at.now)
	if err != nil {
		t.Fatal(err)
	}
	removed, _, err := book.Add(auth.Wanted{Name: "gone", Role: auth.Viewer}, at.now)
	if err != nil {
		t.Fatal(err)
	}
	one, other := signedIn(expires), signedIn(removed)
	wants("of a token that expires", one, http.StatusOK)
	wants("of a token that is removed", other, http.StatusOK)
	if _, err := book.Remove("gone"); err != nil {
		t.Fatal(err)
	}
	wants("of a token that was removed", other, http.StatusUnauthorized)
	at.now = at.now.Add(time.Hour)
	wants("of a token that has expired", one, http.StatusUnauthorized)

	b := signedIn(secret)
	for _, site := range []string{"cross-site", "same-site"} {
		if w := b.asks(t, ask{path: "/api/v1/summary", header: map[string]string{"Sec-Fetch-Site": site}}); w.Code != http.StatusUnauthorized {
			t.Errorf("asked by a page that is %s: %d", site, w.Code)
		}
	}
	wants("and by its own", b, http.StatusOK)
	before := b.cookie
	if w := b.signsIn(t, secret, "/"); w.Code != http.StatusSeeOther || b.cookie == before {
		t.Errorf("signed in again: %d", w.Code)
	}
	wants("the session before", &browser{h, before}, http.StatusUnauthorized)
	wants("a made up one", &browser{h, strings.SplitAfter(before, "=")[0] + "guess"}, http.StatusUnauthorized)
}

// However often one signs in, there are so many sessions of a token, and the idlest
// one gives way.
func TestSessionsAreBounded(t *testing.T) {
	s := newSessions(fakeToken{}, "test")
	of := func(id string) *http.Request {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: s.cookie, Value: id})
		return r
	}
	sum := func(token string) auth.Sum { return auth.NewToken(token).Sum() }
	other := s.begin(sum(tokenOfRole[auth.Viewer]), epoch)
	first := s.begin(sum(secret), epoch)
	second := s.begin(sum(secret), epoch.Add(1))
	if _, err := s.identify(of(first), epoch.Add(2)); err != nil {
		t.Fatal(err)
	}
	for n := range 10 * maxSessions {
		s.begin(sum(secret), epoch.Add(time.Duration(3+n)))
	}
	if len(s.by) != maxSessions+1 {
		t.Errorf("%d sessions", len(s.by))
	}
	if _, err := s.identify(of(second), epoch.Add(time.Second)); err == nil {
		t.Error("the idlest one is still there")
	}
	if who, err := s.identify(of(other), epoch.Add(time.Second)); err != nil || who.Name != "screen" {
		t.Errorf("another token's had to give way: %v, %v", who, err)
	}
	s.begin(sum(secret), epoch.Add(2*sessionIdle))
	if len(s.by) != 1 {
		t.Errorf("%d sessions once all others are over", len(s.by))
	}
}

// Each instance of a machine has a cookie of its own.
func TestSessionsOfInstances(t *testing.T) {
	if a, b := newSessions(nil, "a").cookie, newSessions(nil, "b").cookie; a == b {
		t.Errorf("both have %s", a)
	}
}

func TestLocal(t *testing.T) {
	for next, ok := range map[string]bool{
		"/": true, "/workers": true, "/workers?q=a%20b&sort=-x#top": true, "/workers/a%2Fb": true,
		"": false, "workers": false, "//evil.example.com": false, `/\evil.example.com`: false, "https://evil.example.com/": false,
		"/a\r\nSet-Cookie: x=y": false, "/ä": false, "/a b": false, "/signin": false, "/signout?x": false, "/" + strings.Repeat("x", 1024): false,
		"javascript:alert(1)": false,
	} {
		want := "/"
		if ok {
			want = next
		}
		if got := local(next); got != want {
			t.Errorf("%.40q: %q", next, got)
		}
	}
}

func FuzzSignIn(f *testing.F) {
	f.Add("token="+secret+"&next=/workers", "a=b")
	f.Add("next=//evil.example.com&token="+secret, "loka_session_x=1")
	f.Add("%zz=;&&", "\"")
	f.Fuzz(func(t *testing.T, body, cookie string) {
		deps, _ := newDeps()
		deps.Records = nil
		// What a form is sent is shown again, and a fuzzer knows our secrets: nothing is heard.
		w := ask{method: http.MethodPost, path: "/signin", kind: formKind, body: body, cookie: cookie}.send(Handler(deps, false))
		to := w.Header().Get("Location")
		in := w.Code == http.StatusSeeOther
		if in != (to != "") || in != (w.Header().Get("Set-Cookie") != "") {
			t.Errorf("%d, to %q", w.Code, to)
		}
		if u, err := url.Parse(to); in && (err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/")) {
			t.Errorf("sent to %q", to)
		}
		if !in && w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
			t.Errorf("answered with %d", w.Code)
		}
	})
}
