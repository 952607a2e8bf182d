package listen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// left is how many turns are free.
func (t *Handshakes) left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.free
}

// A flood of hellos keeps nobody waiting who comes from elsewhere, and who gives up is
// in nobody's way.
func TestTurnsGoRoundTheAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewHandshakes(1, nil)
		if err := turns.take(t.Context(), netip.Prefix{}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		wait := func(ctx context.Context, addr string) {
			all.Go(func() {
				if turns.take(ctx, guard.PartyOf(netip.MustParseAddr(addr))) != nil {
					return
				}
				mu.Lock()
				order = append(order, addr)
				mu.Unlock()
				turns.give()
			})
			synctest.Wait()
		}
		for range 3 {
			wait(t.Context(), "203.0.113.1")
		}
		gives, up := context.WithCancel(t.Context())
		wait(gives, "10.0.0.1")
		wait(t.Context(), "10.0.0.2")
		wait(t.Context(), "2001:db8::1")
		wait(t.Context(), "2001:db8::2") // the same /64
		up()
		synctest.Wait()
		turns.give()
		all.Wait()
		want := []string{"203.0.113.1", "10.0.0.2", "2001:db8::1", "203.0.113.1", "2001:db8::2", "203.0.113.1"}
		if !slices.Equal(order, want) || turns.left() != 1 || len(turns.places) != 0 {
			t.Errorf("order %v, want %v; free %d, places %d", order, want, turns.left(), len(turns.places))
		}
	})
}

// Who is to give way goes at once, though its turn has not come.
func TestGivesWayWhileItWaitsForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewHandshakes(1, nil)
		if err := turns.take(t.Context(), netip.Prefix{}); err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		defer func() { _ = theirs.Close() }()
		v := &visit{raw: ours, opening: &opening{conn: ours, until: time.Now().Add(time.Hour)}}
		done := make(chan mining.Reason, 1)
		go func() { done <- v.secure(t.Context(), turns, &Config{TLS: &tls.Config{}}) }()
		synctest.Wait()
		v.Close(mining.GaveWay)
		synctest.Wait()
		select {
		case got := <-done:
			if got != mining.GaveWay {
				t.Errorf("it ends for %q", got)
			}
		default:
			t.Error("it still waits")
			turns.give()
		}
	})
}

// Who waits for a turn has no more time than what is left for all that stands before
// Stratum, however late its hello came.
func TestTurnWithinTheHandshakesTime(t *testing.T) {
	turns := NewHandshakes(1, nil)
	counts := newTally()
	cfg := Config{HandshakeTimeout: 10 * time.Second, TLS: &tls.Config{}}
	deps := Deps{Serve: never(t), Metrics: counts.metrics(), Handshakes: turns}
	underGate(t, cfg, guard.New(guard.Config{}, guard.Deps{}), deps, func(q *queue) {
		if err := turns.take(t.Context(), netip.Prefix{}); err != nil { // somebody computes, for long
			t.Error(err)
		}
		conn := q.come("192.0.2.1")
		time.Sleep(9 * time.Second)
		_, _ = io.WriteString(conn, "\x16\x03\x01")
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		if counts.count(mining.HandshakeTimeout) != 0 {
			t.Error("too early")
		}
		time.Sleep(2 * time.Nanosecond)
		synctest.Wait()
		if counts.count(mining.HandshakeTimeout) != 1 {
			t.Error("it still waits for a turn")
		}
	})
}

// A TLS peer cannot have us gather more than a record, neither before the handshake is
// over nor after it.
func TestTLSMessagesAreBounded(t *testing.T) {
	s := newSecured(t)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{}), HandshakeTimeout: time.Hour}, NewHandshakes(1, nil))
	// A hello of 65,500 bytes in four records, of which the last does not come.
	conn := dial(t, d.addr)
	record := append([]byte{0x16, 3, 1, 0x40, 0}, make([]byte, 16<<10)...)
	copy(record[5:], []byte{1, 0, 0xff, 0xdc})
	say(t, conn, string(record))
	copy(record[5:], []byte{0, 0, 0, 0})
	_, _ = conn.Write(bytes.Repeat(record, 2))
	if got := d.counts.next(); got != mining.TLSHandshakeFailed {
		t.Errorf("ends for %q", got)
	}
}

// What a miner says comes through, in records of any size and however much it is
// together.
func TestTLSReadsAll(t *testing.T) {
	s := newSecured(t)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{})}, NewHandshakes(1, nil))
	conn := client(t, dial(t, d.addr), anything(""))
	back := bufio.NewReader(conn)
	for _, size := range []int{1, 500, readAhead, 16 << 10, 16 << 10, 16<<10 + 1, 2 * mostSaid, 1} {
		line := strings.Repeat("{", size) + "\n"
		said := make(chan error, 1)
		go func() {
			_, err := io.WriteString(conn, line)
			said <- err
		}()
		if got, err := back.ReadString('\n'); err != nil || got != line {
			t.Fatalf("of a line of %d bytes %d came back, %v", size, len(got), err)
		}
		if err := <-said; err != nil {
			t.Fatal(err)
		}
	}
}

// What is of no use to anybody does not gather.
func TestTLSReadsAreBounded(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() { _, _ = theirs.Write(make([]byte, 2*mostSaid)) }()
	b := &begun{Conn: ours}
	n, err := io.Copy(io.Discard, struct{ io.Reader }{b})
	if !errors.Is(err, errSaidTooMuch) || n > mostSaid+readAhead {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = ours.Close()
	_ = theirs.Close()
}

// Who asks for new keys again and again is not answered without end, and who does it now
// and then is.
func TestTLSNewKeysAreBounded(t *testing.T) {
	s := newSecured(t)
	heard, ended := make(chan string, 1), make(chan error, 1)
	addr := start(t, Config{TLS: s.tls(certs.Spec{})}, Deps{Handshakes: NewHandshakes(1, nil), Serve: here(func(_ context.Context, conn net.Conn, preread []byte) {
		lines := bufio.NewScanner(io.MultiReader(bytes.NewReader(preread), conn))
		for lines.Scan() {
			heard <- lines.Text()
		}
		ended <- lines.Err()
	})})
	conn := dial(t, addr)
	r, err := testkit.NewRekeyer(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	say(t, conn, string(r.Data("{}\n")))
	<-heard
	var text []byte
	for range mostAnswers + 2 {
		text = append(append(text, r.Ask()...), r.Data("{}\n")...)
	}
	say(t, conn, string(text))
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		select {
		case <-heard:
			continue
		case err := <-ended:
			if !errors.Is(err, errAskedTooMuch) || n < mostAnswers || n > mostAnswers+2 {
				t.Errorf("after %d lines it ended with %v", n, err)
			}
			return
		}
	}
}

// The bound of a time is none of a longer one.
func TestNewKeysNowAndThen(t *testing.T) {
	b, now := &begun{}, time.Now()
	for range 10 {
		for i := range mostAnswers {
			if !b.answers(now) {
				t.Fatalf("the answer %d is not given", i)
			}
		}
		now = now.Add(answersFor)
	}
}
