package ledger

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRecordBooksOursAndThePools(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("alice.rig1", "farm", epoch), l.Pool("main", epoch)
	at := epoch.Add(10 * time.Second)
	l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 512, PoolDifficulty: 1024, ShareDifficulty: 700, At: at})
	l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Stale, Difficulty: 512, At: at.Add(-time.Second)})
	l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Unanswered, PoolVerdict: mining.Unanswered, Difficulty: 512, At: at})
	l.RecordPool(Entry{Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 512, PoolDifficulty: 1024, At: at})

	s := l.Snapshot(at)
	if len(s.Workers) != 1 || len(s.Pools) != 1 {
		t.Fatalf("got %d workers and %d pools, want 1 and 1", len(s.Workers), len(s.Pools))
	}
	got := s.Workers[0]
	if got.Name != "alice.rig1" || got.Route != "farm" || !got.LastShareAt.Equal(at) || got.Best != 700 {
		t.Errorf("worker is %+v", got)
	}
	tally := got.Tally
	if tally.Ours.Accepted() != 1 || tally.Ours.Rejected() != 2 || tally.Ours.Of(mining.Stale) != 1 || tally.WorkAccepted != 512 {
		t.Errorf("our side is %+v", tally)
	}
	if tally.Pools.Accepted() != 2 || tally.Pools.Refused() != 0 || tally.Pools.Of(mining.Unanswered) != 1 || tally.PoolWorkAccepted != 2048 {
		t.Errorf("the pool's side is %+v", tally)
	}
	if s.Pools[0].Tally != tally || s.Total != tally {
		t.Errorf("pool %+v and total %+v differ from the worker %+v", s.Pools[0].Tally, s.Total, tally)
	}
	if s.Pools[0].Accepted[Minute] != 2 || s.Pools[0].Refused[Minute] != 0 {
		t.Errorf("the pool's answers of a minute: %v accepted, %v refused", s.Pools[0].Accepted, s.Pools[0].Refused)
	}
}

func TestRecordWithoutWorkerOrPool(t *testing.T) {
	l := New(Config{}, epoch)
	if s := l.Snapshot(epoch); len(s.Workers) != 0 || len(s.Pools) != 0 {
		t.Errorf("an empty ledger shows %v and %v", s.Workers, s.Pools)
	}
	l.Record(Entry{Verdict: mining.Unauthorized, At: epoch})
	s := l.Snapshot(epoch)
	if len(s.Workers) != 1 || s.Workers[0].Name != UnknownWorker || len(s.Pools) != 1 || s.Pools[0].Name != NoPool {
		t.Fatalf("got %+v and %+v", s.Workers, s.Pools)
	}
	if pools := l.Pools(epoch); len(pools) != 1 || pools[0].Tally != s.Pools[0].Tally {
		t.Errorf("pools alone are %+v", pools)
	}
	if s.Workers[0].Tally.Ours.Of(mining.Unauthorized) != 1 || s.Total.Ours.Rejected() != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestRecordNonsense(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("w", "r", epoch), l.Pool("p", epoch)
	for _, d := range []work.Difficulty{work.Difficulty(math.NaN()), work.Difficulty(math.Inf(1)), work.Difficulty(math.Inf(-1)), -1, 0, 1e300} {
		l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: d, PoolDifficulty: d, ShareDifficulty: d, At: epoch})
	}
	l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Verdict(200), PoolVerdict: mining.Verdict(200), At: epoch})
	s := l.Snapshot(epoch.Add(time.Hour))
	for _, f := range []float64{s.Total.WorkAccepted, s.Total.PoolWorkAccepted, s.Hashrate[Day], float64(s.Workers[0].Best)} {
		if math.IsInf(f, 0) || math.IsNaN(f) || f < 0 {
			t.Errorf("a sum became %v", f)
		}
	}
	if n := s.Total.Ours.Accepted(); n != 6 {
		t.Errorf("%d accepted, want 6", n)
	}
	if n := s.Total.Ours.Of(mining.Verdict(200)); n != 0 {
		t.Errorf("a verdict that does not exist has count %d", n)
	}
}

func TestWorkersAreInternedAndCapped(t *testing.T) {
	l := New(Config{MaxWorkers: 2}, epoch)
	a := l.Worker("a", "farm", epoch)
	if again := l.Worker("a", "home", epoch); again != a {
		t.Error("the same login got another book")
	}
	b := l.Worker("b", "farm", epoch)
	c, d := l.Worker("c", "farm", epoch), l.Worker("d", "farm", epoch)
	if c != d || c == a || c == b || c.Name() != OtherWorker {
		t.Errorf("past the cap: %q and %q", c.Name(), d.Name())
	}
	if l.Worker("a", "home", epoch) != a {
		t.Error("a known login lost its book at the cap")
	}
	l.Record(Entry{Worker: c, Pool: l.Pool("p", epoch), Verdict: mining.Accepted, Difficulty: 1, At: epoch})
	s := l.Snapshot(epoch)
	if len(s.Workers) != 3 || s.Workers[0].Name != OtherWorker || s.Workers[1].Route != "home" {
		t.Errorf("got %+v", s.Workers)
	}
	if New(Config{}, epoch).Worker(OtherWorker, "", epoch).Name() != OtherWorker {
		t.Error("the reserved login got a book of its own")
	}
	if p := l.Pool("p", epoch); p != l.Pool("p", epoch) || p.Name() != "p" || l.Pool(NoPool, epoch).Name() != NoPool {
		t.Error("pools are not interned")
	}
}

func TestSnapshotIsTheReadersOwn(t *testing.T) {
	l := New(Config{}, epoch)
	l.Worker("a", "", epoch)
	l.Snapshot(epoch).Workers[0].Name = "changed"
	if got := l.Snapshot(epoch).Workers[0].Name; got != "a" {
		t.Errorf("a reader changed the books: %q", got)
	}
}

func TestBookIsSmall(t *testing.T) {
	t.Logf("a worker's book takes %d bytes, a pool's %d", BookBytes, unsafe.Sizeof(PoolBook{}))
	if BookBytes > 1536 {
		t.Errorf("a worker's book takes %d bytes, more than the 1536 of its size class", BookBytes)
	}
}

func TestConcurrentRecord(t *testing.T) {
	l := New(Config{MaxWorkers: 5}, epoch)
	pools := []*PoolBook{l.Pool("a", epoch), l.Pool("b", epoch)}
	const goroutines, each = 8, 500
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				at := epoch.Add(time.Duration(i) * 100 * time.Millisecond)
				w := l.Worker(fmt.Sprintf("w%d", (g+i)%7), "r", at)
				l.Record(Entry{Worker: w, Pool: pools[i%2], Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 2, PoolDifficulty: 3, ShareDifficulty: work.Difficulty(i), At: at})
				if i%50 == 0 {
					l.Tick(at)
					l.Snapshot(at)
				}
			}
		})
	}
	wg.Wait()
	s := l.Snapshot(epoch.Add(time.Minute))
	const n = goroutines * each
	if s.Total.Ours.Accepted() != n || s.Total.WorkAccepted != 2*n || s.Total.PoolWorkAccepted != 3*n {
		t.Errorf("total is %+v, want %d shares", s.Total, n)
	}
	checkSums(t, &s)
}

// checkSums holds the invariant: by workers, by pools and in total the same.
func checkSums(t interface{ Errorf(string, ...any) }, s *Snapshot) {
	var byWorker, byPool Tally
	for i := range s.Workers {
		byWorker.add(&s.Workers[i].Tally)
	}
	for i := range s.Pools {
		byPool.add(&s.Pools[i].Tally)
	}
	for what, got := range map[string]Tally{"workers": byWorker, "pools": byPool} {
		if got.Ours != s.Total.Ours || got.Pools != s.Total.Pools {
			t.Errorf("counts by %s %+v, total %+v", what, got, s.Total)
		}
		if !near(got.WorkAccepted, s.Total.WorkAccepted) || !near(got.PoolWorkAccepted, s.Total.PoolWorkAccepted) {
			t.Errorf("work by %s %v and %v, total %v and %v", what, got.WorkAccepted, got.PoolWorkAccepted, s.Total.WorkAccepted, s.Total.PoolWorkAccepted)
		}
	}
}

func near(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b), 1)
}

// tickEvery is slower than Run's second, to have the test done soon.
const tickEvery = 20 * time.Second

// TestAgainstBruteForce records random streams and adds everything up again
// the slow way.
func TestAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(Config{MaxWorkers: 3}, epoch)
		var b bruteForce
		now := epoch
		verdict := rapid.SampledFrom(append(mining.Verdicts(), mining.Accepted, mining.Accepted, mining.Pending))
		for range rapid.IntRange(1, 15).Draw(t, "events") {
			gap := rapid.SampledFrom([]time.Duration{0, time.Second, 7 * time.Second, time.Minute, time.Minute, 20 * time.Minute, 2 * time.Hour}).Draw(t, "gap")
			for end := now.Add(gap); now.Before(end); {
				now = now.Add(min(tickEvery, end.Sub(now)))
				l.Tick(now)
			}
			e := Entry{
				Worker:  l.Worker(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "worker"), "r", now),
				Pool:    l.Pool(rapid.SampledFrom([]string{"p", "q"}).Draw(t, "pool"), now),
				Verdict: verdict.Draw(t, "verdict"), PoolVerdict: verdict.Draw(t, "pool verdict"),
				Difficulty:     work.Difficulty(rapid.Float64Range(1e-9, 1e12).Draw(t, "difficulty")),
				PoolDifficulty: work.Difficulty(rapid.Float64Range(1e-9, 1e12).Draw(t, "pool difficulty")),
				At:             now,
			}
			l.Record(e)
			b.events = append(b.events, e)
		}
		s := l.Snapshot(now)
		checkSums(t, &s)
		b.compare(t, l, &s)
	})
}

// bruteForce keeps every event.
type bruteForce struct{ events []Entry }

func (b *bruteForce) compare(t *rapid.T, l *Ledger, s *Snapshot) {
	var total Tally
	for _, e := range b.events {
		if e.Verdict != mining.Pending {
			total.Ours[e.Verdict]++
		}
		if e.PoolVerdict != mining.Pending {
			total.Pools[e.PoolVerdict]++
		}
		if e.Verdict == mining.Accepted {
			total.WorkAccepted += float64(e.Difficulty)
		}
		if e.PoolVerdict == mining.Accepted {
			total.PoolWorkAccepted += float64(e.PoolDifficulty)
		}
	}
	if total.Ours != s.Total.Ours || total.Pools != s.Total.Pools || !near(total.WorkAccepted, s.Total.WorkAccepted) {
		t.Fatalf("total is %+v, want %+v", s.Total, total)
	}
	from := l.clock.from(s.At)
	_, span := l.total.done(s.Total.WorkAccepted, &l.clock, from, s.At)
	age := max(s.At.Sub(epoch), minAge)
	for w := range Window(windowCount) {
		if span[w] > w.Length()+w.Resolution()+tickEvery || span[w] < min(age, w.Length()) {
			t.Errorf("window %v covers %v at the age of %v", w, span[w], age)
		}
		// An event at the very instant of a sample may lie on either side.
		var least, most float64
		for _, e := range b.events {
			if e.Verdict != mining.Accepted {
				continue
			}
			switch since := s.At.Sub(e.At); {
			case since < span[w] || age == span[w]:
				least += float64(e.Difficulty)
				most += float64(e.Difficulty)
			case since == span[w]:
				most += float64(e.Difficulty)
			}
		}
		slack := 1e-9 * total.WorkAccepted
		sum := s.Hashrate[w] / (1 << 32) * span[w].Seconds()
		if sum < least-slack || sum > most+slack {
			t.Errorf("window %v holds %v, want %v to %v", w, sum, least, most)
		}
	}
}
