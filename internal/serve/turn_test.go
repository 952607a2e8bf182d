package serve

import (
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/mining"
)

// Strangers are looked after one after the other, and whoever mines does not wait for
// any of them. Whoever waits for somebody else's word has given its turn away, and so
// has who has left.
func TestStrangersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Strangers = 1 })
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
		if !r.server.turns.TryAcquire(1) {
			t.Fatal("a turn was not given back")
		}
		r.server.turns.Release(1)
	})
}
