package client

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/view"
)

// serve is a client of a server that answers f.
func serve(t *testing.T, f http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(f)
	c := New(Config{Base: server.URL + "/", Token: "s3cret"})
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}

func TestErrorsAreTyped(t *testing.T) {
	t.Parallel()
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const problem = "application/problem+json; charset=utf-8"
	for _, c := range []struct {
		name     string
		answer   http.HandlerFunc
		status   int
		text, do string
	}{
		{"words", answer(404, problem, `{"detail":"there is no\u001b pool"}`), 404, "there is no? pool", ""},
		{"no words", answer(500, "text/html", "hello"), 500, `answers "500 Internal Server Error" to GET /api/v1/summary`, ""},
		{"wrong token", answer(401, problem, `{"detail":"who?"}`), 401, "does not take this token", "token"},
		{"low role", answer(403, problem, `{"detail":"for admins"}`), 403, "refuses: for admins", "higher role"},
		{"too often", answer(429, "", ""), 429, "try again in 7 s", "ask again in 7s"},
		{"misdirected", answer(421, problem, `{"detail":"not here"}`), 421, "not here", "loopback"},
	} {
		_, err := serve(t, c.answer).Summary(t.Context())
		p, ok := errors.AsType[*ProblemError](err)
		if !ok || p.Status != c.status || Status(err) != c.status || !strings.Contains(err.Error(), c.text) || !strings.Contains(p.Advice(), c.do) || (c.do == "") != (p.Advice() == "") {
			t.Errorf("%s: got %v, advice %q", c.name, err, p.Advice())
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the token is in %v", c.name, err)
		}
		if p.Refused() != (c.status == 401 || c.status == 403) || Unreachable(err) || p.RetryAfter != 7*time.Second {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	_, err := serve(t, answer(200, "text/html", "<html>")).Summary(t.Context())
	if f, ok := errors.AsType[*ForeignError](err); !ok || !f.Read {
		t.Errorf("a web page: %v", err)
	}
	_, err = serve(t, answer(200, "application/json", `{"hello":1}`)).Summary(t.Context())
	if !isA[*ForeignError](err) {
		t.Errorf("another service's JSON: %v", err)
	}
	if err := New(Config{Base: "http://a b"}).Drain(t.Context(), "x"); !isA[*AddressError](err) {
		t.Errorf("no address: %v", err)
	}
	away := New(Config{Base: "http://127.0.0.1:1"})
	if _, err := away.Pools(t.Context(), Query{}); !isA[*UnreachableError](err) || !Unreachable(err) {
		t.Errorf("nobody: %v", err)
	}
	broken := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	})
	if _, err := broken.Routes(t.Context(), Query{}); !isA[*BrokenError](err) || !Unreachable(err) {
		t.Errorf("half an answer: %v", err)
	}
}

// Who sends on to another address is not followed: that would be shown the token.
func TestStays(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked, with %q", r.Host, r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/x", status) })
		_, err := c.Summary(t.Context())
		if Status(err) != status || !strings.Contains(err.Error(), "sends on to "+other.URL+"/x") {
			t.Errorf("%d: %v", status, err)
		}
		if err := c.Drain(t.Context(), "main"); Status(err) != status {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// What is asked for arrives as it is meant, whatever is in a name, and is unpacked.
func TestAsks(t *testing.T) {
	t.Parallel()
	var asked string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)) + " " + r.Header.Get("Authorization")
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `{"name":"a"}`)
		_ = z.Close()
	})
	w, err := c.Worker(t.Context(), "bob/1 %2F?")
	if err != nil || w.Name != "a" || asked != "GET /api/v1/workers/bob%2F1%20%252F%3F Bearer s3cret" {
		t.Errorf("asked %q, got %+v, %v", asked, w, err)
	}
	if err := c.Pin(t.Context(), "farm", "a&b"); err != nil || asked != `PUT /api/v1/routes/farm/pin {"pool":"a\u0026b"} Bearer s3cret` {
		t.Errorf("asked %q, %v", asked, err)
	}
	if _, err := c.Workers(t.Context(), Query{Limit: 5, Offset: 10, Sort: "-hashrate_1h", Search: "x y", Pool: "p"}); err != nil ||
		asked != "GET /api/v1/workers?limit=5&offset=10&pool=p&q=x+y&sort=-hashrate_1h Bearer s3cret" {
		t.Errorf("asked %q, %v", asked, err)
	}
}

// roundTrip answers requests without a socket, so that time can be the test's.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// streamed is an answer that has text in it and then waits, or ends.
func streamed(r *http.Request, text string, wait bool) *http.Response {
	read, write := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = write.CloseWithError(context.Cause(r.Context())) })
	go func() {
		_, _ = io.WriteString(write, text)
		if !wait {
			_ = write.Close()
		}
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: read, Request: r}
}

// A stream goes on after what was told last, ever less often while nobody answers, and
// takes a connection on which nothing comes for dead.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		event := func(id int) string {
			return fmt.Sprintf("id: %d\nevent: pool\ndata: {\"id\":%d,\"kind\":\"pool\",\"message\":\"m%d\"}\n\n", id, id, id)
		}
		var after []string
		var at []time.Duration
		begun := time.Now()
		answers := []func(r *http.Request) (*http.Response, error){
			func(r *http.Request) (*http.Response, error) {
				return streamed(r, "event: hello\ndata: {\"id\":99}\n\n"+event(4)+": heartbeat\n\n"+event(5)+"event: bye\ndata: {\"why\":\"the server\\u001b stops\"}\n\n", false), nil
			},
			func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
			func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
			func(r *http.Request) (*http.Response, error) {
				return streamed(r, "event: gap\ndata: {\"after\":5,\"oldest\":9}\n\n"+event(9), true), nil // and silent then
			},
			func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			},
		}
		c := New(Config{Base: "http://x", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			after = append(after, r.Header.Get("Last-Event-ID"))
			at = append(at, time.Since(begun))
			f := answers[0]
			answers = answers[1:]
			return f(r)
		})})
		var got, said []string
		for told, err := range c.Events(t.Context(), EventsQuery{Kinds: []events.Kind{events.Pool}, After: 3}) {
			switch {
			case err != nil:
				got = append(got, "error")
				said = append(said, err.Error())
			case told.Gap != nil:
				got = append(got, fmt.Sprintf("gap %d", told.Gap.Oldest))
			default:
				got = append(got, told.Message)
			}
		}
		if want := "m4 m5 error error error gap 9 m9 error error"; strings.Join(got, " ") != want {
			t.Errorf("told %q, want %q", got, want)
		}
		if !strings.Contains(said[0], "the server? stops") {
			t.Errorf("it ended with %q", said[0])
		}
		if want := "3 5 5 5 9"; strings.Join(after, " ") != want {
			t.Errorf("resumed after %q, want %q", after, want)
		}
		if want := "[0s 1s 3s 7s 1m8s]"; fmt.Sprint(at) != want {
			t.Errorf("asked at %v, want %s", at, want)
		}
	})
}

// Who wants no more is given no more, and a context's end is no error.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Base: "http://x", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return streamed(r, "data: {\"id\":1,\"kind\":\"job\"}\n\ndata: {\"id\":2,\"kind\":\"job\"}\n\n", true), nil
		})})
		n := 0
		for _, err := range c.Events(t.Context(), EventsQuery{}) {
			if err != nil {
				t.Error(err)
			}
			n++
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, err := range c.Events(ctx, EventsQuery{}) {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d were told", n)
		}
	})
}

// FuzzAnswers: whatever answers, there is a value or an error, and no panic.
func FuzzAnswers(f *testing.F) {
	f.Add(200, "application/json", `{"workers":[{"name":"a"}],"total":1}`)
	f.Add(401, "application/problem+json", `{"detail":"\u001b"}`)
	f.Add(200, "text/event-stream", "event: gap\ndata: {}\n\ndata: {\"id\":1}\n\n")
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		if status < 100 || status > 999 { // one that there is
			status = 100 + int(uint(status)%900)
		}
		c := New(Config{Base: "http://x", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})})
		if l, err := c.Workers(t.Context(), Query{}); err != nil && l.Workers != nil {
			t.Errorf("%v and %+v", err, l)
		} else if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == 0x1b }) {
			t.Errorf("it steers: %q", err.Error())
		}
		var h view.Health
		h, _ = c.Health(t.Context())
		_ = h
		for _, err := range c.Events(t.Context(), EventsQuery{}) {
			if err != nil {
				break
			}
		}
	})
}
