package link_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// TestOverARealSocket has a pool that accepts every share it is handed; the
// link is closed with the last verdict.
func TestOverARealSocket(t *testing.T) {
	t.Parallel()
	const shares = 200
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var serving sync.WaitGroup
	serving.Go(func() { acceptAll(t, listener) })
	verdicts := 0
	rec := &record{}
	rec.on = func(l *link.Link, ev upstream.Event) {
		switch ev.Kind { //nolint:exhaustive // the others are left alone
		case upstream.Job:
			for tag := range uint64(shares) {
				l.Submit(share(ev.Job, tag))
			}
		case upstream.Verdict:
			if ev.Verdict != mining.Accepted {
				t.Errorf("verdict is %+v", ev)
			}
			if verdicts++; verdicts == shares {
				l.Close(mining.MinerGone)
			}
		}
	}
	l := link.New(testConfig(), link.Deps{
		Dial: func(ctx context.Context, _ dial.Endpoint) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		},
		Events: rec,
	})
	if got := l.Run(t.Context()); got != mining.MinerGone || verdicts != shares {
		t.Errorf("ended with %s after %d verdicts", got, verdicts)
	}
	serving.Wait()
}

// acceptAll serves one connection to its end.
func acceptAll(t *testing.T, listener net.Listener) {
	t.Helper()
	conn, err := listener.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewScanner(conn)
	in.Scan() // mining.subscribe
	if _, err := conn.Write([]byte(ckpool1 + "\n" + notify + "\n")); err != nil {
		t.Error(err)
	}
	for in.Scan() {
		id, _, _ := strings.Cut(strings.TrimPrefix(in.Text(), `{"id":`), ",")
		if _, err := conn.Write([]byte(`{"id":` + id + `,"result":true,"error":null}` + "\n")); err != nil {
			return // closed after the last verdict
		}
	}
}

// TestManySubmitters has eight goroutines submit at once: every line comes
// exactly once, in the order of the ids, and every tag gets its verdict.
func TestManySubmitters(t *testing.T) {
	t.Parallel()
	const miners, shares = 8, 500
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var others sync.WaitGroup
	others.Go(func() { acceptInOrder(t, listener, miners*shares) })
	rec, seen := &record{}, make(map[uint64]bool)
	rec.on = func(l *link.Link, ev upstream.Event) {
		switch ev.Kind { //nolint:exhaustive // the others are left alone
		case upstream.Job:
			for m := range uint64(miners) {
				others.Go(func() {
					for i := range uint64(shares) {
						if !l.Submit(share(ev.Job, m*shares+i)) {
							t.Error("a submit was not taken")
						}
					}
				})
			}
		case upstream.Verdict:
			if ev.Verdict != mining.Accepted || seen[ev.Tag] {
				t.Errorf("verdict is %+v, seen %t", ev, seen[ev.Tag])
			}
			if seen[ev.Tag] = true; len(seen) == miners*shares {
				l.Close(mining.MinerGone)
			}
		}
	}
	l := link.New(testConfig(), link.Deps{
		Dial: func(ctx context.Context, _ dial.Endpoint) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		},
		Events: rec,
	})
	if got := l.Run(t.Context()); got != mining.MinerGone || len(seen) != miners*shares {
		t.Errorf("ended with %s after %d verdicts", got, len(seen))
	}
	others.Wait()
}

// acceptInOrder serves one connection, accepts so many shares and wants their
// ids to be consecutive.
func acceptInOrder(t *testing.T, listener net.Listener, shares int) {
	t.Helper()
	conn, err := listener.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewScanner(conn)
	in.Scan() // mining.subscribe
	if _, err := conn.Write([]byte(ckpool1 + "\n" + notify + "\n")); err != nil {
		t.Error(err)
	}
	for i := range shares {
		in.Scan()
		id, _, _ := strings.Cut(strings.TrimPrefix(in.Text(), `{"id":`), ",")
		if id != strconv.Itoa(i+2) {
			t.Errorf("line %d is %s", i, in.Text())
			return
		}
		if _, err := conn.Write([]byte(`{"id":` + id + `,"result":true,"error":null}` + "\n")); err != nil {
			t.Error(err)
			return
		}
	}
	if in.Scan() {
		t.Errorf("one line more: %s", in.Text())
	}
}

// TestSubmitAllocatesNothing hands in shares to a pool that listens only.
func TestSubmitAllocatesNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var listening sync.WaitGroup
	listening.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		if _, err := conn.Write([]byte(ckpool1 + "\n" + notify + "\n")); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, conn)
	})
	jobs, rec := make(chan *mining.Job, 1), &record{}
	rec.on = func(_ *link.Link, ev upstream.Event) {
		if ev.Kind == upstream.Job {
			jobs <- ev.Job
		}
	}
	cfg := testConfig()
	cfg.MaxPending = 1 << 16
	l := link.New(cfg, link.Deps{
		Dial: func(ctx context.Context, _ dial.Endpoint) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		},
		Events: rec,
	})
	listening.Go(func() { l.Run(t.Context()) })
	sub := share(<-jobs, 1)
	if n := testing.AllocsPerRun(5000, func() {
		if !l.Submit(sub) {
			t.Error("a submit was not taken")
		}
	}); n != 0 {
		t.Errorf("%v allocations a share", n)
	}
	l.Close(mining.MinerGone)
	listening.Wait()
}
