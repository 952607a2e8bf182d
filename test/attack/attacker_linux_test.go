package attack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// attack is one way to hurt a farm. Run goes on until ctx ends, and leaves nothing
// behind.
type attack interface {
	Name() string
	Run(ctx context.Context, at *target)
}

// target is what is attacked, and what came of it.
type target struct {
	// Plain, TLS and HTTP are addresses.
	Plain, TLS, HTTP string
	// number tells the addresses of this attack from those of others.
	number byte

	// Connects counts connections that were begun, Closed those that the other side
	// ended or did not take, Bytes and Answers what was sent and heard.
	connects, closed, bytes, answers atomic.Int64
}

// attackOrder has attacks made, all at the same time.
type attackOrder struct {
	Plain, TLS, HTTP string
	Attacks          []string
	For              time.Duration
}

// attackReport is what the attackers did.
type attackReport struct {
	Error                            string
	Connects, Closed, Bytes, Answers int64
}

// serveAttacker is the process of the attackers. It has one core; of the threads on it
// each has its turn, where goroutines of one thread might starve each other.
func serveAttacker(in *json.Decoder, out *json.Encoder) error {
	runtime.GOMAXPROCS(8)
	for {
		var o attackOrder
		switch err := in.Decode(&o); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := out.Encode(o.run()); err != nil {
			return err
		}
	}
}

func (o *attackOrder) run() (r attackReport) {
	ctx, cancel := context.WithTimeout(context.Background(), o.For)
	defer cancel()
	var all sync.WaitGroup
	var targets []*target
	for _, name := range o.Attacks {
		number, a := find(name)
		if a == nil {
			return attackReport{Error: name + ": there is no such attack"}
		}
		at := &target{Plain: o.Plain, TLS: o.TLS, HTTP: o.HTTP, number: byte(number)}
		targets = append(targets, at)
		all.Go(func() { a.Run(ctx, at) })
	}
	all.Wait()
	for _, at := range targets {
		r.Connects += at.connects.Load()
		r.Closed += at.closed.Load()
		r.Bytes += at.bytes.Load()
		r.Answers += at.answers.Load()
	}
	return r
}

// find looks an attack up.
func find(name string) (number int, a attack) {
	for i, a := range append(attacks(), honestCases()...) {
		if a.Name() == name {
			return i, a
		}
	}
	return 0, nil
}

// source is one of the attack's 50 addresses.
func (at *target) source(i int) [4]byte { return [4]byte{127, 66, at.number, byte(1 + i%50)} }

// dial connects from one of the attack's addresses; conn is closed when ctx ends.
func (at *target) dial(ctx context.Context, to string, i int) (conn net.Conn, done func(), err error) {
	s := at.source(i)
	return at.dialFrom(ctx, to, s)
}

func (at *target) dialFrom(ctx context.Context, to string, s [4]byte) (conn net.Conn, done func(), err error) {
	at.connects.Add(1)
	d := net.Dialer{
		LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(s), 0)), KeepAlive: -1, Timeout: 5 * time.Second,
	}
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		at.closed.Add(1)
		return nil, nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
		// What the kernel keeps is to be the proxy's doing: this end is another machine's.
		_ = tcp.SetWriteBuffer(64 << 10)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return c, func() { stop(); _ = c.Close() }, nil
}

// write sends and counts. An error is the other side's doing, or the end.
func (at *target) write(ctx context.Context, conn net.Conn, b []byte) error {
	n, err := conn.Write(b)
	at.bytes.Add(int64(n))
	if err != nil && ctx.Err() == nil {
		at.closed.Add(1)
	}
	return err
}

// many runs something n times side by side, each again and again. Who was turned away
// at once waits a moment, for a loop of refused connects is another attack.
func many(ctx context.Context, n int, what func(i int) error) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for turn := i; ctx.Err() == nil; turn += n {
				if err := what(turn); err != nil {
					rest(ctx, 10*time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// sockaddr is an address for the kernel.
func sockaddr(address string) *unix.SockaddrInet4 {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return &unix.SockaddrInet4{}
	}
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// crowd is many bare sockets that nobody waits for.
type crowd struct {
	at   *target
	to   *unix.SockaddrInet4
	all  []loner
	next int
}

// loner is one of them, and how many bytes it has said.
type loner struct{ fd, said int }

// open begins one more.
func (c *crowd) open() error {
	fd, err := begin(c.at.source(c.next), c.to)
	c.next++
	c.at.connects.Add(1)
	if err != nil {
		c.at.closed.Add(1)
		return err
	}
	c.all = append(c.all, loner{fd: fd})
	return nil
}

// each does something to every socket, and closes those of which it says no.
func (c *crowd) each(stays func(one *loner) bool) {
	kept := c.all[:0]
	for _, one := range c.all {
		if stays(&one) {
			kept = append(kept, one)
			continue
		}
		_ = unix.Close(one.fd)
		c.at.closed.Add(1)
	}
	c.all = kept
}

// leave ends the oldest until at most that many are left.
func (c *crowd) leave(most int) {
	n := max(0, len(c.all)-most)
	for _, one := range c.all[:n] {
		_ = unix.Close(one.fd)
	}
	c.all = c.all[:copy(c.all, c.all[n:])]
}

// alive says that the other side has not closed. What it says is thrown away.
func (l *loner) alive() bool {
	var buf [512]byte
	n, err := unix.Read(l.fd, buf[:])
	return n > 0 || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOTCONN)
}

// say says the next byte of a line; after its end it goes on with letters.
func (l *loner) say(line []byte) {
	b := []byte("a")
	if l.said < len(line) {
		b = line[l.said : l.said+1]
	}
	if n, _ := unix.Write(l.fd, b); n == 1 {
		l.said++
	}
}

// client is an attacker that has logged in and knows how to mine.
type client struct {
	talk

	conn net.Conn
	done func()
	r    *bufio.Reader
}

// login connects and shakes hands until there is work.
func (at *target) login(ctx context.Context, i int) (*client, error) {
	conn, done, err := at.dial(ctx, at.Plain, i)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, done: done, r: bufio.NewReaderSize(conn, 32<<10)}
	c.worker = fmt.Sprintf("evil%d.w%03d", at.number, i%1000)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	err = at.write(ctx, conn, []byte(subscribeLine+authorizeLine(c.worker)))
	var known jobs
	for err == nil && !c.ready() {
		var line []byte
		if line, err = c.r.ReadSlice('\n'); err == nil {
			_, _, err = c.hear(line[:len(line)-1], &known)
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			at.closed.Add(1)
		}
		done()
		return nil, err
	}
	_ = conn.SetReadDeadline(time.Time{})
	return c, nil
}

// drain reads what the other side says and counts its lines, until the connection
// ends.
func (at *target) drain(c *client) {
	for {
		switch _, err := c.r.ReadSlice('\n'); {
		case err == nil:
			at.answers.Add(1)
		case !errors.Is(err, bufio.ErrBufferFull):
			return
		}
	}
}

// flood logs in on 20 connections and sends, as fast as it is taken, what says makes;
// the answers are read meanwhile.
func (at *target) flood(ctx context.Context, says func(c *client, dst []byte) []byte) {
	many(ctx, 20, func(i int) error {
		c, err := at.login(ctx, i)
		if err != nil {
			return err
		}
		defer c.done()
		go at.drain(c)
		var batch []byte
		for ctx.Err() == nil {
			batch = says(c, batch[:0])
			if err := at.write(ctx, c.conn, batch); err != nil {
				return err
			}
		}
		return nil
	})
}
