package serve

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/wire"
)

// told is who was told what.
type told struct {
	mu  sync.Mutex
	all []string
}

func (n *told) add(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, what)
}

// The door hears of each login that was authorized, of no other, and of the end; what it
// objects to ends the miner.
func TestSettled(t *testing.T) {
	for name, pends := range map[string]bool{"at once": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				var news told
				r.server.deps.Settled = func(m *mining.Miner, login string) mining.Reason {
					news.add(fmt.Sprint("settled ", m.ID, " ", login))
					if login == "third" {
						return mining.MaxPerWorker
					}
					return ""
				}
				r.server.deps.Ended = func(m *mining.Miner, reason mining.Reason) { news.add(fmt.Sprint("ended ", m.ID, " ", reason)) }
				m := r.connect()
				m.say(subscribe("1"))
				r.house.handle = func(_ *Conn, req *mining.Request) mining.Answer {
					return mining.Answer{Ticket: req.Ticket, Verdict: mining.Unauthorized}
				}
				m.say(authorize("2", "refused"))
				r.house.handle = nil
				if pends {
					r.house.handle = r.house.pend
				}
				for _, login := range []string{"first", "second", "third"} {
					m.say(authorize("3", login))
					if pends {
						r.house.answer(m.conn, 0)
						synctest.Wait()
					}
				}
				if !m.gone() || r.ended(mining.MaxPerWorker) != 1 {
					t.Errorf("gone: %t, ends: %v", m.gone(), r.closed)
				}
				want := "settled 1 first, settled 1 second, settled 1 third, ended 1 max_per_worker"
				if got := strings.Join(news.all, ", "); got != want {
					t.Errorf("told %s, want %s", got, want)
				}
			})
		})
	}
}

// Less may wait for a stranger that reads nothing than for a miner.
func TestStrangersQueueIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.StrangerQueue, c.Wire = 4<<10, wire.Config{MaxQueueBytes: 64 << 10}
		})
		settled, stranger := r.mining(), r.connect()
		stranger.say(subscribe("1"))
		for _, m := range []*miner{settled, stranger} {
			m.Freeze()
			for id := range mining.JobID(40) {
				m.conn.Work(assigned(someWork(id + 2)))
			}
		}
		synctest.Wait()
		if settled.gone() || r.ended(mining.SlowConsumer) != 1 {
			t.Errorf("ends: %v", r.closed)
		}
	})
}

// The door hears once of a miner of which a share was accepted, at once or later, and of
// none that only has logged in.
func TestEarned(t *testing.T) {
	for name, pends := range map[string]bool{"at once": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				var news told
				r.server.deps.Earned = func(m *mining.Miner) { news.add(fmt.Sprint(m.ID)) }
				r.mining()
				m := r.mining()
				r.house.handle = func(*Conn, *mining.Request) mining.Answer { return mining.Answer{Verdict: mining.LowDifficulty} }
				m.say(submit("3", 3))
				if len(news.all) > 0 {
					t.Errorf("told of %v, of whom no share was accepted", news.all)
				}
				r.house.handle = nil
				if pends {
					r.house.handle = r.house.pend
				}
				for id := range uint32(3) {
					m.say(submit(strconv.FormatUint(uint64(id+7), 10), id+7))
					if pends {
						r.house.answer(m.conn, 0)
					}
				}
				if got := strings.Join(news.all, " "); got != "2" {
					t.Errorf("told of %q, want 2 alone, once", got)
				}
			})
		})
	}
}
