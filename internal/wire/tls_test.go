package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// wrapped is a connection around another, as one is whose first bytes were read
// before the TLS handshake.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

// tlsPair is a TLS connection over real sockets, ours with something between.
func tlsPair(t *testing.T) (near net.Conn, far *tls.Conn) {
	t.Helper()
	ours, theirs := tcpPair(t)
	near, far = tlsOver(t, ours, theirs)
	if tcpOf(near) != ours {
		t.Error("the socket below is not found")
	}
	return near, far
}

// tlsOver is one over a pair of sockets.
func tlsOver(t *testing.T, ours, theirs net.Conn) (near net.Conn, far *tls.Conn) {
	t.Helper()
	server := tls.Server(wrapped{ours}, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	far = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- far.HandshakeContext(t.Context()) }()
	if err := server.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if rawOf(server) != nil {
		t.Error("a TLS connection is written to below its encryption")
	}
	return server, far
}

// Who sends to a TLS peer that reads nothing is not held up: the peer ends as a
// slow consumer, and another one meanwhile gets all that was sent by the same
// goroutine.
func TestFrozenTLSPeerHoldsNobodyUp(t *testing.T) {
	frozen, quiet := tlsPair(t)
	well, reader := tlsPair(t)
	ended := make(chan mining.Reason, 2)
	cfg := Config{MaxQueueBytes: 64 << 10, MaxQueueAge: time.Minute}
	conns := []*Conn{New(frozen, nil, &cfg), New(well, nil, &cfg)}
	for _, c := range conns {
		go func() { ended <- c.Run(context.Background(), &script{}) }()
	}
	want := &bytes.Buffer{}
	heard := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(reader)
		heard <- all
	}()
	frame := bytes.Repeat([]byte{'x'}, 1<<10)
	for {
		select {
		case reason := <-ended:
			if reason != mining.SlowConsumer {
				t.Errorf("the frozen one ended as %s", reason)
			}
			conns[1].Close(mining.Shutdown)
			<-ended
			if got := <-heard; !bytes.Equal(got, want.Bytes()) {
				t.Errorf("the other one heard %d bytes of %d", len(got), want.Len())
			}
			_ = quiet.Close()
			return
		default:
		}
		conns[0].Send(Frame{Class: Anchor, Data: frame})
		if conns[1].Stats().QueuedBytes < cfg.MaxQueueBytes/2 { // it reads, but not in no time
			conns[1].Send(Frame{Class: Anchor, Data: frame})
			want.Write(frame)
		}
	}
}

// TestLastReplyArrivesByTLS is TestLastReplyArrives for a TLS peer.
func TestLastReplyArrivesByTLS(t *testing.T) {
	for range 20 {
		near, far := tlsPair(t)
		c := New(near, nil, &Config{})
		s := &script{}
		s.line = func(string) error {
			c.Send(reply("sorry\n"))
			return named{mining.TooManyErrors}
		}
		if _, err := far.Write(bytes.Repeat([]byte("a line\n"), 400)); err != nil {
			t.Fatal(err)
		}
		ended := make(chan mining.Reason, 1)
		go func() { ended <- c.Run(context.Background(), s) }()
		if got, err := io.ReadAll(far); string(got) != "sorry\n" || err != nil {
			t.Errorf("peer heard %q, %v", got, err)
		}
		if got := <-ended; got != mining.TooManyErrors {
			t.Errorf("ended with %s", got)
		}
		if _, err := far.NetConn().Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // what is on its way would be lost
			t.Errorf("the socket below ends with %v", err)
		}
		_ = far.Close()
	}
}

// A connection by TLS goes on in another goroutine, once, when it is steady: the stack
// that a handshake needed is given back. Nothing is lost by that, and its end is told once.
func TestTLSGoesOnWithFreshStack(t *testing.T) {
	near, far := tlsPair(t)
	c := New(near, nil, &Config{})
	in := make(chan string, 10)
	s := &script{line: func(line string) error {
		stack := make([]byte, 64)
		id, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), " [")
		in <- id
		if line == "2" {
			c.SetSteady()
		}
		c.Send(reply("[" + line + "]\n"))
		return nil
	}}
	ended := make(chan mining.Reason, 2)
	c.Go(context.Background(), s, func(r mining.Reason) { ended <- r })
	ids := make([]string, 0, 5)
	lines := bufio.NewReader(far)
	for _, line := range []string{"1", "2", "3", strings.Repeat("4", 3*idleSize), "5"} {
		if _, err := io.WriteString(far, line+"\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := lines.ReadString('\n'); got != "["+line+"]\n" {
			t.Fatalf("heard %q, %v", got, err)
		}
		ids = append(ids, <-in)
	}
	if ids[0] != ids[1] || ids[1] == ids[2] || ids[2] != ids[3] || ids[3] != ids[4] {
		t.Errorf("lines were read by %q", ids)
	}
	_ = far.Close()
	if got := <-ended; got != mining.PeerClosed {
		t.Errorf("ended as %s", got)
	}
	if len(ended) != 0 {
		t.Error("its end is told twice")
	}
}
