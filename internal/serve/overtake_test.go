package serve

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Work that comes at the very moment a pending subscribe is answered must
// not overtake the reply to the authorize that was pipelined behind it.
func TestWorkRightAfterALateAnswer(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.house.silent = true
			r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
				if req.Kind == mining.Open {
					return r.house.pend(c, req)
				}
				return r.house.grant(c, req)
			}
			m := r.connect()
			m.say(subscribe("1"), authorize("2", "alice"), submit("3", 1))
			r.house.answer(m.conn, 0)
			m.conn.Work(assigned(someWork(1))) // at once: the reader may not be awake yet
			m.expect(m.subscribed("1"), ok("2"), ok("3"), difficulty, notify(1))
			m.idle()
		})
	}
}

// The last request of a segment is answered late: the work that waited
// leaves although no further line comes.
func TestWorkAfterTheLastLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.house.handle = r.house.pend
		m := r.connect()
		m.say(subscribe("1"))
		m.conn.Work(assigned(someWork(7)))
		m.expect()
		r.house.answer(m.conn, 0) // gives someWork(1)
		m.expect(m.subscribed("1"), difficulty, notify(1))
	})
}

// The answer comes from another goroutine before Handle has returned Pending.
func TestAnswerBeforePending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			a := r.house.grant(c, req)
			answered := make(chan struct{})
			go func() {
				c.Answer(a)
				close(answered)
			}()
			<-answered
			return mining.Answer{Verdict: mining.Pending}
		}
		m := r.connect()
		m.say(subscribe("1"), authorize("2", "alice"), submit("3", 1))
		m.expect(m.subscribed("1"), ok("2"), ok("3"), difficulty, notify(1))
		if got := m.near.Writes(); got != 1 {
			t.Errorf("%d writes", got)
		}
		// The signal that nobody waited for must not end a later wait early.
		r.house.handle = r.house.pend
		m.say(authorize("4", "bob"), submit("5", 2))
		if got := r.house.pending(); got != 1 {
			t.Fatalf("%d requests reached the house while an authorize waits", got)
		}
		m.expect()
		r.house.answer(m.conn, 0)
		m.expect(ok("4"))
		r.house.answer(m.conn, 0)
		m.expect(ok("5"))
	})
}

// A share that waits for the pool is in front of an authorize: whatever is
// answered first, replies keep their order, and work waits for both.
func TestShareBeforeAuthorize(t *testing.T) {
	for _, first := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			m := r.mining()
			r.house.handle = r.house.pend
			m.say(submit("3", 1), authorize("4", "bob"))
			m.conn.Work(assigned(someWork(2)))
			m.expect()
			r.house.answer(m.conn, first)
			if first == 0 {
				m.expect(ok("3"))
			} else {
				m.expect()
			}
			m.idle()
			r.house.answer(m.conn, 0)
			want := []string{ok("3"), ok("4"), notify(2)}
			m.expect(want[1-first:]...)
			m.idle()
		})
	}
}

// The pool answers an authorize and a share before it, and is gone: the
// connection ends before its reader has gone on, and both replies leave.
func TestEndRightAfterALateAnswer(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			m := r.mining()
			r.house.handle = r.house.pend
			m.say(submit("3", 1), authorize("4", "bob"))
			r.house.answer(m.conn, 1)
			r.house.answer(m.conn, 0)
			m.conn.Close(mining.PoolDisconnected)
			m.expect(ok("3"), ok("4"))
			if r.ended(mining.PoolDisconnected) != 1 || !m.gone() {
				t.Error("the connection did not end")
			}
		})
	}
}

// Answers that nobody waits for change nothing: of another ticket, a second
// one, one that is Pending.
func TestStrayAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		r.house.handle = r.house.pend
		m.say(submit("3", 1))
		m.conn.Answer(mining.Answer{Ticket: 999, Verdict: mining.Accepted})
		m.conn.Answer(mining.Answer{Ticket: r.house.waiting[0].Ticket, Verdict: mining.Pending})
		m.expect()
		again := r.house.waiting[0].Ticket
		r.house.answer(m.conn, 0)
		m.conn.Answer(mining.Answer{Ticket: again, Verdict: mining.Stale})
		m.expect(ok("3"))
		m.idle()
	})
}

// A house that never answers: the miner goes elsewhere after AnswerTimeout,
// and no sooner.
func TestHandshakeNeverAnswered(t *testing.T) {
	for _, ask := range []string{
		subscribe("1"),
		authorize("1", "alice"),
		`{"id":1,` + anyMask,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.AnswerTimeout = 7 * time.Second })
			r.house.handle = r.house.pend
			m := r.connect()
			m.say(ask, submit("2", 1))
			time.Sleep(7*time.Second - time.Nanosecond)
			if m.gone() {
				t.Fatal("closed before the timeout")
			}
			time.Sleep(time.Nanosecond)
			if !m.gone() || r.ended(mining.PoolUnreachable) != 1 {
				t.Fatalf("gone: %t, ends: %v", m.gone(), r.closed)
			}
			if len(r.house.asked) != 1 {
				t.Errorf("the house was asked %v", r.house.asked)
			}
			// The house may still speak, in vain.
			m.conn.Work(assigned(someWork(1)))
			r.house.answer(m.conn, 0)
			m.expect()
			m.idle()
		})
	}
}

// A close while the reader waits ends the connection at once, whoever asks.
func TestCloseWhileBlocked(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(r *rig, m *miner)
		reason mining.Reason
	}{
		{"house", func(_ *rig, m *miner) { m.conn.Close(mining.PoolDisconnected) }, mining.PoolDisconnected},
		{"all", func(r *rig, _ *miner) { r.server.CloseAll(mining.Shutdown) }, mining.Shutdown},
		{"context", func(r *rig, _ *miner) { r.cancel(nil) }, mining.Shutdown},
		{"context with a reason", func(r *rig, _ *miner) { r.cancel(&closing{mining.MaxConnections}) }, mining.MaxConnections},
		// What the house says to a miner that reset finds it gone.
		{"reset", func(r *rig, m *miner) { m.Reset(); r.house.answer(m.conn, 0) }, mining.PeerReset},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.house.handle = r.house.pend
				m := r.connect()
				m.say(subscribe("1"), authorize("2", "alice"))
				c.end(r, m)
				if !m.gone() || r.ended(c.reason) != 1 {
					t.Fatalf("gone: %t, ends: %v", m.gone(), r.closed)
				}
				if c.reason != mining.PeerReset && len(r.house.asked) != 1 {
					t.Errorf("the house was asked %v", r.house.asked)
				}
			})
		})
	}
}

// A FIN may be half a close: the miner that sent one while it waits still
// gets its replies, and is gone after them, or with the answer's deadline.
func TestFINWhileBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.house.handle = r.house.pend
		m, forgotten := r.connect(), r.connect()
		m.say(subscribe("1"))
		forgotten.say(subscribe("1"))
		_ = m.CloseWrite()
		_ = forgotten.Close()
		if m.gone() || forgotten.gone() {
			t.Fatal("a FIN ended the wait")
		}
		r.house.answer(m.conn, 0)
		m.expect(m.subscribed("1"), difficulty, notify(1))
		if !m.gone() || r.ended(mining.PeerClosed) != 1 {
			t.Fatalf("gone: %t, ends: %v", m.gone(), r.closed)
		}
		time.Sleep(30 * time.Second)
		if !forgotten.gone() || r.ended(mining.PoolUnreachable) != 1 {
			t.Fatalf("gone: %t, ends: %v", forgotten.gone(), r.closed)
		}
	})
}

// The answer and its deadline come at the same time: the miner is either
// answered or closed, never both.
func TestAnswerAtTheDeadline(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.house.handle = r.house.pend
			m := r.connect()
			m.say(subscribe("1"))
			time.AfterFunc(30*time.Second, func() { r.house.answer(m.conn, 0) })
			time.Sleep(30 * time.Second)
			synctest.Wait()
			answered := m.Buffered() > 0
			if closed := r.ended(mining.PoolUnreachable) == 1; answered == closed || closed != m.gone() {
				t.Errorf("answered: %t, closed: %t, gone: %t", answered, closed, m.gone())
			}
			m.idle()
		})
	}
}
