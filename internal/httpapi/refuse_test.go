package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/auth"
)

// from sends a request of an address.
func from(h http.Handler, remote, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/summary", nil)
	r.RemoteAddr = remote
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Wrong tokens are answered ever more rarely; a right one always is, from there too.
func TestWrongTokensAreThrottled(t *testing.T) {
	deps, _ := newDeps()
	now := epoch
	deps.Now = func() time.Time { return now }
	counted := refusals{}
	deps.Counts = counted.metrics()
	h := Handler(deps, false)
	const guesser, other = "192.0.2.9:1", "192.0.2.10:1"
	for range wrongBurst {
		wantProblem(t, "a guess", from(h, guesser, "wrong"), http.StatusUnauthorized)
	}
	w := from(h, guesser, "wrong")
	wantProblem(t, "a guess too many", w, http.StatusTooManyRequests)
	if s, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || s < 1 || s > 6 {
		t.Errorf("Retry-After: %q", w.Header().Get("Retry-After"))
	}
	if w := from(h, guesser, secret); w.Code != http.StatusOK {
		t.Errorf("the right token from there: %d", w.Code)
	}
	wantProblem(t, "another address", from(h, other, "wrong"), http.StatusUnauthorized)
	wantProblem(t, "an expired one is no guess", from(h, guesser, "an-old-token"), http.StatusUnauthorized)
	now = now.Add(wrongEvery)
	wantProblem(t, "after a while", from(h, guesser, "wrong"), http.StatusUnauthorized)
	wantProblem(t, "and again", from(h, guesser, "wrong"), http.StatusTooManyRequests)
	if diff := cmp.Diff(refusals{WrongToken: wrongBurst + 2, Throttled: 2, ExpiredToken: 1}, counted); diff != "" {
		t.Error(diff)
	}
}

// Where none is needed a wrong token is as none.
func TestWrongTokenOnLoopbackIsNone(t *testing.T) {
	deps, _ := newDeps()
	counted := refusals{}
	deps.Counts = counted.metrics()
	h := Handler(deps, true)
	for range 2 * wrongBurst {
		w := ask{path: "/api/v1/session", token: "wrong"}.do(t, h)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"signed_in":false`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if len(counted) != 0 {
		t.Errorf("%v", counted)
	}
}

// However many addresses guess, the memory of them is bounded, and who has guessed most
// is not forgotten before others.
func TestThrottleIsBounded(t *testing.T) {
	var of throttle
	for range wrongBurst {
		of.wrong("192.0.2.9:1", epoch)
	}
	for n := range maxThrottled + 100 {
		of.wrong(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 1).String(), epoch)
	}
	if len(of.by) != maxThrottled {
		t.Errorf("%d are remembered", len(of.by))
	}
	if of.wrong("192.0.2.9:1", epoch) == 0 {
		t.Error("the guesser was forgotten")
	}
}

// In no time are more wrong tokens answered than the burst and the rate allow.
func TestThrottleHoldsItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var of throttle
		now, answered := epoch, 0
		for _, step := range rapid.SliceOfN(rapid.Int64Range(0, int64(10*time.Second)), 1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(step))
			if of.wrong("192.0.2.9:1", now) == 0 {
				answered++
			}
		}
		if most := wrongBurst + int(now.Sub(epoch)/wrongEvery) + 1; answered > most {
			t.Fatalf("%d answered in %v, at most %d should be", answered, now.Sub(epoch), most)
		}
	})
}

func TestSource(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:5": "2001:db8:1:2::",
		"[fe80::1%eth0]:5": "fe80::", "": "invalid IP", "@": "invalid IP",
	} {
		if got := source(remote).String(); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}

// A write that another page has a browser send is refused, whatever token a proxy adds.
func TestCrossSiteWrites(t *testing.T) {
	deps, hub := newDeps()
	counted := refusals{}
	deps.Counts = counted.metrics()
	h := Handler(deps, true)
	refused := 0
	for _, c := range []struct {
		site, origin string
		ok           bool
	}{
		{"", "", true},
		{"same-origin", "http://localhost:9090", true},
		{"none", "", true},
		{"", "http://localhost:9090", true},
		{"cross-site", "https://evil.example.com", false},
		{"same-site", "https://other.example.com", false},
		{"", "https://evil.example.com", false},
		{"", "null", false},
		{"", "http://localhost:1234", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/pools/main/drain", nil)
		r.Host = "localhost:9090"
		r.Header.Set("Authorization", "Bearer "+secret)
		for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		before := len(hub.said)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if done := len(hub.said) > before; done != c.ok {
			t.Errorf("%+v: done %t, %d", c, done, w.Code)
		}
		if !c.ok {
			refused++
			wantProblem(t, "cross-site", w, http.StatusForbidden)
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%+v: a header %s", c, name)
			}
		}
	}
	if counted[CrossSite] != refused {
		t.Errorf("counted: %v", counted)
	}
}

// No answer lets another origin read it, a preflight's neither.
func TestNoCORS(t *testing.T) {
	deps, _ := newDeps()
	for _, method := range []string{http.MethodOptions, http.MethodGet} {
		r := httptest.NewRequest(method, "/api/v1/summary", nil)
		r.Host = "localhost"
		r.Header.Set("Origin", "https://evil.example.com")
		r.Header.Set("Access-Control-Request-Method", "GET")
		w := httptest.NewRecorder()
		Handler(deps, true).ServeHTTP(w, r)
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: a header %s", method, name)
			}
		}
	}
}

// Refused writes are counted each, and logged one a minute and kind; no token is in the log.
func TestRefusedWritesAreLogged(t *testing.T) {
	deps, _ := newDeps()
	now := epoch
	deps.Now = func() time.Time { return now }
	var log bytes.Buffer
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	counted := refusals{}
	deps.Counts = counted.metrics()
	s := newStore()
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	for range 2 {
		for range 3 {
			for _, token := range []string{"", "a-guess-0123456789", tokenOfRole[auth.Viewer]} {
				ask{method: "POST", path: "/api/v1/reload", token: token}.do(t, h)
			}
		}
		now = now.Add(time.Minute)
	}
	if diff := cmp.Diff(refusals{NoToken: 6, WrongToken: 6, LowRole: 6}, counted); diff != "" {
		t.Error(diff)
	}
	for _, why := range []string{"reason=no_token", "reason=wrong_token", "reason=role"} {
		if n := strings.Count(log.String(), why); n != 2 {
			t.Errorf("%s is logged %d times", why, n)
		}
	}
	if strings.Contains(log.String(), "a-guess") || strings.Contains(log.String(), tokenOfRole[auth.Viewer]) {
		t.Errorf("a token is in the log: %s", &log)
	}
	if len(s.acts) != 0 {
		t.Errorf("what was not done is in the record: %v", s.acts)
	}
	for _, host := range []string{"evil.example.com"} {
		ask{path: "/api/v1/summary", host: host}.do(t, h)
	}
	if counted[WrongHost] != 1 {
		t.Errorf("counted: %v", counted)
	}
}

// Every write has a bound, those that expect no body too.
func TestBodiesAreBounded(t *testing.T) {
	deps, hub := newDeps()
	h := Handler(deps, true)
	huge := strings.Repeat(" ", maxBodyBytes+1)
	for what, least := range access {
		method, path, _ := strings.Cut(what, " ")
		if method == http.MethodGet || least == auth.Nobody {
			continue
		}
		path = strings.NewReplacer("{name}", "farm", "{id}", "1").Replace(path)
		r := httptest.NewRequest(method, path, nil)
		body := &countingReader{Reader: strings.NewReader(huge)}
		r.Body = body
		r.ContentLength = -1
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if body.read > maxBodyBytes+1 {
			t.Errorf("%s: %d bytes were read", what, body.read)
		}
		if body.read > 0 && w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	for _, said := range hub.said {
		if strings.HasPrefix(said, "split") || strings.HasPrefix(said, "pin farm main") {
			t.Errorf("done: %s", said)
		}
	}
}

type countingReader struct {
	*strings.Reader

	read int
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read += n
	return n, err
}

func (c *countingReader) Close() error { return nil }

func TestTokens(t *testing.T) {
	deps, _ := newDeps()
	book := new(fakeBook)
	deps.Tokens = book
	file := new(fakeFile)
	deps.Audit = file
	h := Handler(deps, true)
	made := ask{method: "POST", path: "/api/v1/tokens", token: secret, body: `{"role":"viewer","name":"grafana","expires":"30d"}`}.do(t, h)
	doc := object(t, made)
	if made.Code != http.StatusCreated || doc["token"] != "loka_new" || doc["name"] != "grafana" || doc["role"] != "viewer" || doc["expires"] != "2026-02-01T03:04:05Z" || doc["last_used"] != nil {
		t.Errorf("%d %v", made.Code, doc)
	}
	list := told[TokenList](t, h, "/api/v1/tokens")
	if len(list.Tokens) != 1 || list.Tokens[0].Name != "grafana" {
		t.Errorf("%+v", list)
	}
	for body, status := range map[string]int{
		`{"role":"operator"}`:                      http.StatusCreated,
		`{"role":"admin","expires":"2027-01-01"}`:  http.StatusCreated,
		`{"role":"root"}`:                          422,
		`{}`:                                       422,
		`{"role":"viewer","expires":"0s"}`:         422,
		`{"role":"viewer","expires":"2020-01-01"}`: 422,
		`{"role":"viewer","expires":"tomorrow"}`:   422,
		`{"role":"viewer","name":"` + strings.Repeat("x", 65) + `"}`: 422,
		`{"role":"viewer","more":1}`:                                 422,
	} {
		if w := (ask{method: "POST", path: "/api/v1/tokens", token: secret, body: body}).do(t, h); w.Code != status {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	for err, status := range map[error]int{auth.ErrName: 422, auth.ErrTaken: 409, auth.ErrFull: 409, errors.New("disk full"): 500} {
		book.fail = err
		wantProblem(t, err.Error(), ask{method: "POST", path: "/api/v1/tokens", token: secret, body: `{"role":"viewer"}`}.do(t, h), status)
	}
	book.fail = nil
	doc = wantProblem(t, "none", ask{method: "DELETE", path: "/api/v1/tokens/nobody", token: secret}.do(t, h), http.StatusNotFound)
	if !strings.Contains(fmt.Sprint(doc["detail"]), "grafana") {
		t.Error(doc)
	}
	if w := (ask{method: "DELETE", path: "/api/v1/tokens/grafana", token: secret}).do(t, h); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	book.fail = auth.ErrNotKept
	wantProblem(t, "not kept", ask{method: "DELETE", path: "/api/v1/tokens/new", token: secret}.do(t, h), http.StatusInternalServerError)
	what := make([]string, 0, len(file.acts))
	for _, a := range file.acts {
		what = append(what, a.What)
		if strings.Contains(fmt.Sprint(a), "loka_new") {
			t.Errorf("the token is in the record: %+v", a)
		}
	}
	if diff := cmp.Diff([]string{"POST /api/v1/tokens", "POST /api/v1/tokens", "POST /api/v1/tokens", "DELETE /api/v1/tokens/grafana", "DELETE /api/v1/tokens/new"}, what); diff != "" {
		t.Error(diff)
	}
}
