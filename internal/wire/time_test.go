package wire

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// taken keeps what was observed.
type taken struct{ all []float64 }

func (o *taken) Observe(v float64) { o.all = append(o.all, v) }

// What is between the end of a read and the writing of what it brought is told, from
// where the handler says.
func TestTimed(t *testing.T) {
	t.Parallel()
	ways()["memory"](t, Config{TimeOneIn: 1}, func(r *rig) {
		took := new(taken)
		r.conn.cfg.Metrics.Written = took
		var marks []time.Duration
		r.handler.line = func(line string) error {
			marks = append(marks, time.Since(r.conn.Mark()))
			time.Sleep(time.Second)
			r.conn.Send(reply("[" + line + "]\n"))
			return nil
		}
		moved := 0 * time.Second
		r.handler.flush = func() {
			if moved > 0 {
				r.conn.SetMark(r.conn.Mark().Add(moved))
			}
		}
		r.start()
		r.say("a\nb\n")
		r.hear("[a]\n[b]\n")
		moved = time.Second
		r.say("c\n")
		r.hear("[c]\n")
		r.say("d") // no line: nothing is timed
		r.say("\n")
		r.hear("[d]\n")
		r.handler.flush = func() { r.conn.SetMark(time.Time{}) }
		r.say("e\n")
		r.hear("[e]\n")
		synctest.Wait()
		if want := []float64{2, 0, 0}; !slices.Equal(took.all, want) {
			t.Errorf("it took %v, want %v", took.all, want)
		}
		if want := []time.Duration{0, time.Second, 0, 0, 0}; !slices.Equal(marks, want) {
			t.Errorf("lines came after %v, want %v", marks, want)
		}
	})
}

// One read in so many is timed, whichever was the first, and none where none is to be.
func TestTimedOneIn(t *testing.T) {
	t.Parallel()
	for _, every := range []int{0, 1, 3, 16} {
		firsts := make(map[int]bool)
		for range 200 {
			var timed []int
			near, far := tcpPair(t)
			c := New(near, nil, &Config{TimeOneIn: every})
			c.handler = &script{line: func(string) error { return nil }}
			for i := range 64 {
				c.input([]byte("x\n"))
				if !c.Mark().IsZero() {
					timed = append(timed, i)
				}
			}
			_, _ = near.Close(), far.Close()
			if every == 0 {
				if len(timed) > 0 {
					t.Fatalf("%v are timed", timed)
				}
				continue
			}
			firsts[timed[0]] = true
			for i, at := range timed {
				if at != timed[0]+i*every || timed[0] >= every {
					t.Fatalf("one in %d: %v are timed", every, timed)
				}
			}
		}
		if every > 0 && len(firsts) < (every+1)/2 {
			t.Errorf("one in %d: the first are %v", every, firsts)
		}
	}
}

// What a peer is owed is no secret of who waits for it.
func TestSlowIsCounted(t *testing.T) {
	t.Parallel()
	ways()["tcp"](t, Config{MaxQueueAge: time.Minute, MaxQueueBytes: 64 << 20}, func(r *rig) {
		var slow counter
		r.conn.cfg.Metrics.Slow = &slow
		r.echo()
		r.start()
		r.say("here\n")
		r.hear("[here]\n")
		big := make([]byte, 16<<20)
		r.conn.Send(Frame{Class: Reply, Data: big})
		r.conn.mu.Lock()
		now, draining := slow, r.conn.draining
		r.conn.mu.Unlock()
		if now != 1 || !draining {
			t.Errorf("%v peers are slow (draining: %t)", now, draining)
		}
		r.conn.Cut(mining.Disconnected)
		r.end(mining.Disconnected)
		if slow != 0 {
			t.Errorf("%v peers are slow at the end", slow)
		}
	})
}
