package wire

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	benchLine  = "{\"id\":4711,\"method\":\"mining.submit\",\"params\":[\"farm.rig1\",\"00000001\",\"00000000\",\"65a1b2c3\",\"9d0e1f2a\",\"00c00000\"]}\n"
	benchReply = "{\"id\":4711,\"result\":true,\"error\":null}\n"
)

// client sends bursts of lines and reads the replies.
type client struct {
	conn   *net.TCPConn
	reader *bufio.Reader
	burst  []byte
	lines  int
}

func newClient(b *testing.B, ln net.Listener, lines int) *client {
	b.Helper()
	conn := dialTCP(b, ln)
	b.Cleanup(func() { _ = conn.Close() })
	c := &client{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), lines: lines}
	for range lines {
		c.burst = append(c.burst, benchLine...)
	}
	return c
}

func (c *client) turn(tb testing.TB) {
	tb.Helper()
	if _, err := c.conn.Write(c.burst); err != nil {
		tb.Error(err)
	}
	for range c.lines {
		if _, err := c.reader.ReadSlice('\n'); err != nil {
			tb.Error(err)
			return
		}
	}
}

// bare answers lines as plain Go does.
func bare(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	for {
		if _, err := reader.ReadSlice('\n'); err != nil {
			return
		}
		if _, err := conn.Write([]byte(benchReply)); err != nil {
			return
		}
	}
}

func wired(conn net.Conn) {
	c := New(conn, nil, &Config{})
	c.Run(context.Background(), &allocating{c: c, reply: reply(benchReply)})
}

// acceptAll serves until the listener is closed.
func acceptAll(b *testing.B, serve func(net.Conn)) net.Listener {
	b.Helper()
	ln := listenTCP(b)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return ln
}

// BenchmarkEcho answers bursts of lines through wire and through a bare
// net.Conn in turns, and gives both and their ratio.
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 100} {
		for _, lines := range []int{1, 16} {
			b.Run(fmt.Sprintf("%d conns/%d lines", conns, lines), func(b *testing.B) { benchEcho(b, conns, lines) })
		}
	}
}

func benchEcho(b *testing.B, conns, lines int) {
	b.Helper()
	var (
		clients [2][]*client
		spent   [2]time.Duration
	)
	for i, serve := range []func(net.Conn){wired, bare} {
		ln := acceptAll(b, serve)
		for range conns {
			clients[i] = append(clients[i], newClient(b, ln, lines))
		}
	}
	// Rounds of the two in turns, so that noise strikes both.
	const rounds = 10
	turns := max(1, b.N/conns/rounds)
	b.ResetTimer()
	for range rounds {
		for i := range clients {
			start := time.Now()
			var wg sync.WaitGroup
			for _, c := range clients[i] {
				wg.Go(func() {
					for range turns {
						c.turn(b)
					}
				})
			}
			wg.Wait()
			spent[i] += time.Since(start)
		}
	}
	n := float64(rounds * turns * conns * lines)
	b.ReportMetric(float64(spent[0])/n, "wire-ns/line")
	b.ReportMetric(float64(spent[1])/n, "bare-ns/line")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "times-faster")
}

// BenchmarkIdle gives the memory of a connection that said one line and
// waits: heap and stack on our side, the sockets' own included.
func BenchmarkIdle(b *testing.B) {
	const conns = 2000
	for b.Loop() {
		ln := listenTCP(b)
		far := make([]*net.TCPConn, 0, conns)
		for range conns {
			far = append(far, dialTCP(b, ln))
			_ = far[len(far)-1].SetDeadline(time.Time{})
		}
		before := memoryInUse()
		var wg sync.WaitGroup
		for range conns {
			conn, err := ln.Accept()
			if err != nil {
				b.Fatal(err)
			}
			wg.Go(func() { wired(conn) })
		}
		buf := make([]byte, len(benchReply))
		for _, conn := range far {
			if _, err := conn.Write([]byte(benchLine)); err != nil {
				b.Fatal(err)
			}
			if _, err := conn.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(memoryInUse()-before)/conns, "B/conn")
		for _, conn := range far {
			_ = conn.Close()
		}
		wg.Wait()
	}
}

func memoryInUse() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
