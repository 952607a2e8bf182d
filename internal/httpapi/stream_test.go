package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
)

// sse is one server-sent event as a client has it; a comment has the name ":".
type sse struct{ id, name, data string }

// follower reads a stream.
type follower struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	body *bufio.Reader
}

// followed asks for a stream over a connection in memory; header lines end in CRLF.
func followed(t *testing.T, p *pipes, query, header string) *follower {
	t.Helper()
	f := &follower{t: t, conn: p.dial()}
	t.Cleanup(func() { _ = f.conn.Close() })
	if _, err := fmt.Fprintf(f.conn, "GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", query, header); err != nil {
		t.Fatal(err)
	}
	f.in = bufio.NewReader(f.conn)
	resp, err := http.ReadResponse(f.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	f.body = bufio.NewReader(resp.Body)
	return f
}

// next is the next event; ok is false where the stream has ended.
func (f *follower) next() (e sse, ok bool) {
	f.t.Helper()
	for {
		line, err := f.body.ReadString('\n')
		if err != nil {
			return e, false
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "retry":
		case "":
			if e.name == "" && value == "" && line == ": \n" {
				e.name = ":"
				continue
			}
			if e.name != "" {
				return e, true
			}
		default:
			f.t.Fatalf("%q is no line of a stream", line)
		}
	}
}

// want holds the next event to its name.
func (f *follower) want(name string) sse {
	f.t.Helper()
	e, ok := f.next()
	if !ok || e.name != name {
		f.t.Fatalf("%+v (%t), want %s", e, ok, name)
	}
	return e
}

func act(l *events.Log) uint64 {
	l.Publish(events.Event{At: time.Now(), Kind: events.Act, What: events.Done, Who: "ops", Message: "something was done"})
	return l.Latest()
}

func entered(l *events.Log, state string) uint64 {
	l.Publish(events.Event{At: time.Now(), Kind: events.Pool, What: events.Entered, Pool: "main", To: state})
	return l.Latest()
}

// A stream begins, tells what happens, beats while nothing does, for longer than any
// answer may take, and resumes where it was.
func TestStream(t *testing.T) {
	deps, _ := newDeps()
	deps.Now = time.Now
	log := deps.Events
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		f := followed(t, p, "", "")
		if hello := f.want("hello"); hello.data != fmt.Sprintf(`{"id":%d,"version":"1.2.3"}`, log.Latest()) || hello.id != "" {
			t.Errorf("%+v", hello)
		}
		id := entered(log, "down")
		e := f.want("pool")
		var ev events.Event
		if err := json.Unmarshal([]byte(e.data), &ev); err != nil || e.id != strconv.FormatUint(id, 10) || ev.ID != id || ev.To != "down" || ev.Severity != events.Info {
			t.Errorf("%+v: %v", e, err)
		}
		for range 10 {
			f.want(":")
		}
		act(log) // not for who has shown no token
		log.Publish(events.Event{At: time.Now(), Kind: events.Share, What: "accepted"})
		missed := entered(log, "active")
		if e := f.want("pool"); e.id != strconv.FormatUint(missed, 10) {
			t.Errorf("%+v", e)
		}
		_ = f.conn.Close()
		synctest.Wait()
		if n := log.Followers(); n != 0 {
			t.Errorf("%d follow", n)
		}
		again := followed(t, p, "", fmt.Sprintf("Last-Event-ID: %d\r\n", id))
		again.want("hello")
		if e := again.want("pool"); e.id != strconv.FormatUint(missed, 10) {
			t.Errorf("%+v", e)
		}
		third := followed(t, p, "?kinds=act,share&last_event_id="+strconv.FormatUint(id, 10), "Authorization: Bearer "+secret+"\r\n")
		third.want("hello")
		third.want("act")
		third.want("share")
	})
}

// Whoever missed many is told all of them in order, before what happens next.
func TestStreamOfManyMissed(t *testing.T) {
	deps, _ := newDeps()
	deps.Now = time.Now
	before := deps.Events.Latest()
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		ids := make([]uint64, 0, 2*maxTogether+4)
		for range 2*maxTogether + 3 {
			ids = append(ids, entered(deps.Events, "down"))
		}
		f := followed(t, p, "?kinds=pool", fmt.Sprintf("Last-Event-ID: %d\r\n", before))
		f.want("hello")
		ids = append(ids, entered(deps.Events, "active"))
		for _, id := range ids {
			if e := f.want("pool"); e.id != strconv.FormatUint(id, 10) {
				t.Fatalf("%+v, not %d", e, id)
			}
		}
	})
}

// Events that are forgotten are told of.
func TestStreamGap(t *testing.T) {
	deps, _ := newDeps()
	deps.Now = time.Now
	deps.Events = events.New(events.Config{Kept: 2}, epoch, nil)
	before := deps.Events.Latest()
	for range 5 {
		entered(deps.Events, "down")
	}
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		f := followed(t, p, "?kinds=pool", fmt.Sprintf("Last-Event-ID: %d\r\n", before))
		f.want("hello")
		if gap := f.want("gap"); gap.data != fmt.Sprintf(`{"after":%d,"oldest":%d}`, before, before+4) {
			t.Errorf("%+v", gap)
		}
		if e := f.want("pool"); e.id != strconv.FormatUint(before+4, 10) {
			t.Errorf("%+v", e)
		}
	})
}

// Who does not read is cut off, and holds up neither those who publish nor others.
func TestStreamOfASlowReader(t *testing.T) {
	deps, _ := newDeps()
	deps.Now = time.Now
	log := deps.Events
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		slow := followed(t, p, "", "")
		quick := followed(t, p, "", "")
		quick.want("hello")
		for range 2000 {
			entered(log, "down")
			quick.want("pool")
		}
		time.Sleep(streamTimeout + time.Second)
		synctest.Wait()
		if n := log.Followers(); n != 1 {
			t.Errorf("%d follow", n)
		}
		if _, err := io.Copy(io.Discard, slow.conn); err != nil {
			t.Errorf("the slow one's connection is not closed: %v", err)
		}
	})
}

// fickle is a Verifier whose tokens are taken back.
type fickle struct {
	fakeToken

	gone atomic.Bool
}

func (f *fickle) Check(presented string, now time.Time) (auth.Identity, error) {
	if f.gone.Load() {
		return auth.Identity{}, auth.ErrUnknown
	}
	return f.fakeToken.Check(presented, now)
}

// A token that is taken back ends its streams.
func TestStreamEndsWithItsToken(t *testing.T) {
	deps, _ := newDeps()
	token := new(fickle)
	deps.Now, deps.Token = time.Now, token
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		f := followed(t, p, "?kinds=act", "Authorization: Bearer "+secret+"\r\n")
		f.want("hello")
		f.want(":")
		token.gone.Store(true)
		if bye := f.want("bye"); !strings.Contains(bye.data, "token") {
			t.Errorf("%+v", bye)
		}
		if e, ok := f.next(); ok {
			t.Errorf("and then %+v", e)
		}
	})
}

// A stop ends the streams, and does not wait for them.
func TestStreamEndsWithTheServer(t *testing.T) {
	deps, _ := newDeps()
	deps.Now = time.Now
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{}, deps)
		p := newPipes()
		s.listener = p
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		f := followed(t, p, "", "")
		f.want("hello")
		began := time.Now()
		stop()
		f.want("bye")
		if e, ok := f.next(); ok {
			t.Errorf("and then %+v", e)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the stop took %v", took)
		}
		time.Sleep(time.Minute)
	})
}

// There are only so many streams, and one address has half of them.
func TestStreamsAreBounded(t *testing.T) {
	p := places{most: 4, each: 2}
	a, b, c := source("192.0.2.1:1"), source("192.0.2.2:1"), source("192.0.2.3:1")
	took := []bool{p.take(a), p.take(a), p.take(a), p.take(b), p.take(b), p.take(c)}
	if fmt.Sprint(took) != "[true true false true true false]" {
		t.Errorf("taken: %v", took)
	}
	p.give(a)
	if !p.take(c) {
		t.Error("what was given back is not free")
	}
	for _, of := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.2:1", "192.0.2.3:1"} {
		p.give(source(of))
	}
	if p.all != 0 || len(p.from) != 0 {
		t.Errorf("left: %d, %v", p.all, p.from)
	}

	deps, _ := newDeps()
	deps.Events = events.New(events.Config{Followers: 1}, epoch, nil)
	f, err := deps.Events.Follow(events.Follow{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := ask{path: "/api/v1/events"}.do(t, Handler(deps, true))
	if wantProblem(t, "one too many", w, http.StatusServiceUnavailable); w.Header().Get("Retry-After") == "" {
		t.Error("it is not said when to come again")
	}
}

// What is asked for wrongly is said before a stream begins.
func TestStreamQuestions(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for query, c := range map[string]struct {
		status int
		detail string
	}{
		"?kinds=pol":         {http.StatusUnprocessableEntity, `kinds: "pol" is no kind of event; there are proxy, connection`},
		"?kinds=act":         {http.StatusForbidden, "for the role admin"},
		"?last_event_id=-1":  {http.StatusUnprocessableEntity, "last_event_id: want the id of an event, a number"},
		"?last_event_id=x,1": {http.StatusUnprocessableEntity, "last_event_id"},
	} {
		doc := wantProblem(t, query, ask{path: "/api/v1/events" + query}.do(t, h), c.status)
		if text := fmt.Sprint(doc["detail"]); !strings.Contains(text, c.detail) {
			t.Errorf("%s: %s", query, text)
		}
	}
	r := httptest.NewRequest(http.MethodHead, "/api/v1/events", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusOK || w.Body.Len() != 0 || deps.Events.Followers() != 0 {
		t.Errorf("HEAD: %d, %q", w.Code, w.Body)
	}
}

func TestLog(t *testing.T) {
	deps, _ := newDeps()
	for i, e := range []events.Event{
		{Kind: events.Proxy, What: events.Started},
		{Kind: events.Pool, What: events.Entered, Pool: "main", To: "down", Severity: events.Critical},
		{Kind: events.Connection, What: events.Opened, Worker: "alice.rig1", Route: "farm"},
		{Kind: events.Share, What: "accepted", Worker: "alice.rig1"},
		{Kind: events.Act, What: events.Done, Who: "ops"},
	} {
		e.At = epoch.Add(time.Duration(i) * time.Minute)
		deps.Events.Publish(e)
	}
	deps.Now = func() time.Time { return epoch.Add(time.Hour) }
	h := Handler(deps, true)
	for _, c := range []struct {
		query, token, want string
	}{
		{"", "", "connection pool proxy"},
		{"", secret, "act connection pool proxy"},
		{"?kinds=share,act", secret, "act share"},
		{"?kind=share", "", "share"},
		{"?kind=pool&kinds=share,pool", "", "share pool"},
		{"?severity=warning", "", "pool"},
		{"?pool=main", "", "pool"},
		{"?route=farm", "", "connection"},
		{"?worker=alice.rig1", "", "connection"},
		{"?q=ALICE", "", "connection"},
		{"?since=59m", "", "connection pool"},
		{"?until=59m", "", "proxy"},
		{"?limit=1", "", "connection"},
	} {
		w := ask{path: "/api/v1/log" + c.query, token: c.token}.do(t, h)
		var page events.Page
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", c.query, w.Code, w.Body)
			continue
		}
		kinds := make([]string, 0, len(page.Events))
		for _, e := range page.Events {
			kinds = append(kinds, string(e.Kind))
		}
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
		if c.query == "?limit=1" && page.Before != page.Events[0].ID {
			t.Errorf("the next page is before %d", page.Before)
		}
	}
	for query, status := range map[string]int{"?kinds=x": 422, "?kinds=act": 403, "?since=x": 422, "?until=x": 422, "?limit=0": 422, "?limit=1001": 422, "?severity=x": 422, "?before=x": 422} {
		wantProblem(t, query, ask{path: "/api/v1/log" + query}.do(t, h), status)
	}
	if w := (ask{path: "/api/v1/log?kinds=act", token: tokenOfRole[auth.Operator]}).do(t, h); w.Code != http.StatusForbidden {
		t.Errorf("an operator reads what administrators did: %d", w.Code)
	}
}

func TestPoolTimeline(t *testing.T) {
	deps, _ := newDeps()
	deps.Now = func() time.Time { return epoch.Add(time.Hour) }
	deps.Events.Publish(events.Event{At: epoch, Kind: events.Pool, What: events.Entered, Pool: "main", To: "active"})
	deps.Events.Publish(events.Event{At: epoch, Kind: events.Pool, What: events.Entered, Pool: "former", To: "active"})
	h := Handler(deps, true)
	w := ask{path: "/api/v1/pools/main/timeline?from=2h"}.do(t, h)
	var tl events.Timeline
	if err := json.Unmarshal(w.Body.Bytes(), &tl); err != nil || len(tl.Intervals) != 2 || tl.Intervals[0].State != events.Unknown || tl.Intervals[1].State != "active" || tl.Intervals[1].Seconds != 3600 {
		t.Errorf("%v: %s", err, w.Body)
	}
	for path, status := range map[string]int{"backup": 200, "former": 200, "none": 404, "main?from=x": 422} {
		name, query, _ := strings.Cut(path, "?")
		if w := (ask{path: "/api/v1/pools/" + name + "/timeline?" + query}).do(t, h); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// The document names the kinds there are.
func TestKindsAreDocumented(t *testing.T) {
	deps, _ := newDeps()
	var doc document
	if err := json.Unmarshal(ask{path: "/api/v1/openapi.json"}.do(t, Handler(deps, true)).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	kinds := joined(events.Kinds())
	for _, path := range []string{"/api/v1/events", "/api/v1/log"} {
		i := slices.IndexFunc(doc.Paths[path]["get"].Parameters, func(p struct{ Name, In, Description string }) bool { return p.Name == "kinds" })
		if i < 0 || !strings.Contains(doc.Paths[path]["get"].Parameters[i].Description, kinds) {
			t.Errorf("%s does not say that there are %s", path, kinds)
		}
	}
	if got := strings.Join(doc.Components.Schemas["Event"].Properties["kind"].Enum, ", "); got != kinds {
		t.Errorf("an event's kinds are %s", got)
	}
}
