package serve

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// guardEnds are what middlewares decide.
func guardEnds() (all []end) {
	for _, reason := range []mining.Reason{
		mining.Misbehaved, mining.LoginRefused, mining.UserAgentDenied, mining.AddressDenied, mining.WorkerDenied,
	} {
		all = append(all, end{"a middleware ends it: " + string(reason), reason, func(m *miner) {
			m.r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
				a := m.r.house.grant(c, req)
				a.Close = reason
				return a
			}
			m.say(subscribe("1"))
		}})
	}
	return all
}

// watcher is a scripted Watch that notes what it is told.
type watcher struct {
	// react answers events; nil does nothing.
	react func(pipeline.Event) pipeline.Reaction

	mu     sync.Mutex
	enters int
	events []pipeline.Event
	left   []mining.Reason
}

func (w *watcher) Enter(*mining.Miner, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.enters++
}

func (w *watcher) Tell(_ *mining.Miner, e pipeline.Event) pipeline.Reaction {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	if w.react == nil {
		return pipeline.Reaction{}
	}
	return w.react(e)
}

func (w *watcher) Leave(_ *mining.Miner, reason mining.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = append(w.left, reason)
}

// told lists what was told since it was asked last, without the times.
func (w *watcher) told() []pipeline.Event {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.events
	w.events = nil
	for i := range all {
		all[i].At = time.Time{}
		if of := all[i].Worker; of != nil && of.Login == alice.Login {
			all[i].Worker = alice
		}
	}
	return all
}

// alice stands in what was told for the worker that each connection makes of the login.
var alice = mining.NewWorker("alice")

// watched is a rig with a watcher.
func watched(t *testing.T) (*rig, *watcher) {
	t.Helper()
	r, w := newRig(t), &watcher{}
	r.server.deps.Watch = w
	return r, w
}

// What never becomes a request is told, once, with what was wrong.
func TestWatchIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := watched(t)
		m := r.mining()
		w.told()
		for _, c := range []struct {
			line string
			want []pipeline.Event
		}{
			{`{"id":5,"method":"mining.ping","params":[]}`, []pipeline.Event{{Kind: pipeline.Retargeted, Times: 1}, {Kind: pipeline.Answered, Times: 1}}},
			{`{"id":5,"method":"mining.ping","params":[]}`, []pipeline.Event{{Kind: pipeline.Answered, Times: 1}}},
			{`{nonsense`, []pipeline.Event{{Kind: pipeline.Malformed, Times: 1}}},
			{`{"id":6,"method":"eth_getWork","params":[]}`, []pipeline.Event{{Kind: pipeline.Unsupported, Times: 1}}},
			{submit("7", 7), nil},
			{
				`{"id":8,"method":"mining.submit","params":["alice","zz","00000001","00000001","00000001"]}`,
				[]pipeline.Event{{Kind: pipeline.Refused, Of: mining.Submit, Verdict: mining.JobNotFound, Worker: alice, Times: 1}},
			},
			{
				`{"id":9,"method":"mining.submit","params":["mallory"]}`,
				[]pipeline.Event{{Kind: pipeline.Refused, Of: mining.Submit, Verdict: mining.Invalid, Times: 1}},
			},
			{authorize("10", "alice"), []pipeline.Event{{Kind: pipeline.Answered, Times: 1}}},
		} {
			m.say(c.line)
			if got := w.told(); !slices.Equal(got, c.want) {
				t.Errorf("%s: told %+v, want %+v", c.line, got, c.want)
			}
		}
		_ = m.Close()
		synctest.Wait()
		if w.enters != 1 || !slices.Equal(w.left, []mining.Reason{mining.PeerClosed}) {
			t.Errorf("entered %d times, left %v", w.enters, w.left)
		}
	})
}

// Verdicts that come later are told with the next line: those of shares as
// such, and that of a login as one.
func TestWatchIsToldOfLateVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := watched(t)
		m := r.connect()
		r.house.handle = r.house.pend
		m.say(subscribe("1"))
		r.house.answer(m.conn, 0)
		m.say(authorize("2", "alice"))
		r.house.answer(m.conn, 0)
		synctest.Wait()
		w.told()
		m.say(submit("3", 3), submit("4", 4), submit("5", 5))
		want := []pipeline.Event{
			{Kind: pipeline.Late, Of: mining.Authorize, Verdict: mining.Accepted, Times: 1},
		}
		if got := w.told(); !slices.Equal(got, want) {
			t.Errorf("after the login: told %+v, want %+v", got, want)
		}
		r.house.answer(m.conn, 0)
		r.house.answer(m.conn, 0)
		m.conn.Answer(mining.Answer{Ticket: r.house.waiting[0].Ticket, Verdict: mining.LowDifficulty})
		m.say(submit("6", 6))
		want = []pipeline.Event{
			{Kind: pipeline.Late, Of: mining.Submit, Verdict: mining.Accepted, Times: 2},
			{Kind: pipeline.Late, Of: mining.Submit, Verdict: mining.LowDifficulty, Times: 1},
		}
		if got := w.told(); !slices.Equal(got, want) {
			t.Errorf("after the shares: told %+v, want %+v", got, want)
		}
	})
}

// An event may end the connection; the reply to its line leaves before.
func TestWatchCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := watched(t)
		w.react = func(e pipeline.Event) (re pipeline.Reaction) {
			if e.Kind == pipeline.Malformed {
				re.Close = mining.Misbehaved
			}
			return re
		}
		m := r.mining()
		if _, err := m.Write([]byte("{nonsense\n" + submit("7", 7) + "\n")); err != nil {
			t.Fatal(err)
		}
		m.expect(`{"id":null,"result":null,"error":[20,"Malformed JSON",null]}`)
		if !m.gone() || r.ended(mining.Misbehaved) != 1 {
			t.Errorf("closed %v", r.closed)
		}
	})
}

// The reply to a request that ends its connection leaves before the end, and
// nothing is taken after it; an answer that comes late may end it, too.
func TestAnswerCloses(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			m := r.mining()
			r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
				if late {
					return r.house.pend(c, req)
				}
				return mining.Answer{Verdict: mining.Duplicate, Close: mining.Misbehaved}
			}
			lines := submit("7", 7) + "\n" + submit("8", 8) + "\n"
			if late {
				lines = submit("7", 7) + "\n"
			}
			if _, err := m.Write([]byte(lines)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if late {
				m.conn.Answer(mining.Answer{Ticket: r.house.waiting[0].Ticket, Verdict: mining.Duplicate, Close: mining.Misbehaved})
			}
			m.expect(`{"id":7,"result":null,"error":[22,"Duplicate share",null]}`)
			if !m.gone() || r.ended(mining.Misbehaved) != 1 {
				t.Errorf("closed %v", r.closed)
			}
		})
	}
}

// held is a miner whose second share is held for so long.
func held(r *rig, d time.Duration) *miner {
	m := r.mining()
	n := 0
	r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
		a := r.house.grant(c, req)
		if n++; n == 2 {
			a.Hold = d
		}
		return a
	}
	return m
}

// A hold keeps this connection's reader and nothing else: the replies so far and
// new work leave at once, another miner is served, and what waits is taken at
// its end.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		other := r.mining()
		m := held(r, 3*time.Second)
		start := time.Now()
		if _, err := m.Write([]byte(submit("7", 7) + "\n" + submit("8", 8) + "\n" + submit("9", 9) + "\n")); err != nil {
			t.Fatal(err)
		}
		m.expect(ok("7"), ok("8"))
		m.conn.Work(assigned(someWork(2)))
		m.expect(notify(2))
		r.house.mu.Lock()
		asked := len(r.house.asked)
		r.house.mu.Unlock()
		other.say(`{"id":3,"method":"mining.ping","params":[]}`)
		other.expect(`{"id":3,"result":"pong","error":null}`)
		time.Sleep(3*time.Second - time.Nanosecond)
		m.expect()
		time.Sleep(time.Nanosecond)
		m.expect(ok("9"))
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("held for %v", took)
		}
		if n := len(r.house.asked); n != asked+1 {
			t.Errorf("%d requests were taken after the hold", n-asked)
		}
		m.idle()
	})
}

// No hold outlives its connection, nor is longer than half a minute.
func TestHoldEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := held(r, time.Hour)
		if _, err := m.Write([]byte(submit("7", 7) + "\n" + submit("8", 8) + "\n" + submit("9", 9) + "\n")); err != nil {
			t.Fatal(err)
		}
		m.expect(ok("7"), ok("8"))
		time.Sleep(maxHold)
		m.expect(ok("9"))
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := held(r, time.Hour)
		if _, err := m.Write([]byte(submit("7", 7) + "\n" + submit("8", 8) + "\n")); err != nil {
			t.Fatal(err)
		}
		m.expect(ok("7"), ok("8"))
		start := time.Now()
		m.conn.Close(mining.Disconnected)
		if !m.gone() || r.ended(mining.Disconnected) != 1 {
			t.Errorf("closed %v", r.closed)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the end took %v", took)
		}
	})
}

// Who is held at each line of a read has no more time to log in than others.
func TestHoldsDoNotPutOffDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := watched(t)
		w.react = func(pipeline.Event) pipeline.Reaction { return pipeline.Reaction{Hold: 3 * time.Second} }
		m := r.connect()
		lines := strings.Repeat(`{"id":5,"method":"mining.ping","params":[]}`+"\n", 90)
		if _, err := m.Write([]byte(lines)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(downstream.DefaultConfig().AuthorizeTimeout + 3*time.Second)
		if n := r.ended(mining.AuthorizeTimeout); n != 1 {
			t.Errorf("closed %v", r.closed)
		}
		_ = m.Close()
	})
}

// A refused login is told so in the refuser's words, without what would break
// the line, and the connection ends after it where that is wanted.
func TestRefusedLoginIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.connect()
		m.say(subscribe("1"))
		m.heard()
		r.house.handle = func(_ *Conn, _ *mining.Request) mining.Answer {
			return mining.Answer{Verdict: mining.Unauthorized, Text: "Paused by \"bob\"\\\n, see farm", Close: mining.LoginRefused}
		}
		if _, err := m.Write([]byte(authorize("2", "alice") + "\n")); err != nil {
			t.Fatal(err)
		}
		m.expect(`{"id":2,"result":false,"error":[24,"Paused by bob, see farm",null]}`)
		if !m.gone() || r.ended(mining.LoginRefused) != 1 {
			t.Errorf("closed %v", r.closed)
		}
	})
}

// A late refusal that is no fault of the miner's is not told.
func TestExcusedIsNotTold(t *testing.T) {
	l := late{}
	l.add(mining.Answer{Verdict: mining.Invalid, Excused: true}, false)
	if l.any {
		t.Error("it is to be told")
	}
	if l.add(mining.Answer{Verdict: mining.Invalid}, false); !l.any {
		t.Error("one that is its fault is not")
	}
}

// A share walks the reader without allocation, whoever watches.
func TestLineDoesNotAllocateForTheWatch(t *testing.T) {
	l := late{}
	w := unwatched{}
	n := testing.AllocsPerRun(100, func() {
		l.add(mining.Answer{Verdict: mining.Accepted}, false)
		l.tell(w, nil, time.Time{})
		l = late{}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
