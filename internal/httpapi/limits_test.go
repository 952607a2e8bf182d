package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// dial connects to it.
func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// serving runs the HTTP server of deps in memory and in virtual time while f runs.
func serving(t *testing.T, deps Deps, f func(t *testing.T, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := New(Config{}, deps)
		s.listener = p
		server := s.server()
		done := make(chan error, 1)
		go func() { done <- server.Serve(p) }()
		f(t, p)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Minute) // what net/http does after an end, such as letting a client read its last words
	})
}

// Who sends a head, or a body, too slowly loses the connection.
func TestSlowSendersAreCutOff(t *testing.T) {
	for what, c := range map[string]struct {
		head, drip string
		within     time.Duration
	}{
		"nothing at all": {"", "", 6 * time.Second},
		"a slow head":    {"GET /live HTTP/1.1\r\nHost: localhost\r\n", "X-A: b\r\n", 6 * time.Second},
		"a slow body": {
			"PUT /api/v1/routes/farm/split HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret +
				"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", "x", 16 * time.Second,
		},
	} {
		deps, _ := newDeps()
		serving(t, deps, func(t *testing.T, p *pipes) {
			t.Helper()
			conn := p.dial()
			began := time.Now()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			_, err := io.WriteString(conn, c.head)
			for err == nil && time.Since(began) < time.Hour {
				time.Sleep(time.Second)
				_, err = io.WriteString(conn, c.drip)
				if c.drip == "" {
					_ = conn.SetWriteDeadline(time.Now())
					_, err = io.WriteString(conn, "G")
				}
			}
			_ = conn.Close()
			if took := time.Since(began); took > c.within {
				t.Errorf("%s: cut off after %v", what, took)
			}
		})
	}
}

// A huge head is refused before all of it is read.
func TestHugeHead(t *testing.T) {
	deps, _ := newDeps()
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		conn := p.dial()
		wrote := make(chan int)
		go func() {
			n, _ := fmt.Fprintf(conn, "GET /live HTTP/1.1\r\nHost: localhost\r\nX-A: %s\r\n\r\n", strings.Repeat("a", 1<<20))
			wrote <- n
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v, %v", resp, err)
		} else {
			_ = resp.Body.Close()
		}
		_ = conn.Close()
		if n := <-wrote; n > 64<<10 {
			t.Errorf("%d bytes were read", n)
		}
	})
}

// An answer may take longer than a request: its context does not end while the client
// is there.
func TestALongAnswer(t *testing.T) {
	deps, _ := newDeps()
	var ended error
	deps.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(25 * time.Second)
		ended = r.Context().Err()
		_, _ = io.WriteString(w, "finished")
	})
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		conn := p.dial()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(conn)
		if err != nil || ended != nil || !strings.HasSuffix(string(text), "finished") {
			t.Errorf("%q, %v; the context: %v", text, err, ended)
		}
	})
}

// A profile over a minute is not cut off by the time that other answers have.
func TestALongProfile(t *testing.T) {
	deps, _ := newDeps()
	serving(t, deps, func(t *testing.T, p *pipes) {
		t.Helper()
		conn := p.dial()
		began := time.Now()
		if _, err := io.WriteString(conn, "GET /debug/pprof/mutex?seconds=60 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer "+secret+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if took := time.Since(began); err != nil || resp.StatusCode != http.StatusOK || len(data) == 0 || took < time.Minute {
			t.Errorf("%d after %v, %d bytes, %v", resp.StatusCode, took, len(data), err)
		}
	})
}

// A trace has the time to write that it takes and what others have. (It cannot be taken
// in virtual time.)
func TestATraceHasTime(t *testing.T) {
	deps, _ := newDeps()
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodGet, "/debug/pprof/trace?seconds=0.01", nil)
	r.Host = "localhost"
	r.Header.Set("Authorization", "Bearer "+secret)
	r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, &http.Server{WriteTimeout: time.Hour}))
	before := time.Now()
	Handler(deps, true).ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.Len() == 0 || !w.write.After(before.Add(time.Hour)) {
		t.Errorf("%d, %d bytes; the write deadline is %v", w.Code, w.Body.Len(), w.write)
	}
}

// deadlines remembers that of its connection.
type deadlines struct {
	*httptest.ResponseRecorder

	write time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// Profiles are for admins, also on loopback, and the command line is none of them.
func TestProfiles(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for path, status := range map[string]int{
		"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/cmdline": 404, "/debug/pprof/nothing": 404,
		"/debug/pprof/profile?seconds=1e9": 422, "/debug/pprof/trace?seconds=-1": 422, "/debug/pprof/heap?seconds=NaN": 422,
	} {
		if w := (ask{path: path, token: secret}).do(t, h); w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
		wantProblem(t, path, ask{path: path}.do(t, h), http.StatusUnauthorized)
		wantProblem(t, path, ask{path: path, token: tokenOfRole[1]}.do(t, h), http.StatusForbidden)
	}
}

// One address has half of the connections at the most.
func TestNobodyTakesAllConnections(t *testing.T) {
	p := newPipes()
	l := newBoundedListener(p, 4, nil, nil)
	a, b := source("192.0.2.1:1"), source("192.0.2.2:1")
	took := []bool{l.take(a), l.take(a), l.take(a), l.take(b), l.take(b), l.take(b)}
	if fmt.Sprint(took) != "[true true false true true false]" {
		t.Errorf("taken: %v", took)
	}
	l.give(a)
	if !l.take(a) || l.take(a) {
		t.Error("what was given back is not free, or more is")
	}
	for range 2 {
		l.give(a)
		l.give(b)
	}
	if l.all != 0 || len(l.open) != 0 {
		t.Errorf("left: %d, %v", l.all, l.open)
	}
}

// comers are connections that come one after the other.
type comers struct {
	net.Listener

	next []func() net.Conn
}

func (c *comers) Accept() (net.Conn, error) {
	if len(c.next) == 0 {
		return nil, net.ErrClosed
	}
	conn := c.next[0]()
	c.next = c.next[1:]
	return conn, nil
}

// That there is no room is told once a minute, however often there is some between.
func TestNoRoomIsToldOnceAMinute(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var log bytes.Buffer
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	comer := func() net.Conn { return here }
	l := newBoundedListener(new(comers), 2, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	for range 130 { // one is let in and two are not, each second
		l.Listener = &comers{next: []func() net.Conn{comer, comer, comer}}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if n := strings.Count(log.String(), "at their bound"); n != 3 {
		t.Errorf("told %d times in 130 s", n)
	}
}

// When tokens were used last is kept each minute and at the end.
func TestUsesAreSaved(t *testing.T) {
	deps, _ := newDeps()
	book := new(fakeBook)
	deps.Tokens = book
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{}, deps)
		s.listener = newPipes()
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- s.Run(ctx) }()
		time.Sleep(150 * time.Second)
		synctest.Wait()
		if book.saved != 2 {
			t.Errorf("saved %d times", book.saved)
		}
		cancel()
		if err := <-done; err != nil || book.saved != 3 {
			t.Errorf("saved %d times, %v", book.saved, err)
		}
	})
}
