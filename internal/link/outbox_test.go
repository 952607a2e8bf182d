package link

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// silent is Events that nobody looks at.
type silent struct{}

func (silent) LinkEvent(*Link, upstream.Event)       {}
func (silent) LinkRead(*Link)                        {}
func (silent) LinkEnded(*Link, mining.Reason, error) {}

// subscribed starts a link that a pool in memory has subscribed, and returns
// both ends of its connection. It is called in a bubble.
func subscribed(t *testing.T) (l *Link, near *testkit.Conn, pool *bufio.Reader) {
	t.Helper()
	near, far := testkit.Pipe()
	l = New(Config{Pool: "main", UserAgent: "loka/1"}, Deps{
		Dial:   func(context.Context, dial.Endpoint) (net.Conn, error) { return near, nil },
		Events: silent{},
	})
	ended := make(chan mining.Reason)
	go func() { ended <- l.Run(context.Background()) }()
	t.Cleanup(func() {
		l.Close(mining.MinerGone)
		<-ended
	})
	pool = bufio.NewReader(far)
	if _, err := pool.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte(`{"id":1,"result":[[],"66d5a1b0",8],"error":null}` + "\n")); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return l, near, pool
}

func shareOf(tag uint64) upstream.Submit {
	en2, _ := work.MakeExtranonce(make([]byte, 8))
	return upstream.Submit{Job: &mining.Job{Ref: "a", Extranonce2Size: 8}, Worker: "w", Extranonce2: en2, Tag: tag}
}

// While somebody is in the middle of a write, others hand in their shares and
// go on; what they left behind is one write.
func TestSubmitsGatherDuringAWrite(t *testing.T) {
	t.Parallel()
	const miners, shares = 8, 25
	synctest.Test(t, func(t *testing.T) {
		l, near, pool := subscribed(t)
		l.mu.Lock()
		l.out.sending = true // as during a write
		l.mu.Unlock()
		before := near.Writes()
		var wg sync.WaitGroup
		for m := range uint64(miners) {
			wg.Go(func() {
				for i := range uint64(shares) {
					if !l.Submit(shareOf(m*shares + i)) {
						t.Error("a submit was not taken")
					}
				}
			})
		}
		wg.Wait()
		if n := near.Writes() - before; n != 0 {
			t.Fatalf("%d writes beside the one in progress", n)
		}
		l.mu.Lock()
		l.out.sending = false // the write is over
		l.flush()
		l.mu.Unlock()
		for i := range miners * shares {
			line, err := pool.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, fmt.Sprintf(`{"id":%d,`, i+2)) {
				t.Fatalf("pool hears %q, %v as line %d", line, err, i)
			}
		}
		synctest.Wait()
		// The wire begins to write while lines are added, 16 KiB at a time at the most.
		if n := near.Writes() - before; n > miners*shares/10 {
			t.Errorf("%d shares were sent by %d writes", miners*shares, n)
		}
		if n := l.Info().Wire.FramesOut; n != miners*shares+1 {
			t.Errorf("%d lines are counted, want %d", n, miners*shares+1)
		}
	})
}

// A link that is closed while somebody sends for all ends after what was
// taken has left.
func TestCloseDuringAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _, pool := subscribed(t)
		l.mu.Lock()
		l.out.sending = true
		l.mu.Unlock()
		if !l.Submit(shareOf(1)) {
			t.Error("a submit was not taken")
		}
		l.Close(mining.MinerGone)
		if l.Submit(shareOf(2)) {
			t.Error("a submit was taken after the end")
		}
		l.mu.Lock()
		l.out.sending = false
		l.flush()
		l.mu.Unlock()
		line, err := pool.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, `{"id":2,`) {
			t.Errorf("pool hears %q, %v", line, err)
		}
		if rest, err := pool.ReadString('\n'); rest != "" || err == nil {
			t.Errorf("pool hears %q, %v, want the end", rest, err)
		}
	})
}

func TestOutboxGivesMemoryBack(t *testing.T) {
	t.Parallel()
	var o outbox
	o.lines = append(o.lines, strings.Repeat("x\n", keepCap)...)
	if n := len(o.take()); n != keepCap {
		t.Errorf("%d frames", n)
	}
	o.sent()
	if o.batch != nil || o.frames != nil {
		t.Errorf("%d and %d are kept", cap(o.batch), cap(o.frames))
	}
	o.lines = append(o.lines, "x\n"...)
	o.take()
	o.sent()
	if o.batch == nil || o.frames == nil || o.frames[:1][0].Data != nil {
		t.Error("little is not kept, or holds lines")
	}
}
