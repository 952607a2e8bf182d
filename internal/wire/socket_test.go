package wire

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// serveAll accepts n connections, runs each with a handler of its own and
// returns how often each reason came.
func serveAll(t *testing.T, ln net.Listener, n int, handler func(c *Conn) Handler) <-chan map[mining.Reason]int {
	t.Helper()
	result := make(chan map[mining.Reason]int, 1)
	go func() {
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			reasons = map[mining.Reason]int{}
		)
		for range n {
			conn, err := ln.Accept()
			if err != nil {
				t.Errorf("accept: %v", err)
				break
			}
			wg.Go(func() {
				c := New(conn, nil, &Config{})
				reason := c.Run(context.Background(), handler(c))
				mu.Lock()
				reasons[reason]++
				mu.Unlock()
			})
		}
		wg.Wait()
		result <- reasons
	}()
	return result
}

func echoHandler(c *Conn) Handler {
	s := &script{}
	s.line = func(line string) error {
		c.Send(reply(line + "\n"))
		return nil
	}
	return s
}

func listenTCP(tb testing.TB) net.Listener {
	tb.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ln.Close() })
	return ln
}

func dialTCP(tb testing.TB, ln net.Listener) *net.TCPConn {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(tb.Context(), "tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// TestNoneStays is the trap of an edge-triggered poller: a FIN that came
// together with data is told once. Reading until EAGAIN finds it; taking a
// short read for the end of the data left 1,370 of 3,000 connections for ever.
//
// A steady connection does take a short read for it where the answer has left:
// the answer to a peer that is gone draws a reset. So none stays either.
func TestNoneStays(t *testing.T) {
	const conns = 3000
	steady := func(c *Conn) Handler {
		c.SetSteady()
		return echoHandler(c)
	}
	for name, tt := range map[string]struct {
		text    string
		close   func(c *net.TCPConn)
		want    map[mining.Reason]bool
		handler func(c *Conn) Handler
	}{
		"steady: line then FIN": {
			"{\"id\":1}\n",
			func(c *net.TCPConn) { _ = c.Close() },
			map[mining.Reason]bool{mining.PeerClosed: true, mining.PeerReset: true},
			steady,
		},
		"steady: line, partial line, FIN": {
			"{\"id\":1}\n{\"id\":2,\"method\":\"min",
			func(c *net.TCPConn) { _ = c.Close() },
			map[mining.Reason]bool{mining.PeerClosed: true, mining.PeerReset: true},
			steady,
		},
		"partial line then FIN": {
			"{\"id\":1,\"method\":\"mining.subs",
			func(c *net.TCPConn) { _ = c.Close() },
			map[mining.Reason]bool{mining.PeerClosed: true},
			echoHandler,
		},
		"line, partial line, FIN": {
			"{\"id\":1}\n{\"id\":2,\"method\":\"min",
			// The reply to the line may find the peer gone.
			func(c *net.TCPConn) { _ = c.Close() },
			map[mining.Reason]bool{mining.PeerClosed: true, mining.PeerReset: true},
			echoHandler,
		},
		"line, half close": {
			"{\"id\":1}\n",
			func(c *net.TCPConn) {
				_ = c.CloseWrite()
				if got, err := io.ReadAll(c); string(got) != "{\"id\":1}\n" || err != nil {
					t.Errorf("peer heard %q, %v", got, err)
				}
				_ = c.Close()
			},
			map[mining.Reason]bool{mining.PeerClosed: true},
			echoHandler,
		},
		"partial line then RST": {
			"{\"id\":1,",
			func(c *net.TCPConn) {
				_ = c.SetLinger(0)
				_ = c.Close()
			},
			map[mining.Reason]bool{mining.PeerReset: true},
			echoHandler,
		},
	} {
		t.Run(name, func(t *testing.T) {
			ln := listenTCP(t)
			result := serveAll(t, ln, conns, tt.handler)
			for range conns {
				c := dialTCP(t, ln)
				if _, err := io.WriteString(c, tt.text); err != nil {
					t.Fatal(err)
				}
				tt.close(c)
			}
			select {
			case reasons := <-result:
				for reason, n := range reasons {
					if !tt.want[reason] {
						t.Errorf("%d connections ended with %s", n, reason)
					}
				}
			case <-time.After(time.Minute):
				t.Fatal("connections stay that nobody is at the other end of")
			}
		})
	}
}

// TestLastReplyArrives closes a connection while the peer has sent more than
// was read: a socket closed with unread data is reset, and a reset takes what
// the peer had not read yet.
func TestLastReplyArrives(t *testing.T) {
	ln := listenTCP(t)
	for range 50 {
		result := serveAll(t, ln, 1, func(c *Conn) Handler {
			s := &script{}
			s.line = func(string) error {
				c.Send(reply("sorry\n"))
				return named{mining.TooManyErrors}
			}
			return s
		})
		c := dialTCP(t, ln)
		text := make([]byte, 40<<10)
		for i := range text {
			text[i] = 'x'
			if i%100 == 99 {
				text[i] = '\n'
			}
		}
		if _, err := c.Write(text); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); string(got) != "sorry\n" || err != nil {
			t.Fatalf("peer heard %q, %v", got, err)
		}
		_ = c.Close()
		if reasons := <-result; reasons[mining.TooManyErrors] != 1 {
			t.Fatalf("ended with %v", reasons)
		}
	}
}

// TestIdleHoldsNothing looks at a connection between two lines.
func TestIdleHoldsNothing(t *testing.T) {
	ways()["tcp"](t, Config{}, func(r *rig) {
		r.echo()
		r.start()
		r.say("one\n")
		r.hear("[one]\n")
		r.conn.mu.Lock()
		defer r.conn.mu.Unlock()
		if r.conn.queue.mem != nil || r.conn.draining {
			t.Error("an idle connection holds queue memory or a goroutine")
		}
		if r.conn.raw == nil {
			t.Skip("this platform takes the ordinary way, with a buffer")
		}
	})
}

// allocating is a handler that does not allocate by itself.
type allocating struct {
	c     *Conn
	reply Frame
}

func (h *allocating) Line([]byte) error {
	h.c.Send(h.reply)
	return nil
}
func (h *allocating) Flush() {}

func (h *allocating) Tick(time.Time) (mining.Reason, time.Time) { return "", time.Time{} }

func TestNoAllocationPerLine(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget: run without -race")
	}
	near, far := tcpPair(t)
	defer func() { _ = far.Close() }()
	c := New(near, nil, &Config{})
	if c.raw == nil {
		t.Skip("this platform takes the ordinary way")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(context.Background(), &allocating{c: c, reply: reply("{\"id\":1,\"result\":true,\"error\":null}\n")})
	}()
	line := []byte("{\"id\":1,\"method\":\"mining.submit\",\"params\":[]}\n")
	reader := bufio.NewReader(far)
	allocs := testing.AllocsPerRun(2000, func() {
		if _, err := far.Write(line); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.ReadSlice('\n'); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per line and reply, want 0", allocs)
	}
	_ = far.CloseWrite()
	<-done
}

// TestNoAllocationPerSend sends as a fan-out does, from outside.
func TestNoAllocationPerSend(t *testing.T) {
	for name, frames := range map[string][]Frame{
		"job":                {{Class: Reset, Data: bytes.Repeat([]byte{'j'}, 1500)}},
		"difficulty and job": {{Class: Setting, Key: 1, Data: []byte("d")}, {Class: Reset, Data: bytes.Repeat([]byte{'j'}, 1500)}},
	} {
		t.Run(name, func(t *testing.T) {
			if raceDetector && len(frames) > 1 {
				t.Skip("the race detector makes sync.Pool forget: run without -race")
			}
			ways()["tcp"](t, Config{MaxQueueAge: time.Minute}, func(r *rig) {
				if r.conn.raw == nil {
					t.Skip("this platform takes the ordinary way")
				}
				r.start()
				size := 0
				for _, f := range frames {
					size += len(f.Data)
				}
				buf := make([]byte, size)
				const runs = 500
				allocs := testing.AllocsPerRun(runs, func() {
					r.conn.Send(frames...)
					if _, err := io.ReadFull(r.peer, buf); err != nil {
						t.Fatal(err)
					}
				})
				if allocs != 0 {
					t.Errorf("%v allocations per send, want 0", allocs)
				}
				stats := r.conn.Stats()
				if stats.FramesOut != uint64((runs+1)*len(frames)) || stats.BytesOut != uint64((runs+1)*size) {
					t.Errorf("stats are %+v", stats)
				}
			})
		})
	}
}

func TestMetrics(t *testing.T) {
	ways()["memory"](t, Config{MaxQueueAge: time.Second}, func(r *rig) {
		var m [7]counter
		var slow counter
		r.conn.cfg.Metrics = Metrics{
			Slow: &slow, Written: nothing{},
			BytesIn: &m[0], BytesOut: &m[1], LinesIn: &m[2], FramesOut: &m[3],
			Superseded: &m[4], Dropped: &m[5], SlowConsumers: &m[6],
		}
		r.echo()
		r.start()
		r.say("one\ntwo\n")
		r.hear("[one]\n[two]\n")
		r.far.Freeze()
		r.conn.Send(Frame{Class: Reply, Data: []byte("in hand")})
		time.Sleep(time.Millisecond)
		r.conn.Send(Frame{Class: Update, Data: []byte("old")}, Frame{Class: Reset, Data: []byte("new")})
		r.end(mining.SlowConsumer)
		if slow != 0 {
			t.Errorf("%v peers are slow at the end", slow)
		}
		want := [7]counter{8, 12, 2, 2, 1, 2, 1}
		if m != want {
			t.Errorf("counted %v, want %v", m, want)
		}
	})
}

// counter counts for one goroutine at a time.
type counter float64

func (c *counter) Add(n float64) { *c += counter(n) }
