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
	"github.com/loka/stratum/internal/store"
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
	l.Record(Entry{Worker: w, Pool: p, PoolVerdict: mining.Accepted, PoolDifficulty: 1024, At: at})

	s := l.Snapshot(at)
	if len(s.Workers) != 1 || len(s.Pools) != 1 {
		t.Fatalf("got %d workers and %d pools, want 1 and 1", len(s.Workers), len(s.Pools))
	}
	got := s.Workers[0]
	if got.Name != "alice.rig1" || got.Route != "farm" || !got.LastShareAt.Equal(at) || got.Best != 700 {
		t.Errorf("worker is %+v", got)
	}
	tally := got.Tally
	if tally.Ours.Accepted() != 1 || tally.Ours.Rejected() != 2 || tally.Ours.Of(mining.Stale) != 1 || tally.WorkAccepted() != 512 {
		t.Errorf("our side is %+v", tally)
	}
	if tally.Pools.Accepted() != 2 || tally.Pools.Refused() != 0 || tally.Pools.Of(mining.Unanswered) != 1 || tally.PoolWorkAccepted() != 2048 {
		t.Errorf("the pool's side is %+v", tally)
	}
	if s.Pools[0].Tally != tally || s.Total.Tally != tally || s.Routes[0].Tally != tally {
		t.Errorf("pool %+v, route %+v and total %+v differ from the worker %+v", s.Pools[0].Tally, s.Routes[0].Tally, s.Total, tally)
	}
	if r := s.Pools[0].Recent[Minute]; r.PoolAccepted != 2 || r.PoolRefused != 0 || r.Accepted != 1 || r.Rejected != 2 {
		t.Errorf("a minute of the pool is %+v", r)
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
	if s.Workers[0].Tally.Ours.Of(mining.Unauthorized) != 1 || s.Total.Tally.Ours.Rejected() != 1 {
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
	for _, f := range []float64{s.Total.Tally.WorkAccepted(), s.Total.Tally.PoolWorkAccepted(), s.Total.Recent[Day].Hashrate(), float64(s.Workers[0].Best)} {
		if math.IsInf(f, 0) || math.IsNaN(f) || f < 0 {
			t.Errorf("a sum became %v", f)
		}
	}
	if n := s.Total.Tally.Ours.Accepted(); n != 6 {
		t.Errorf("%d accepted, want 6", n)
	}
	if n := s.Total.Tally.Ours.Of(mining.Verdict(200)); n != 0 {
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
	if BookBytes > 6528+864 {
		t.Errorf("a worker's book takes %d bytes, more than the 7392 of its size classes", BookBytes)
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
	if s.Total.Tally.Ours.Accepted() != n || s.Total.Tally.WorkAccepted() != 2*n || s.Total.Tally.PoolWorkAccepted() != 3*n {
		t.Errorf("total is %+v, want %d shares", s.Total, n)
	}
	checkSums(t, &s)
}

// checkSums holds the invariant: by workers, by pools, by routes and in total
// the same.
func checkSums(t interface{ Errorf(string, ...any) }, s *Snapshot) {
	var workers, pools, routes Tally
	for i := range s.Workers {
		workers.add(&s.Workers[i].Tally)
	}
	for i := range s.Pools {
		pools.add(&s.Pools[i].Tally)
	}
	for i := range s.Routes {
		routes.add(&s.Routes[i].Tally)
	}
	for by, got := range map[string]Tally{"workers": workers, "pools": pools, "routes": routes} {
		if what, ok := same(&got, &s.Total.Tally); !ok {
			t.Errorf("%s differ by %s: %+v, total %+v", by, what, got, s.Total.Tally)
		}
	}
}

// same says whether two tallies are: counts and amounts exactly, work as far as
// sums of floats are.
func same(a, b *Tally) (what string, ok bool) {
	for _, side := range store.Sides() {
		for v := range verdicts {
			x, y := a.at(side, mining.Verdict(v)), b.at(side, mining.Verdict(v))
			if x.Shares != y.Shares || x.Value != y.Value || !near(x.Work, y.Work) {
				return side.String() + " " + mining.Verdict(v).String(), false
			}
		}
	}
	return "blocks", near(a.Blocks, b.Blocks)
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
		var b bruteForce
		l := New(Config{MaxWorkers: 3, Sink: &b}, epoch)
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
				Sent:           rapid.Bool().Draw(t, "sent"), Twice: rapid.IntRange(0, 9).Draw(t, "twice") == 0,
				Unsent: work.Difficulty(rapid.SampledFrom([]float64{0, 0, 3.5}).Draw(t, "unsent")),
				Route:  l.Route(rapid.SampledFrom([]string{"r", "s"}).Draw(t, "route"), now),
				Job:    rapid.SampledFrom(jobs).Draw(t, "job"),
				At:     now,
			}
			e.ID = l.Record(e)
			b.events = append(b.events, e)
		}
		s := l.Snapshot(now)
		checkSums(t, &s)
		b.compare(t, &s)
	})
}

// jobs are of a network on which most shares are a good part of a block, of a
// hard one, and one of which nothing is known.
var jobs = []*mining.Job{{Reward: 312_500_001, Network: 1e9}, {Reward: 315_000_000, Network: 1.4e14}, {}, nil}

// bruteForce keeps every event.
type bruteForce struct {
	events []Entry
	told   []Event
}

func (b *bruteForce) Take(events []Event) { b.told = append(b.told, events...) }

func (b *bruteForce) compare(t *rapid.T, s *Snapshot) {
	var total, told Tally
	for _, e := range b.events {
		one := func(d work.Difficulty) Cell {
			c := Cell{Shares: 1, Work: float64(d)}
			if e.Job != nil {
				c.Value = mining.Worth(d, e.Job.Network, e.Job.Reward)
			}
			return c
		}
		if e.Twice {
			total.Twice.add(one(e.PoolDifficulty))
			continue
		}
		if e.Verdict != mining.Pending {
			total.Ours[e.Verdict].add(one(e.Difficulty))
		}
		if e.PoolVerdict != mining.Pending {
			total.Pools[e.PoolVerdict].add(one(e.PoolDifficulty))
		}
		if e.Sent {
			total.Sent.add(one(e.PoolDifficulty))
		}
		if e.Unsent > 0 {
			total.Unsent.add(one(e.Unsent))
		}
		if e.Verdict == mining.Accepted && e.Job != nil && e.Job.Network > 0 {
			total.Blocks += min(float64(e.Difficulty/e.Job.Network), 1)
		}
	}
	if what, ok := same(&total, &s.Total.Tally); !ok {
		t.Fatalf("total is %+v, want %+v: %s differs", s.Total, total, what)
	}
	for i := range b.told {
		b.told[i].Counts(func(k store.Key, c store.Cell) {
			told.at(k.Side, k.Verdict).add(Cell{c.Shares, c.Work, c.Value})
			told.Blocks += c.Blocks
		})
	}
	if what, ok := same(&told, &total); !ok || len(b.told) != len(b.events) {
		t.Fatalf("the sink was told %+v, want %+v: %s differs", told, total, what)
	}
	age := max(s.At.Sub(epoch), minAge)
	for w := range Window(windowCount) {
		got := s.Total.Recent[w]
		if got.Span > w.Length()+w.Resolution()+tickEvery || got.Span < min(age, w.Length()) {
			t.Errorf("window %v covers %v at the age of %v", w, got.Span, age)
		}
		// An event at the very instant of a sample may lie on either side.
		var least, most Recent
		for i := range b.events {
			switch since := s.At.Sub(b.events[i].At); {
			case since < got.Span || age == got.Span:
				least.count(&b.events[i])
				most.count(&b.events[i])
			case since == got.Span:
				most.count(&b.events[i])
			}
		}
		if !between(&least, &got, &most, &total) {
			t.Errorf("window %v holds %+v, want %+v to %+v", w, got, least, most)
		}
	}
}

// count adds an event to a window.
func (r *Recent) count(e *Entry) {
	if e.Twice {
		return
	}
	value := func(d work.Difficulty) float64 {
		if e.Job == nil {
			return 0
		}
		return e.Job.Worth(d).Float()
	}
	switch e.Verdict {
	case mining.Pending, mining.Unpaid:
	case mining.Accepted:
		r.Accepted++
		r.Work += float64(e.Difficulty)
		r.Value += value(e.Difficulty)
	default:
		r.Rejected++
	}
	switch e.PoolVerdict {
	case mining.Pending, mining.Unpaid, mining.Unanswered:
	case mining.Accepted:
		r.PoolAccepted++
		r.PoolWork += float64(e.PoolDifficulty)
		r.PoolValue += value(e.PoolDifficulty)
	default:
		r.PoolRefused++
	}
}

// between says whether a window holds no less than one and no more than another,
// work and satoshi as far as the sums that they are differences of go.
func between(least, got, most *Recent, total *Tally) bool {
	within := func(lo, x, hi, all float64) bool { return x >= lo-1e-9*all && x <= hi+1e-9*all }
	counts := func(lo, x, hi uint64) bool { return x >= lo && x <= hi }
	return within(least.Work, got.Work, most.Work, total.WorkAccepted()) &&
		within(least.PoolWork, got.PoolWork, most.PoolWork, total.PoolWorkAccepted()) &&
		within(least.Value, got.Value, most.Value, total.Ours[mining.Accepted].Value.Float()) &&
		within(least.PoolValue, got.PoolValue, most.PoolValue, total.Pools[mining.Accepted].Value.Float()) &&
		counts(least.Accepted, got.Accepted, most.Accepted) && counts(least.Rejected, got.Rejected, most.Rejected) &&
		counts(least.PoolAccepted, got.PoolAccepted, most.PoolAccepted) && counts(least.PoolRefused, got.PoolRefused, most.PoolRefused)
}
