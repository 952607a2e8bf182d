package load

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childVariable makes this test's binary a load.
const childVariable = "LOKA_LOAD_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := Serve(os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// start starts a load that ends with the test.
func start(t *testing.T) *Process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	p, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// server is one that ends with the test, and after the load.
func server(t *testing.T, serve func(net.Conn)) *Server {
	t.Helper()
	s, err := NewServer(t.Context(), serve)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestLoad shows that a load does what the figures rest on.
func TestLoad(t *testing.T) {
	t.Parallel()
	const miners, closed, paced = 50, 1001, 99
	var heard atomic.Int64
	s := server(t, func(conn net.Conn) { heard.Add(int64(PlainWords().Serve(conn))) })
	p := start(t)
	do := func(format string, args ...any) Report {
		t.Helper()
		r, err := p.Do(format, args...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	opened := do("open %s %d true", s.Addr(), miners)
	words := PlainWords()
	if want := int64(miners * (len(words.Subscribe) + len(words.Authorize))); opened.Heard != want {
		t.Errorf("%d bytes heard of %d", opened.Heard, want)
	}
	if r := do("closed %d", closed); r.Answered != closed || r.Heard != int64(closed*len(words.Submit)) || r.Wrote < closed*100 {
		t.Errorf("%d answered of %d; %d bytes said and %d heard", r.Answered, closed, r.Wrote, r.Heard)
	}
	if r := do("bursts 16 %d", closed); r.Answered != closed || r.Heard != int64(closed*len(words.Submit)) {
		t.Errorf("%d answered of %d in bursts; %d bytes heard", r.Answered, closed, r.Heard)
	}
	r := do("paced 1000 %d", paced)
	if r.Answered != paced || len(r.Took) != paced || time.Duration(r.Elapsed) < 90*time.Millisecond {
		t.Errorf("%d submits at 1,000 a second took %v, %d were timed", r.Answered, time.Duration(r.Elapsed), len(r.Took))
	}
	sockets, err := Sockets(s.Addr())
	if err != nil || len(sockets) != miners {
		t.Fatalf("%d sockets of %d miners, %v", len(sockets), miners, err)
	}
	send := func() (time.Time, error) {
		begin := time.Now()
		return begin, WriteAll(sockets, []byte(words.Notify))
	}
	for name, way := range map[string]func() (Fanout, error){
		"written":  func() (Fanout, error) { return p.Written(Rest(miners), send) },
		"received": func() (Fanout, error) { return p.Received(send) },
	} {
		begin := time.Now()
		f, err := way()
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Late) != miners || f.Late[0] < 0 || f.Last() < f.Late[0] || f.Last() > time.Since(begin) {
			t.Errorf("%s: %d miners had it, from %v to %v after the beginning, %v ago", name, len(f.Late), f.Late[0], f.Last(), time.Since(begin))
		}
		if name == "written" && f.Line != words.Notify {
			t.Errorf("the line is %q", f.Line)
		}
	}
	// What lies unread when it is told to watch is not what it waits for.
	if _, err := send(); err != nil {
		t.Fatal(err)
	}
	do("watch")
	begin, err := send()
	if err != nil {
		t.Fatal(err)
	}
	last, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	if early := slices.Min(last.Arrivals) - begin.UnixNano(); early < 0 || len(last.Arrivals) != miners {
		t.Errorf("%d of %d miners had it, the first %d ns after it was sent", len(last.Arrivals), miners, early)
	}
	do("close")
	s.Close()
	if got := heard.Load(); got != 2*closed+paced {
		t.Errorf("%d submits arrived of %d", got, closed+paced)
	}
}

// What goes wrong is told by whom it happened to.
func TestLoadFails(t *testing.T) {
	t.Parallel()
	hangs := server(t, func(net.Conn) {})
	lies := server(t, func(conn net.Conn) {
		words := PlainWords()
		words.Submit = strings.Replace(words.Submit, "true", "false", 1)
		words.Serve(conn)
	})
	for name, c := range map[string]struct {
		commands []string
		want     string
	}{
		"a command that there is not": {[]string{"dance"}, "dance: unknown command"},
		"one without its number":      {[]string{"closed"}, "closed: "},
		"bursts of nothing":           {[]string{"bursts 0 1"}, "bursts 0 1: a burst"},
		"no address":                  {[]string{"open nowhere 1 false"}, "nowhere"},
		"nobody there":                {[]string{"open 127.0.0.1:1 1 false"}, "connection refused"},
		"a server that hangs up":      {[]string{"open " + hangs.Addr() + " 1 false"}, "miner 0: "},
		"a share that is refused":     {[]string{"open " + lies.Addr() + " 2 false", "closed 3"}, "3 shares were refused, the last with {\"id\":10000,\"result\":false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			var err error
			for _, command := range c.commands {
				if err != nil {
					t.Fatal(err)
				}
				_, err = p.Do("%s", command)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want one that says %q", err, c.want)
			}
		})
	}
}

// A load that has ended is no report.
func TestLoadEnds(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.Close()
	if r, err := p.Do("close"); err == nil {
		t.Errorf("a load that has ended says %+v", r)
	}
}

func TestPool(t *testing.T) {
	t.Parallel()
	pool := &Pool{}
	s := server(t, pool.Serve)
	words, err := Learn(t.Context(), s.Addr(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(words.Subscribe, `"aabbccdd",8`) || !strings.Contains(words.Notify, `"params":["j0",`) || len(words.Notify) < 1400 {
		t.Errorf("learnt %+v", words)
	}
	for n := 1; n > 0; time.Sleep(time.Millisecond) { // whoever has left is forgotten
		pool.mu.Lock()
		n = len(pool.conns)
		pool.mu.Unlock()
	}
	p := start(t)
	if _, err := p.Do("open %s 3 false", s.Addr()); err != nil {
		t.Fatal(err)
	}
	f, err := p.Received(func() (time.Time, error) { return pool.Announce(), nil })
	if err != nil || len(f.Late) != 3 {
		t.Errorf("%d of 3 had the job, %v", len(f.Late), err)
	}
	pool.Away.Store(true)
	pool.End()
}
