package serve

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// shares are n submits with ids from first on, and their replies.
func shares(first, n int) (asks, replies []string) {
	for i := range n {
		id := strconv.Itoa(first + i)
		asks = append(asks, submit(id, uint32(i)))
		replies = append(replies, ok(id))
	}
	return asks, replies
}

func TestSharesAnsweredAtOnceLeaveInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		asks, replies := shares(10, 4) // what a connection reads at once that is no plain TCP
		before := m.near.Writes()
		m.say(asks...)
		m.expect(replies...)
		if got := m.near.Writes() - before; got != 1 {
			t.Errorf("%d writes for one read", got)
		}
	})
}

// What other goroutines say during a read leaves with the read's own replies.
func TestWhatComesDuringAReadLeavesWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		// Every share pends; the one before it is answered, and work comes,
		// while the next is being handled.
		next := mining.JobID(2)
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if r.house.pending() > 0 {
				said := make(chan struct{})
				go func() {
					r.house.answer(c, 0)
					c.Work(assigned(someWork(next)))
					close(said)
				}()
				<-said
				next++
			}
			return r.house.pend(c, req)
		}
		asks, replies := shares(10, 5)
		before := m.near.Writes()
		m.say(asks...)
		m.expect(append(replies[:4:4], notify(5))...)
		if got := m.near.Writes() - before; got != 1 {
			t.Errorf("%d writes for one read", got)
		}
		r.house.answer(m.conn, 0)
		m.expect(replies[4])
	})
}

// Shares are answered in any order: replies leave in the order of requests,
// each as soon as those before it have left.
func TestSharesAnsweredOutOfOrder(t *testing.T) {
	const n = 20
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			m := r.mining()
			r.house.handle = r.house.pend
			asks, replies := shares(10, n)
			m.say(asks...)
			m.expect()
			answered, told, writes := make([]bool, n), 0, m.near.Writes()
			order := rand.New(rand.NewPCG(seed, 1)).Perm(n)
			if seed == 0 {
				order = backwards(n)
			}
			requests := r.house.waiting
			for _, i := range order {
				m.conn.Answer(r.house.grant(m.conn, &requests[i]))
				answered[i] = true
				from := told
				for told < n && answered[told] {
					told++
				}
				if told > from {
					writes++
				}
				m.expect(none(replies[from:told])...)
				if got := m.near.Writes(); got != writes {
					t.Fatalf("%d writes, want %d", got, writes)
				}
			}
			if told != n {
				t.Errorf("%d of %d were answered", told, n)
			}
			m.idle()
		})
	}
}

func backwards(n int) (order []int) {
	for i := range n {
		order = append(order, n-1-i)
	}
	return order
}

// none makes an empty list nil.
func none(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return lines
}

// Every verdict has its reply, and a share that the session refuses itself is
// told to the house but is no request.
func TestVerdictsAndRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.connect()
		m.say(submit("1", 1), subscribe("2"), submit("3", 1), authorize("4", "alice"))
		m.heard()
		r.house.handle = func(_ *Conn, req *mining.Request) mining.Answer {
			return mining.Answer{Verdict: mining.Verdicts()[req.Share.Nonce]}
		}
		before := len(r.house.asked)
		for i := range mining.Verdicts() {
			m.say(submit(strconv.Itoa(i), uint32(i)))
			got := m.heard()
			if len(got) != 1 || !strings.HasPrefix(got[0], fmt.Sprintf(`{"id":%d,`, i)) {
				t.Errorf("%v: heard %q", mining.Verdicts()[i], got)
			}
		}
		if got := len(r.house.asked) - before; got != len(mining.Verdicts()) {
			t.Errorf("%d requests", got)
		}
		m.say(strings.Replace(submit("9", 1), "00000001", "nosuchjob", 1))
		m.say(strings.Replace(submit("9", 1), `"00000001","00000001"`, `"00000001","0001"`, 1))
		m.say(strings.Replace(submit("9", 1), "alice", "mallory", 1))
		if n := r.house.strangers; n != 2 { // before authorize, and mallory's
			t.Errorf("the house was told of %d shares of strangers", n)
		}
		want := []mining.Verdict{
			mining.Unauthorized, // before subscribe
			mining.JobNotFound, mining.Invalid,
		}
		if diff := cmp.Diff(want, r.house.refused); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
	})
}

// Work, answers and shares come from many goroutines at once. Run with -race.
func TestEverybodyAtOnce(t *testing.T) {
	const givers, works, bursts, burst = 4, 50, 20, 10
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := r.mining()
		requests := make(chan mining.Request, bursts*burst)
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if req.Share.Nonce%3 == 0 {
				return r.house.grant(c, req)
			}
			requests <- *req
			return mining.Answer{Verdict: mining.Pending}
		}
		var everybody sync.WaitGroup
		for g := range givers {
			everybody.Go(func() {
				for i := range works {
					w := someWork(mining.JobID(1000*(g+1) + i))
					w.Clean = i%7 == 0
					m.conn.Work(mining.Assignment{Work: w, Difficulty: difficultyOf(w.ID), Clean: w.Clean})
					_ = m.conn.State()
				}
			})
			everybody.Go(func() {
				for req := range requests {
					m.conn.Answer(r.house.grant(m.conn, &req))
				}
			})
		}
		everybody.Go(func() {
			defer close(requests)
			for i := range bursts {
				asks, _ := shares(i*burst, burst)
				_, _ = m.Write([]byte(strings.Join(asks, "\n") + "\n"))
				synctest.Wait()
			}
		})
		heard := make(chan [][]byte)
		go func() { heard <- readAll(m) }()
		everybody.Wait()
		synctest.Wait()
		m.idle()
		_ = m.conn.State()
		m.conn.Close(mining.Shutdown)
		checkStream(t, <-heard, bursts*burst)
	})
}

// readAll reads lines until the end.
func readAll(m *miner) (lines [][]byte) {
	reader := sv1.NewReader(m, 1<<16)
	for {
		line, err := reader.ReadLine()
		if err != nil {
			return lines
		}
		lines = append(lines, bytes.Clone(line))
	}
}

// difficultyOf is a difficulty that differs from job to job.
func difficultyOf(id mining.JobID) work.Difficulty { return work.Difficulty(1024 * (1 + id%3)) }

// checkStream checks that n replies came in order, and that each notify is
// sound and new and has its own difficulty in force.
func checkStream(t *testing.T, lines [][]byte, n int) {
	t.Helper()
	seen, replies := map[string]bool{}, 0
	inForce := assigned(someWork(1)).Difficulty
	for _, line := range lines {
		var msg sv1.Message
		if err := msg.Scan(line); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		switch sv1.ParseMethod(msg.Method) {
		case sv1.MethodNotify:
			var job sv1.Notify
			if err := job.Decode(msg.Params); err != nil {
				t.Fatal(err)
			}
			id, known := mining.ParseJobID(job.JobID)
			if !known || seen[string(job.JobID)] || difficultyOf(id) != inForce {
				t.Errorf("job %s at difficulty %v: known %t, seen %t", job.JobID, inForce, known, seen[string(job.JobID)])
			}
			seen[string(job.JobID)] = true
		case sv1.MethodSetDifficulty:
			var set sv1.SetDifficulty
			if err := set.Decode(msg.Params); err != nil {
				t.Fatal(err)
			}
			inForce = set.Difficulty
		default:
			if want := ok(strconv.Itoa(replies)); string(line) != want {
				t.Fatalf("reply %s, want %s", line, want)
			}
			replies++
		}
	}
	if replies != n || len(seen) == 0 {
		t.Errorf("%d replies, want %d; %d jobs", replies, n, len(seen))
	}
}
