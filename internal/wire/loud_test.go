package wire

import (
	"bytes"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/loka/stratum/internal/mining"
)

// Of a peer that says more than is read at a time the handler is told after each such
// read, and of no other.
func TestLoud(t *testing.T) {
	near, far := roomyPair(t)
	r := &rig{t: t, peer: far, reset: func() { _ = far.Close() }}
	run(r, near, Config{}, func(r *rig) {
		line := append(bytes.Repeat([]byte{'x'}, 127), '\n')
		const buffers = 12 // as much as a socket takes unread
		lines := buffers * scratchSize / len(line)
		var left atomic.Int64
		left.Store(int64(lines))
		flood := bytes.Repeat(line, lines)
		if _, err := r.peer.Write(flood); err != nil {
			t.Fatal(err)
		}
		all := make(chan struct{}, 1)
		r.handler.line = func(string) error {
			if left.Add(-1) == 0 {
				all <- struct{}{}
			}
			return nil
		}
		r.start()
		<-all
		told := func(want int64) {
			for r.handler.loud.Load() < want {
				runtime.Gosched()
			}
			if n := r.handler.loud.Load(); n != want {
				t.Errorf("told of %d full reads, there were %d", n, want)
			}
		}
		told(buffers)
		left.Store(1)
		if _, err := r.peer.Write(line); err != nil {
			t.Fatal(err)
		}
		<-all
		told(buffers)
	})
}

// A peer that has much to say at once is listened to in turns: whoever else wants a
// processor gets it after each buffer, and not when the scheduler takes it away.
func TestFloodYields(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // no test of this package runs beside it
	near, far := roomyPair(t)
	r := &rig{t: t, peer: far, reset: func() { _ = far.Close() }}
	run(r, near, Config{}, func(r *rig) {
		line := append(bytes.Repeat([]byte{'x'}, 127), '\n')
		const buffers = 12 // as much as a socket takes unread
		flood := bytes.Repeat(line, buffers*scratchSize/len(line))
		if _, err := r.peer.Write(flood); err != nil {
			t.Fatal(err)
		}
		turns, end := others()
		defer end()
		seen := map[int64]bool{}
		left := len(flood) / len(line)
		all := make(chan struct{})
		r.handler.line = func(string) error {
			seen[turns.Load()] = true
			if left--; left == 0 {
				close(all)
			}
			return nil
		}
		r.start()
		<-all
		if len(seen) < buffers/2 {
			t.Errorf("others had %d turns while %d buffers were read", len(seen), buffers)
		}
	})
}

// So is one that talks in TLS records which are smaller than any buffer.
func TestFloodOfRecordsYields(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // no test of this package runs beside it
	ours, theirs := roomyPair(t)
	near, far := tlsOver(t, ours, theirs)
	const records = 1000
	for range records {
		if _, err := far.Write([]byte("x\n")); err != nil {
			t.Fatal(err)
		}
	}
	turns, end := others()
	defer end()
	seen := map[int64]bool{}
	left := records
	s := &script{line: func(string) error {
		seen[turns.Load()] = true
		if left--; left == 0 {
			return named{mining.TooManyErrors}
		}
		return nil
	}}
	if reason := New(near, nil, &Config{}).Run(t.Context(), s); reason != mining.TooManyErrors {
		t.Errorf("it ended as %s", reason)
	}
	if len(seen) < records/readsInARow {
		t.Errorf("others had %d turns while %d records were read", len(seen), records)
	}
	if n := s.loud.Load(); n < records/4 {
		t.Errorf("it was told of %d times in %d records", n, records)
	}
}

// roomyPair is a pair of real sockets as the system makes them.
func roomyPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	var dialer net.Dialer
	if far, err = dialer.DialContext(t.Context(), "tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// others takes turns beside what is tested, and counts them, until end is called.
func others() (turns *atomic.Int64, end func()) {
	turns = new(atomic.Int64)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				turns.Add(1)
				runtime.Gosched()
			}
		}
	}()
	return turns, func() { close(stop); <-stopped }
}
