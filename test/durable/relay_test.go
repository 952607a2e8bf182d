package durable

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// manner is what a relay does with connections.
type manner int

const (
	// faithful hands on all.
	faithful manner = iota
	// cutting resets each connection after some bytes, at random.
	cutting
	// losing resets a connection in place of handing on that it has committed.
	losing
	// silent hands on nothing, and says nothing of it.
	silent
)

// committed is how PostgreSQL says so.
const committed = "COMMIT\x00"

// relay stands before a database and does harm to its connections.
type relay struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	random *rand.Rand
	manner manner
	conns  map[net.Conn]bool
	// cuts and lost count what was done.
	cuts, lost int
}

// newRelay stands before an address until the test ends.
func newRelay(t *testing.T, to string, random *rand.Rand) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, random: random, conns: map[net.Conn]bool{}}
	var works sync.WaitGroup
	works.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			works.Go(func() { r.serve(t.Context(), conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.set(faithful)
		works.Wait()
	})
	return r
}

// set has the relay do something else, beginning with new connections.
func (r *relay) set(m manner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manner = m
	for conn := range r.conns {
		if m != silent {
			reset(conn)
		}
	}
}

// is the present manner.
func (r *relay) is() manner {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.manner
}

// reset ends a connection at once.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// serve hands on what a client and the database say.
func (r *relay) serve(ctx context.Context, client net.Conn) {
	defer reset(client)
	server, err := new(net.Dialer).DialContext(ctx, "tcp", r.to)
	if err != nil {
		return
	}
	defer reset(server)
	r.mu.Lock()
	r.conns[client] = true
	left := -1
	if r.manner == cutting {
		// About as much as a transaction is, so that all of it is hit.
		left = r.random.IntN(1 << (9 + r.random.IntN(7)))
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.conns, client)
	}()
	var budget sync.Mutex
	allow := func(n int) int {
		budget.Lock()
		defer budget.Unlock()
		if left < 0 {
			return n
		}
		n = min(n, left)
		left -= n
		return n
	}
	var ways sync.WaitGroup
	ways.Go(func() { r.hand(server, client, allow, false); reset(client); reset(server) })
	ways.Go(func() { r.hand(client, server, allow, true); reset(client); reset(server) })
	ways.Wait()
}

// hand hands on one direction until it ends or is ended.
func (r *relay) hand(to io.Writer, from io.Reader, allow func(int) int, answers bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		switch m := r.is(); {
		case m == silent:
			continue
		case m == losing && answers && bytes.Contains(buf[:n], []byte(committed)):
			r.count(&r.lost)
			return
		}
		most := allow(n)
		if _, err := to.Write(buf[:most]); err != nil {
			return
		}
		if most < n {
			r.count(&r.cuts)
			return
		}
	}
}

func (r *relay) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

// done is how many connections were cut, and how many answers lost.
func (r *relay) done() (cuts, lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cuts, r.lost
}
