package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// Len, Conns and Find agree with the house about who is here.
func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		miners := make([]*miner, 0, 3)
		check := func(want int) {
			t.Helper()
			synctest.Wait()
			if r.server.Len() != want || len(r.server.Conns()) != want || len(r.house.conns) != want {
				t.Errorf("%d, %d and %d connections, want %d", r.server.Len(), len(r.server.Conns()), len(r.house.conns), want)
			}
			for _, c := range r.server.Conns() {
				if r.server.Find(c.Miner().ID) != c || r.house.conns[c.Miner().ID] != c {
					t.Errorf("connection %v is not found", c.Miner().ID)
				}
			}
		}
		for range 3 {
			miners = append(miners, r.connect())
		}
		check(3)
		if r.server.Find(4) != nil || r.server.Find(0) != nil {
			t.Error("found who never came")
		}
		_ = miners[1].Close()
		check(2)
		if r.server.Find(2) != nil {
			t.Error("found who has left")
		}
		if m := r.connect(); m.conn.miner.ID != 4 {
			t.Errorf("the next miner's id is %v", m.conn.miner.ID)
		}
		check(3)
		r.server.CloseAll(mining.Shutdown)
		check(0)
		if r.ended(mining.Shutdown) != 3 || r.ended(mining.PeerClosed) != 1 || r.house.left != 4 {
			t.Errorf("ends: %v, %d left", r.closed, r.house.left)
		}
	})
}

// seats is a house that, as the hub, keeps what it knows in the miner's Seat.
type seats struct{ *house }

func (s seats) Join(m *mining.Miner, c *Conn) {
	time.Sleep(50 * time.Microsecond) // readers come by meanwhile
	s.house.Join(m, c)
}

// Whoever finds a connection may read its miner, while others come and go.
// Run with -race.
func TestReadersSeeWholeMiners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.server.deps.House = seats{r.house}
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					for _, c := range r.server.Conns() {
						if s := c.State(); s.Miner.Seat == nil {
							t.Error("a miner without a seat")
						}
					}
					time.Sleep(10 * time.Microsecond)
				}
			})
		}
		var miners sync.WaitGroup
		for range 50 {
			miners.Add(1)
			near, far := testkit.Pipe()
			time.AfterFunc(time.Millisecond, func() { _ = far.Close() })
			r.server.Serve(r.ctx, near, nil, mining.Arrival{}, miners.Done)
		}
		miners.Wait()
		close(stop)
		readers.Wait()
	})
}

// A connection that is gone takes what the house still says, and says
// nothing; what it knows stays readable.
func TestAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		r.house.handle = r.house.pend
		m.say(submit("3", 1), submit("4", 2))
		_ = m.Close()
		if !m.gone() || r.ended(mining.PeerClosed) != 1 {
			t.Fatalf("ends: %v", r.closed)
		}
		r.house.answer(m.conn, 1)
		r.house.answer(m.conn, 0)
		m.conn.Work(assigned(someWork(9)))
		m.conn.SetExtranonce(work.Extranonce{}, 4)
		m.conn.Close(mining.SlowConsumer)
		m.idle()
		if r.ended(mining.SlowConsumer) != 0 {
			t.Error("ended twice")
		}
		if s := m.conn.State(); len(s.Session.Workers) != 1 || s.Wire.LinesIn != 4 || s.Wire.QueuedBytes != 0 {
			t.Errorf("state: %+v", s)
		}
	})
}

func TestPreread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		near, far := testkit.Pipe()
		m := &miner{Conn: far, r: r, near: near}
		r.wg.Add(1)
		arrival := mining.Arrival{
			Listener: "0.0.0.0:3333", Remote: netip.MustParseAddrPort("192.0.2.2:50000"),
			Connect: "pool.example.com:3333", ConnectRoute: "farm",
		}
		r.server.Serve(r.ctx, near, []byte(subscribe("1")+"\n"+authorize("2", "ali")[:9]), arrival, r.wg.Done)
		synctest.Wait()
		m.conn = r.server.Find(1)
		m.expect(m.subscribed("1"), difficulty, notify(1))
		m.say(authorize("2", "ali")[9:])
		m.expect(ok("2"))
		if got := m.conn.State().Miner.Arrival; got != arrival {
			t.Errorf("the miner came as %+v", got)
		}
		_ = far.Close()
	})
}

// One miner stops reading: it alone ends, as a slow consumer, by what piled
// up or by its age.
func TestSlowReader(t *testing.T) {
	for _, c := range []struct {
		name string
		wire wire.Config
		wait time.Duration
	}{
		{"bytes", wire.Config{MaxQueueBytes: 4 << 10, MaxQueueAge: time.Hour}, 0},
		{"frames", wire.Config{MaxQueueFrames: 10, MaxQueueAge: time.Hour}, 0},
		{"age", wire.Config{MaxQueueAge: 3 * time.Second}, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(cfg *Config) { cfg.Wire = c.wire })
				good := r.mining()
				bad := r.connectBy(512, nil)
				bad.say(subscribe("1"), authorize("2", "bob"))
				for id := mining.JobID(2); id < 40; id++ {
					for _, m := range []*miner{good, bad} {
						m.conn.Work(assigned(someWork(id)))
					}
					good.expect(notify(id))
				}
				time.Sleep(c.wait)
				if !bad.gone() || r.ended(mining.SlowConsumer) != 1 {
					t.Fatalf("gone: %t, ends: %v", bad.gone(), r.closed)
				}
				good.say(submit("3", 1))
				good.expect(ok("3"))
			})
		})
	}
}

// A clean job replaces what a slow miner has not read yet.
func TestSlowReaderOfCleanJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(cfg *Config) { cfg.Wire = wire.Config{MaxQueueBytes: 4 << 10, MaxQueueAge: time.Hour} })
		m := r.connectBy(512, nil)
		m.say(subscribe("1"), authorize("2", "bob"))
		for id := mining.JobID(2); id < 500; id++ {
			w := someWork(id)
			w.Clean = true
			m.conn.Work(assigned(w))
			synctest.Wait()
		}
		heard := m.heard()
		last := someWork(499)
		last.Clean = true
		if got := heard[len(heard)-1]; got != strings.TrimSuffix(string(downstream.RenderNotify(nil, last)), "\n") {
			t.Errorf("the last line is %s", got)
		}
		if len(heard) > 20 || m.gone() {
			t.Errorf("heard %d lines, gone: %t", len(heard), m.gone())
		}
	})
}

// A clean job passes the replies that a slow miner has not read yet, but for
// the answer to a login: firmware takes the next line for that.
func TestSlowReaderOfReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.connectBy(512, nil)
		m.say(subscribe("1"), authorize("2", "alice"))
		for id := mining.JobID(2); id < 9; id++ {
			m.conn.Work(assigned(someWork(id)))
		}
		for _, line := range []string{submit("3", 1), authorize("4", "alice"), submit("5", 1)} {
			m.say(line)
		}
		clean := someWork(9)
		clean.Clean = true
		m.conn.Work(assigned(clean))
		synctest.Wait()
		heard := m.heard()
		want := []string{ok("3"), ok("4"), strings.TrimSuffix(string(downstream.RenderNotify(nil, clean)), "\n"), ok("5")}
		if got := heard[max(0, len(heard)-len(want)):]; !slices.Equal(got, want) {
			t.Errorf("heard last %q, want %q", got, want)
		}
	})
}

// The session's deadlines, to the nanosecond.
func TestDeadlines(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(m *miner)
		after  time.Duration
		reason mining.Reason
	}{
		{"no line", func(*miner) {}, 15 * time.Second, mining.HandshakeTimeout},
		{"half a line", func(m *miner) { _, _ = m.Write([]byte(`{"id":1`)) }, 15 * time.Second, mining.HandshakeTimeout},
		{"empty lines", func(m *miner) { _, _ = m.Write([]byte("\n\r\n\n")) }, 15 * time.Second, mining.HandshakeTimeout},
		{"no worker", func(m *miner) { m.say(subscribe("1")) }, time.Minute, mining.AuthorizeTimeout},
		{"a worker that is refused", func(m *miner) {
			m.r.house.handle = func(*Conn, *mining.Request) mining.Answer {
				return mining.Answer{Verdict: mining.Unauthorized}
			}
			m.say(authorize("1", "mallory"))
		}, time.Minute, mining.AuthorizeTimeout},
		{"idle", func(m *miner) { m.say(subscribe("1"), authorize("2", "alice")) }, 2 * time.Hour, mining.IdleTimeout},
		{"idle since the last line", func(m *miner) {
			m.say(subscribe("1"), authorize("2", "alice"))
			time.Sleep(100 * time.Minute)
			m.say(submit("3", 1))
		}, 2 * time.Hour, mining.IdleTimeout},
		{"idle while work comes", func(m *miner) {
			m.say(subscribe("1"), authorize("2", "alice"))
			for i := range 119 {
				time.AfterFunc(time.Duration(i)*time.Minute, func() { m.conn.Work(assigned(someWork(mining.JobID(i)))) })
			}
		}, 2 * time.Hour, mining.IdleTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newRig(t).connect()
				c.before(m)
				time.Sleep(c.after - time.Nanosecond)
				if m.gone() {
					t.Fatalf("closed too early: %v", m.r.closed)
				}
				time.Sleep(time.Nanosecond)
				if !m.gone() || m.r.ended(c.reason) != 1 {
					t.Fatalf("gone: %t, ends: %v", m.gone(), m.r.closed)
				}
			})
		})
	}
}

// A connection's end is one line of the log: news when it mined.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var logged strings.Builder
		r.server.notes.log = testkit.OverhearLog(t, slog.LevelDebug, slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelInfo})))
		stranger := r.connect()
		stranger.say(subscribe("1"))
		_ = stranger.Close()
		if stranger.gone(); logged.Len() != 0 {
			t.Errorf("of a stranger: %s", logged.String())
		}
		m := r.mining()
		time.Sleep(time.Minute)
		_ = m.Close()
		m.gone()
		got := logged.String()
		for _, want := range []string{"reason=peer_closed", "miner=2", "workers=[alice]", "user_agent=cpuminer/2.5.1", "connected=1m0s"} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%q is not once in %s", want, got)
			}
		}
		if strings.Count(got, "\n") != 1 {
			t.Errorf("logged %s", got)
		}
	})
}

// Without metrics and a logger everything works.
func TestBareServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, conns: make(map[mining.MinerID]*Conn)}
		s := New(Config{}, Deps{House: h, Handler: h})
		near, far := testkit.Pipe()
		done := make(chan struct{})
		s.Serve(context.Background(), near, nil, mining.Arrival{}, func() { close(done) })
		_, _ = fmt.Fprintln(far, subscribe("1"))
		synctest.Wait()
		if far.Buffered() == 0 {
			t.Error("no answer")
		}
		_ = far.Close()
		<-done
	})
}
