package serve

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/turns"
)

// Strangers are looked after one after the other, and whoever mines does not wait for
// any of them. Whoever waits for somebody else's word has given its turn away, and so
// has who has left.
func TestStrangersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strangers := turns.New(1, time.Now)
		r := newRig(t, func(_ *Config) {})
		r.server.deps.Turns = strangers
		known, slow, next := r.mining(), r.connect(), r.connect()
		busy := make(chan struct{})
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if c == slow.conn && req.Kind == mining.Open {
				<-busy
			}
			return r.house.grant(c, req)
		}
		write := func(m *miner, line string) {
			if _, err := m.Write([]byte(line + "\n")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		write(slow, subscribe("1"))
		write(next, subscribe("1"))
		next.expect()
		known.say(submit("7", 1))
		known.expect(ok("7"))
		close(busy)
		slow.expect(slow.subscribed("1"), difficulty, notify(1))
		next.expect(next.subscribed("1"), difficulty, notify(1))

		// A login that the pool has to be asked about keeps nobody waiting.
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if c == slow.conn {
				return r.house.pend(c, req)
			}
			return r.house.grant(c, req)
		}
		write(slow, authorize("2", "bob"))
		next.say(authorize("2", "carol"))
		next.expect(ok("2"))
		r.house.answer(slow.conn, 0)
		slow.expect(ok("2"))

		// All turns are back in the end, however a connection ends.
		for _, line := range []string{"{", "\x00", subscribe("1")} {
			m := r.connect()
			write(m, line)
			_ = m.Close()
			if !m.gone() {
				t.Fatalf("%q: it is not gone", line)
			}
		}
		last := strangers.Take(turns.Stranger) // hangs if one was not given back
		last.Give()
	})
}

// Who says more than is read at a time is listened to by turns, and so is who is held
// back; nobody else waits for them.
func TestLoudMinersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *Config) {})
		r.server.deps.Turns = turns.New(1, time.Now)
		first, second, quiet := r.mining(), r.mining(), r.mining()
		synctest.Wait()
		first.conn.Loud()
		second.conn.Loud()
		busy := make(chan struct{})
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if c == first.conn {
				<-busy
			}
			return r.house.grant(c, req)
		}
		for _, m := range []*miner{first, second} {
			if _, err := m.Write([]byte(submit("7", 1) + "\n" + submit("8", 2) + "\n")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if second.conn.turn.Held() || !first.conn.turn.Held() {
			t.Error("the second has the first one's turn")
		}
		quiet.say(submit("7", 1))
		quiet.expect(ok("7"))
		close(busy)
		for _, m := range []*miner{first, second} {
			m.expect(ok("7"), ok("8"))
		}
		synctest.Wait()
		if second.conn.turn.Held() || second.conn.loud {
			t.Error("a turn outlasts what it was for")
		}
	})
}

// TestWorkWaitsForNoTurn: what a miner is told while the line that it said waits for a turn
// leaves at once.
func TestWorkWaitsForNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		r.server.deps.Turns = turns.New(1, time.Now)
		m.conn.Loud()
		other := r.server.deps.Turns.Take(turns.Loud)
		if _, err := m.Write([]byte(submit("7", 1) + "\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		m.conn.Work(mining.Assignment{Work: someWork(2), Difficulty: 1024})
		m.expect(notify(2))
		other.Give()
		m.expect(ok("7"))
	})
}

// TestWorkWaitsForNoTurnAfterAHold: nor does it where the reader waits for its turn after a
// hold, in the middle of a read.
func TestWorkWaitsForNoTurnAfterAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := held(r, time.Second)
		r.server.deps.Turns = turns.New(1, time.Now)
		if _, err := m.Write([]byte(submit("7", 7) + "\n" + submit("8", 8) + "\n" + submit("9", 9) + "\n")); err != nil {
			t.Fatal(err)
		}
		m.expect(ok("7"), ok("8"))
		other := r.server.deps.Turns.Take(turns.Loud)
		time.Sleep(2 * time.Second)
		m.conn.Work(assigned(someWork(2)))
		m.expect(notify(2))
		other.Give()
		m.expect(ok("9"))
	})
}

// TestGatherLeavesReadsAlone: what ends to gather while a read is handled has no part in
// what that read gathers: its replies leave even where the connection's end comes before
// the read's.
func TestGatherLeavesReadsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		first := true
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if first {
				first = false
				return r.house.pend(c, req)
			}
			c.Gather(true) // as the pool's side does, while this read is in hand
			r.house.answer(c, 0)
			c.Gather(false)
			c.Close(mining.PoolUnreachable)
			return r.house.grant(c, req)
		}
		m.say(submit("7", 1) + "\n" + submit("8", 2))
		m.expect(ok("7"), ok("8"))
		if !m.gone() {
			t.Error("the miner is still there")
		}
	})
}

// TestGatherWaits: what is said while it gathers leaves at its end, and at once again
// after it.
func TestGatherWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		m.conn.Gather(true)
		m.conn.Work(mining.Assignment{Work: someWork(2), Difficulty: 1024})
		m.expect()
		m.conn.Gather(false)
		m.expect(notify(2))
		m.conn.Work(mining.Assignment{Work: someWork(3), Difficulty: 1024})
		m.expect(notify(3))
	})
}
