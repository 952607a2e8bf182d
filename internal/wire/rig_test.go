package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a handler made of functions; nil ones do nothing.
type script struct {
	line  func(line string) error
	flush func()
	tick  func(now time.Time) (mining.Reason, time.Time)

	loud  atomic.Int64
	mu    sync.Mutex
	lines []string
}

func (s *script) Line(line []byte) error {
	s.mu.Lock()
	s.lines = append(s.lines, string(line))
	s.mu.Unlock()
	if s.line == nil {
		return nil
	}
	return s.line(string(line))
}

func (s *script) Loud() { s.loud.Add(1) }

func (s *script) Flush() {
	if s.flush != nil {
		s.flush()
	}
}

func (s *script) Tick(now time.Time) (mining.Reason, time.Time) {
	if s.tick == nil {
		return "", time.Time{}
	}
	return s.tick(now)
}

func (s *script) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// rig is a connection under test and its peer.
type rig struct {
	t    *testing.T
	conn *Conn
	// peer is the other end as the peer's program sees it.
	peer   net.Conn
	reader *bufio.Reader
	// closeWrite and reset are what the peer does below its program.
	closeWrite func()
	reset      func()
	// near and far are the ends in memory; nil on real sockets.
	near, far *testkit.Conn
	handler   *script
	cancel    context.CancelCauseFunc
	ended     chan mining.Reason
}

// start runs the connection.
func (r *rig) start() {
	ctx, cancel := context.WithCancelCause(r.t.Context())
	r.cancel = cancel
	r.ended = make(chan mining.Reason, 1)
	go func() { r.ended <- r.conn.Run(ctx, r.handler) }()
}

// say writes to the connection as the peer.
func (r *rig) say(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.peer, text); err != nil {
		r.t.Fatalf("peer writes: %v", err)
	}
}

// hear reads len(want) bytes as the peer.
func (r *rig) hear(want string) {
	r.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r.reader, got)
	if string(got[:n]) != want {
		r.t.Fatalf("peer heard %q (%v), want %q", got[:n], err, want)
	}
}

// hearEnd reads the end of the stream as the peer.
func (r *rig) hearEnd() {
	r.t.Helper()
	if rest, err := io.ReadAll(r.reader); err != nil || len(rest) > 0 {
		r.t.Fatalf("peer heard %q, %v, want the end", rest, err)
	}
}

// end waits for Run and checks its reason.
func (r *rig) end(want mining.Reason) {
	r.t.Helper()
	got := <-r.ended
	r.ended <- got // for close
	if got != want {
		r.t.Fatalf("ended with %q, want %q", got, want)
	}
	select {
	case <-r.conn.Done():
	default:
		r.t.Error("Done is open after the end")
	}
	r.conn.mu.Lock()
	defer r.conn.mu.Unlock()
	if r.conn.queue.mem != nil || r.conn.draining {
		r.t.Error("the queue has memory or a goroutine after the end")
	}
}

// close ends everything.
func (r *rig) close() {
	if r.cancel != nil {
		r.cancel(nil)
		<-r.ended
	}
	r.reset()
	_ = r.peer.Close()
}

// ways are the kinds of connection that must behave alike.
func ways() map[string]func(t *testing.T, cfg Config, test func(r *rig)) {
	return map[string]func(t *testing.T, cfg Config, test func(r *rig)){
		"memory": func(t *testing.T, cfg Config, test func(r *rig)) {
			t.Helper()
			synctest.Test(t, func(t *testing.T) {
				near, far := testkit.PipeSize(4 << 10)
				r := &rig{
					t: t, near: near, far: far, peer: far,
					closeWrite: func() { _ = far.CloseWrite() },
					reset:      far.Reset,
				}
				run(r, near, cfg, test)
			})
		},
		"tls": func(t *testing.T, cfg Config, test func(r *rig)) {
			t.Helper()
			cert := certificate(t)
			synctest.Test(t, func(t *testing.T) {
				near, far := testkit.PipeSize(4 << 10)
				server := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{cert}})
				client := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
				done := make(chan error)
				go func() { done <- client.HandshakeContext(t.Context()) }()
				if err := server.HandshakeContext(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				r := &rig{
					t: t, near: near, far: far, peer: client,
					closeWrite: func() { _ = client.CloseWrite() },
					reset:      far.Reset,
				}
				run(r, server, cfg, test)
			})
		},
		"tcp": func(t *testing.T, cfg Config, test func(r *rig)) {
			t.Helper()
			near, far := tcpPair(t)
			r := &rig{
				t: t, peer: far,
				closeWrite: func() { _ = far.CloseWrite() },
				reset: func() {
					_ = far.SetLinger(0)
					_ = far.Close()
				},
			}
			run(r, near, cfg, test)
		},
	}
}

func run(r *rig, near net.Conn, cfg Config, test func(r *rig)) {
	r.handler = &script{}
	r.conn = New(near, nil, &cfg)
	r.reader = bufio.NewReaderSize(r.peer, 16)
	defer r.close()
	test(r)
}

// tcpPair is a pair of real sockets with small buffers. They are small from the
// start: a window of 64 KiB that was told once is not taken back.
func tcpPair(tb testing.TB) (near, far *net.TCPConn) {
	tb.Helper()
	lc := net.ListenConfig{Control: smallBuffers}
	ln, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	dialer := net.Dialer{Control: smallBuffers}
	conn, err := dialer.DialContext(tb.Context(), "tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	far = conn.(*net.TCPConn)
	if conn, err = ln.Accept(); err != nil {
		tb.Fatal(err)
	}
	near = conn.(*net.TCPConn)
	return near, far
}

// certificate makes one that nobody verifies.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// reply makes a frame of class Reply.
func reply(text string) Frame { return Frame{Class: Reply, Data: []byte(text)} }

// echo answers each line with itself in brackets.
func (r *rig) echo() {
	r.handler.line = func(line string) error {
		r.conn.Send(reply("[" + line + "]\n"))
		return nil
	}
}

// started reports that the connection writes what it is given.
func (r *rig) started() bool {
	r.conn.mu.Lock()
	defer r.conn.mu.Unlock()
	return r.conn.raw == nil || r.conn.open
}

// over reports that the connection has a reason to end.
func (r *rig) over() bool {
	select {
	case <-r.conn.Done():
		return true
	default:
		return false
	}
}

// surplus is how much waits in bytes when a real socket is full: more than what
// its kernel still finds room for. On a busy machine it does so a second later,
// for acknowledgements come late.
const surplus = 32 << 10

// fill sends until the peer takes no more, or the connection is over, and
// returns the bytes sent, which nothing overtakes.
func (r *rig) fill() []byte {
	for !r.started() { // what is sent before does not wait for the peer
		time.Sleep(time.Millisecond)
	}
	var sent bytes.Buffer
	for n := byte(0); !r.full() && !r.over(); n++ {
		frame := bytes.Repeat([]byte{'a' + n%26}, 1024)
		r.conn.Send(Frame{Class: Anchor, Data: frame})
		sent.Write(frame)
	}
	return sent.Bytes()
}

// full reports that something waits for the peer and goes on doing so.
func (r *rig) full() bool {
	if r.far == nil {
		return r.conn.Stats().QueuedBytes >= surplus
	}
	synctest.Wait()
	return r.conn.Stats().QueuedBytes >= 1024
}
