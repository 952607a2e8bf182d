package serve

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// took keeps what was observed, in seconds.
type took struct {
	mu  sync.Mutex
	all []float64
}

func (o *took) Observe(v float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, v)
}

func (o *took) want(t *testing.T, what string, want ...float64) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.all, want) {
		t.Errorf("%s took %v, want %v", what, o.all, want)
	}
	o.all = nil
}

// steps has a server time all steps.
type steps struct{ read, decode, answer, write, render took }

func (s *steps) rig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, func(c *Config) { c.Wire.TimeOneIn, c.Wire.Metrics.Written = 1, &s.write })
	m := &r.server.deps.Metrics
	m.ReadSeconds, m.DecodeSeconds, m.AnswerSeconds, m.RenderSeconds = &s.read, &s.decode, &s.answer, &s.render
	return r
}

// Each step of a share begins where the one before has ended, and only shares are
// timed.
func TestStepsOfShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s steps
		r := s.rig(t)
		m := r.mining()
		s.read.want(t, "reading a handshake")
		s.write.want(t, "writing a handshake")
		s.render.want(t, "making the first work") // it was given during a read: the session was asked by that
		r.house.handle = func(_ *Conn, req *mining.Request) mining.Answer {
			if req.Mark.IsZero() {
				t.Error("a share is not timed")
			}
			time.Sleep(4 * time.Second) // others' steps
			req.Mark = time.Now()
			time.Sleep(time.Second) // the way back
			return mining.Answer{Verdict: mining.Accepted}
		}
		if _, err := m.Write([]byte(submit("10", 1) + "\n" + submit("11", 2) + "\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		m.expect(ok("10"), ok("11"))
		s.read.want(t, "reading", 0, 5) // the second waits for the first
		s.decode.want(t, "decoding", 0, 0)
		s.answer.want(t, "answering", 1, 1)
		s.write.want(t, "writing", 0)

		// A share that is refused on its way has no end of others' steps.
		r.house.handle = func(*Conn, *mining.Request) mining.Answer { return mining.Answer{Verdict: mining.Invalid} }
		m.say(submit("12", 3))
		m.heard()
		s.read.want(t, "reading what is refused", 0)
		s.answer.want(t, "answering what is refused")
		s.write.want(t, "writing what is refused", 0)
	})
}

// What waits for somebody is no measure of the writing.
func TestWaitsAreNoWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s steps
		r := s.rig(t)
		m := r.mining()
		r.house.handle = func(_ *Conn, req *mining.Request) mining.Answer {
			req.Mark = time.Now().Add(1)
			return mining.Answer{Verdict: mining.Accepted, Hold: 3 * time.Second}
		}
		if _, err := m.Write([]byte(submit("10", 1) + "\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		m.expect(ok("10"))
		s.write.want(t, "writing after a hold")
		r.house.handle = r.house.pend
		m.say(submit("11", 2))
		s.read.want(t, "reading", 0, 0)
		r.house.answer(m.conn, 0)
		m.expect(ok("11"))
		s.write.want(t, "writing what was answered later")
	})
}

// The first miner that has a work makes its line, and that is told once.
func TestRenderingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s steps
		r := s.rig(t)
		a, b := r.mining(), r.mining()
		s.render.all = nil
		w := assigned(someWork(2))
		a.conn.Work(w)
		b.conn.Work(w)
		a.heard()
		b.heard()
		s.render.want(t, "making a work's line", 0)
	})
}
