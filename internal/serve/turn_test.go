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
