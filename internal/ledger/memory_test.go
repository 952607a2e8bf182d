package ledger

import (
	"bytes"
	"encoding/gob"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// totals is a sink that adds up what it is told.
type totals struct{ all map[store.Key]*store.Total }

func (s *totals) Take(events []Event) {
	for i := range events {
		events[i].Counts(func(k store.Key, c store.Cell) {
			t := s.all[k]
			if t == nil {
				t = &store.Total{Key: k}
				s.all[k] = t
			}
			t.Add(&c)
			if k.Side == store.Ours {
				t.Last = later(t.Last, events[i].At())
			}
		})
	}
}

func newTotals() *totals { return &totals{make(map[store.Key]*store.Total)} }

// again is the ledger after a restart with what the sink has and a memory,
// which goes through bytes on the way.
func (s *totals) again(t interface{ Fatal(...any) }, m *Memory, now time.Time) *Ledger {
	var kept bytes.Buffer
	back := new(Memory)
	if err := gob.NewEncoder(&kept).Encode(m); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewDecoder(&kept).Decode(back); err != nil {
		t.Fatal(err)
	}
	l := New(Config{}, now)
	for _, total := range s.all {
		l.Restore(total, now)
	}
	l.Recall(back, now)
	return l
}

// TestWindowsComeBack restarts after times of a second to a day: totals are
// what they were, and each window shows what was done within it.
func TestWindowsComeBack(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 20 * time.Second, 2 * time.Minute, 30 * time.Minute, 3 * time.Hour, 30 * time.Hour} {
		sink := newTotals()
		l := New(Config{Sink: sink}, epoch)
		w, p := l.Worker("alice", "farm", epoch), l.Pool("p", epoch)
		now := mine(l, w, p, epoch, 3*3600)
		before := l.Snapshot(now)
		memory := l.Remember(now)
		now = now.Add(away)
		s := sink.again(t, memory, now).Snapshot(now)
		if what, ok := same(&s.Total.Tally, &before.Total.Tally); !ok {
			t.Errorf("away for %v: %s is not what it was: %+v", away, what, s.Total)
		}
		if got, want := s.Workers[0], before.Workers[0]; got.Name != want.Name || got.Route != "farm" ||
			!got.LastShareAt.Equal(want.LastShareAt) || !got.Since.Equal(want.Since) || got.Best != want.Best {
			t.Errorf("away for %v: worker is %+v, was %+v", away, got, want)
		}
		for i := range Window(windowCount) {
			plan := windowPlan[i]
			// Done within the window's length before now, give or take a sample.
			done := max(min(plan.length, away+3*time.Hour)-away, 0)
			slack := plan.kept + plan.step
			for what, got := range map[string]Recent{"total": s.Total.Recent[i], "worker": s.Workers[0].Recent[i], "pool": s.Pools[0].Recent[i]} {
				if least, most := 10*(done-slack).Seconds(), 10*(done+slack).Seconds(); got.Work < least-10 || got.Work > most+10 {
					t.Errorf("away for %v: %s did %v in %v, want %v to %v", away, what, got.Work, i, least, most)
				}
				if got.Span > plan.length+2*plan.kept+tickEvery {
					t.Errorf("away for %v: %s's window of %v covers %v", away, what, i, got.Span)
				}
			}
		}
	}
}

// TestWindowsOfTheLastMoment: what an account did after all samples were taken, and
// nothing before, is in its windows after a restart, too.
func TestWindowsOfTheLastMoment(t *testing.T) {
	sink := newTotals()
	l := New(Config{Sink: sink}, epoch)
	now := epoch.Add(time.Second) // the next sample is taken at 5
	l.Record(Entry{Worker: l.Worker("alice", "farm", epoch), Pool: l.Pool("p", epoch), Verdict: mining.Accepted, Difficulty: 10, At: now})
	l.Tick(now)
	memory := l.Remember(now)
	now = now.Add(10 * time.Second)
	s := sink.again(t, memory, now).Snapshot(now)
	for i := range Window(windowCount) {
		if got, worker := s.Total.Recent[i].Work, s.Workers[0].Recent[i].Work; got != 10 || worker != 10 {
			t.Errorf("the window of %v has %v, of the worker %v, want 10", i, got, worker)
		}
	}
}

// TestRestartWithOlderMemory: totals are of the last moment, the memory is from
// a while before.
func TestRestartWithOlderMemory(t *testing.T) {
	sink := newTotals()
	l := New(Config{Sink: sink}, epoch)
	w, p := l.Worker("alice", "farm", epoch), l.Pool("p", epoch)
	now := mine(l, w, p, epoch, 7200)
	memory := l.Remember(now)
	now = mine(l, w, p, now, 50)
	l.Tick(now)
	again := sink.again(t, memory, now.Add(5*time.Second))
	s := again.Snapshot(now.Add(5 * time.Second))
	if got := s.Total.Tally.WorkAccepted(); got != 72500 {
		t.Errorf("did %v, want 72500", got)
	}
	if got := s.Total.Recent[Hour].Hashrate(); !closeTo(got, 10, 2) {
		t.Errorf("the hour shows %v", got/(1<<32))
	}
}

// TestRestartWithoutMemory: what is not known of counts in no window.
func TestRestartWithoutMemory(t *testing.T) {
	sink := newTotals()
	l := New(Config{Sink: sink}, epoch)
	now := mine(l, l.Worker("alice", "farm", epoch), l.Pool("p", epoch), epoch, 600)
	l.Tick(now)
	l = New(Config{}, now)
	for _, total := range sink.all {
		l.Restore(total, now)
	}
	l.Recall(nil, now)
	s := l.Snapshot(now.Add(time.Second))
	if got := s.Total.Tally.WorkAccepted(); got != 6000 {
		t.Errorf("did %v, want 6000", got)
	}
	for i := range Window(windowCount) {
		if got := s.Workers[0].Recent[i]; got.Work != 0 {
			t.Errorf("window %v shows %+v", i, got)
		}
	}
	if s.Workers[0].Route != "" && s.Workers[0].Route != "farm" {
		t.Errorf("route is %q", s.Workers[0].Route)
	}
	l.Release(l.Worker("alice", "farm", now))
	if got := names(l, now); len(got) != 1 {
		t.Errorf("after a visit there are %v", got)
	}
}

// TestMemoryOfAnotherTime takes memories that are not whole, of the future and
// of unknown accounts: nothing is worse than without.
func TestMemoryOfAnotherTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sink := newTotals()
		l := New(Config{Sink: sink}, epoch)
		now := mine(l, l.Worker("alice", "farm", epoch), l.Pool("p", epoch), epoch, rapid.IntRange(1, 300).Draw(t, "seconds"))
		l.Tick(now)
		m := l.Remember(now)
		shift := time.Duration(rapid.Int64Range(int64(-48*time.Hour), int64(48*time.Hour)).Draw(t, "shift"))
		m.SavedAt, m.Since = m.SavedAt.Add(shift), m.Since.Add(shift)
		for w := range m.Samples {
			for i := range m.Samples[w] {
				m.Samples[w][i] = m.Samples[w][i].Add(shift)
			}
			cut := rapid.IntRange(0, len(m.Samples[w])).Draw(t, "cut")
			if rapid.Bool().Draw(t, "cutting") {
				m.Samples[w] = m.Samples[w][:cut]
			}
			for range rapid.SampledFrom([]int{0, 0, 500}).Draw(t, "more") {
				m.Samples[w] = append(m.Samples[w], m.SavedAt)
			}
		}
		m.Workers = append(m.Workers, AccountMemory{Name: "nobody"})
		s := sink.again(t, m, now).Snapshot(now.Add(time.Second))
		if before := l.Snapshot(now); s.Total.Tally.Ours.Accepted() != before.Total.Tally.Ours.Accepted() || len(s.Workers) != 1 {
			t.Fatalf("totals are %+v", s.Total)
		}
		for i := range s.Total.Recent {
			if r := s.Total.Recent[i]; r.Work < 0 || r.Work > s.Total.Tally.WorkAccepted() || r.Span < minAge {
				t.Fatalf("window %d is %+v", i, r)
			}
		}
	})
}

func TestFoundBlocks(t *testing.T) {
	var kept blockSink
	l := New(Config{Sink: &kept}, epoch)
	w, p := l.Worker("alice", "farm", epoch), l.Pool("p", epoch)
	b := Block{Worker: w, Pool: p, Job: &mining.Job{Reward: 5, Height: 900_000, Network: 1000}, Difficulty: 2000, At: epoch}
	b.Hash[0] = 1
	l.Found(b)
	b.Verdict, b.At = mining.Accepted, epoch.Add(time.Second)
	l.Found(b)
	other := Block{At: epoch}
	l.Found(other)
	s := l.Snapshot(epoch)
	if s.Total.Tally.Found.Shares != 2 || s.Workers[1].Tally.Found != (Cell{1, 2000, mining.Amount{Sat: 5}}) {
		t.Errorf("got %+v and %+v", s.Total.Tally.Found, s.Workers)
	}
	if len(kept.blocks) != 3 || kept.blocks[1].Verdict != mining.Accepted || !kept.blocks[1].At.Equal(epoch) ||
		kept.blocks[0].Height != 900_000 || kept.blocks[0].Worker != "alice" || kept.blocks[2].Worker != UnknownWorker {
		t.Errorf("kept %+v", kept.blocks)
	}
	for i := range 2 * maxBlocks {
		b.Hash[1], b.Hash[2] = byte(i), byte(i>>8)
		l.Found(b)
	}
	if len(l.blocks) != maxBlocks {
		t.Errorf("%d blocks are remembered", len(l.blocks))
	}
}

type blockSink struct{ blocks []store.Block }

func (*blockSink) Take([]Event) {}

func (s *blockSink) TakeBlock(b store.Block) { s.blocks = append(s.blocks, b) }

// TestSharesAreRecords: what a sink is told says which share it was.
func TestSharesAreRecords(t *testing.T) {
	var sink bruteForce
	l := New(Config{Sink: &sink, FirstID: 1000}, epoch)
	w, p, r := l.Worker("alice.rig", "farm", epoch), l.Pool("main", epoch), l.Route("farm", epoch)
	job := &mining.Job{Reward: 1000, Network: 4096}
	id := l.NextID(w)
	e := Entry{ID: id, Worker: w, Pool: p, Route: r, Job: job, Verdict: mining.Accepted, Difficulty: 512, ShareDifficulty: 700, At: epoch}
	l.Record(e)
	l.Record(Entry{ID: id, Worker: w, Pool: p, Route: r, Job: job, Sent: true, PoolDifficulty: 600, At: epoch})
	l.Record(Entry{ID: id, Worker: w, Pool: p, Route: r, Job: job, PoolVerdict: mining.Stale, PoolDifficulty: 600, At: epoch})
	l.Record(Entry{ID: id, Worker: w, Pool: p, Route: r, Job: job, PoolVerdict: mining.Stale, PoolDifficulty: 600, Twice: true, At: epoch})
	if next := l.Record(Entry{Worker: w, Verdict: mining.Stale, At: epoch}); id < 1000 || next <= id {
		t.Errorf("ids are %d and %d", id, next)
	}
	l.Tick(epoch)
	first, _ := sink.told[0].Share()
	if first.ID != uint64(id) || first.Worker != "alice.rig" || first.Pool != "main" || first.Route != "farm" || first.Verdict != mining.Accepted ||
		first.Difficulty != 512 || first.Reached != 700 || first.Value.String() != "125" || first.Sent || first.PoolVerdict != mining.Pending {
		t.Errorf("the share is %+v", first)
	}
	sent, _ := sink.told[1].Share()
	if sent.Verdict != mining.Pending || !sent.Sent || sent.PoolValue.String() != "146.484375" {
		t.Errorf("that it was sent is %+v", sent)
	}
	if answer, _ := sink.told[2].Share(); answer.PoolVerdict != mining.Stale || answer.ID != uint64(id) {
		t.Errorf("the answer is %+v", answer)
	}
	if twice, ok := sink.told[3].Share(); ok {
		t.Errorf("a second answer is news of the share: %+v", twice)
	}
}

func TestErrorBand(t *testing.T) {
	for shares, want := range map[uint64]float64{0: 1, 1: 1, 100: 0.196, 10_000: 0.0196} {
		if got := Error(shares); got != want {
			t.Errorf("of %d shares: %v, want %v", shares, got, want)
		}
	}
}
