package load

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Pool takes whoever comes and everything that is said, and has a new
// job when it is told to. [Pool.Serve] is for a [Server].
type Pool struct {
	// Away says that new connections are refused.
	Away atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
	jobs  int
}

// Announce sends a new block's job on every connection, a miner's size of it:
// 250 bytes of coinbase, 12 branches. It returns the time before the first
// byte left.
func (p *Pool) Announce() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs++
	line := p.notify()
	begin := time.Now()
	for _, conn := range p.conns {
		_, _ = conn.Write(line) // one that has ended is taken out by who reads it
	}
	return begin
}

// End closes all connections, with FIN, and returns the time before the first.
func (p *Pool) End() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	begin := time.Now()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
	return begin
}

// notify renders the present job; p.mu is held. The pool's extranonce is
// twelve bytes of the coinbase.
func (p *Pool) notify() []byte {
	branch := fmt.Sprintf("%064x", 0xfeed)
	return fmt.Appendf(nil, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"j%d\",\"%064x\",\"%0120x\",\"%0356x\",[\"%s\"],\"20000000\",\"1703a30c\",\"65537f00\",true]}\n",
		p.jobs, p.jobs, p.jobs, 0xcafe, strings.Join(slices.Repeat([]string{branch}, 12), `","`))
}

// Serve talks to one who has connected, until that ends.
func (p *Pool) Serve(conn net.Conn) {
	defer p.forget(conn)
	r := bufio.NewReader(conn)
	for !p.Away.Load() {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if err := p.answer(conn, line); err != nil {
			return
		}
	}
}

func (p *Pool) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = slices.DeleteFunc(p.conns, func(c net.Conn) bool { return c == conn })
}

func (p *Pool) answer(conn net.Conn, line []byte) error {
	_, rest, _ := bytes.Cut(line, []byte(`"id":`))
	id, _, _ := bytes.Cut(rest, []byte(","))
	reply := fmt.Appendf(nil, "{\"id\":%s,\"result\":true,\"error\":null}\n", id)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case bytes.Contains(line, []byte("mining.subscribe")):
		reply = fmt.Appendf(nil, "{\"id\":%s,\"result\":[[[\"mining.notify\",\"1\"]],\"aabbccdd\",8],\"error\":null}\n", id)
	case bytes.Contains(line, []byte("mining.configure")):
		reply = fmt.Appendf(nil, "{\"id\":%s,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n", id)
	case bytes.Contains(line, []byte("mining.authorize")):
		reply = append(reply, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1]}\n"...)
		reply = append(reply, p.notify()...)
		if !slices.Contains(p.conns, conn) {
			p.conns = append(p.conns, conn)
		}
	}
	_, err := conn.Write(reply)
	return err
}
