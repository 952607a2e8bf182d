package ledger

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
)

// names lists the workers of a snapshot.
func names(l *Ledger, now time.Time) []string {
	workers := l.Snapshot(now).Workers
	all := make([]string, 0, len(workers))
	for _, w := range workers {
		all = append(all, w.Name)
	}
	return all
}

func accepted(w *WorkerBook, p *PoolBook, at time.Time) Entry {
	return Entry{Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 1, PoolDifficulty: 1, At: at}
}

func TestReleaseDropsOnlyWhatNobodyUsed(t *testing.T) {
	l := New(Config{MaxWorkers: 4}, epoch)
	p := l.Pool("p", epoch)
	idle, twice, used := l.Worker("idle", "r", epoch), l.Worker("twice", "r", epoch), l.Worker("used", "r", epoch)
	rejected := l.Worker("rejected", "r", epoch)
	if again := l.Worker("twice", "r", epoch); again != twice {
		t.Fatal("the same login got another book")
	}
	l.Record(accepted(used, p, epoch))
	l.Record(Entry{Worker: rejected, Pool: p, Verdict: mining.LowDifficulty, At: epoch})
	for _, w := range []*WorkerBook{idle, twice, used, rejected, nil} {
		l.Release(w)
	}
	if got := names(l, epoch); !slices.Equal(got, []string{"rejected", "twice", "used"}) {
		t.Errorf("after one release each there are %v", got)
	}
	l.Release(twice)
	if got := names(l, epoch); !slices.Equal(got, []string{"rejected", "used"}) {
		t.Errorf("after the last release there are %v", got)
	}
	if l.Worker("used", "r", epoch) != used {
		t.Error("a book with shares was dropped")
	}
	if again := l.Worker("idle", "r", epoch); again == idle || again.Name() != "idle" {
		t.Error("a dropped book came back")
	}
}

// TestNamesCannotFillTheTable: strangers come and go by the thousand, and a
// worker still gets a book of its own.
func TestNamesCannotFillTheTable(t *testing.T) {
	var told []string
	l := New(Config{MaxWorkers: 10, OnOverflow: func(login string) { told = append(told, login) }}, epoch)
	for conn := range 100 {
		held := make([]*WorkerBook, 0, 10)
		for i := range 10 {
			held = append(held, l.Worker(fmt.Sprintf("x%d.%d", conn, i), "r", epoch))
		}
		for _, w := range held {
			l.Release(w)
		}
	}
	if w := l.Worker("alice", "r", epoch); w.Name() != "alice" || len(told) != 0 || len(l.workerList) != 1 {
		t.Errorf("alice got %q, overflow was told of %v, %d books", w.Name(), told, len(l.workerList))
	}
}

func TestOverflowIsToldOnce(t *testing.T) {
	var told []string
	var l *Ledger
	l = New(Config{MaxWorkers: 1, OnOverflow: func(login string) {
		told = append(told, login)
		l.Snapshot(epoch) // no lock is held
	}}, epoch)
	l.Release(l.Worker(OtherWorker, "", epoch)) // a name is no overflow
	if l.Worker(UnknownWorker, "", epoch).Name() != UnknownWorker {
		t.Error("a reserved login got a book of its own")
	}
	l.Worker("a", "", epoch)
	if len(told) != 0 {
		t.Errorf("told of %v too early", told)
	}
	for _, login := range []string{"b", "c", "b"} {
		w := l.Worker(login, "", epoch)
		if w.Name() != OtherWorker {
			t.Errorf("%s got %s", login, w.Name())
		}
		l.Release(w)
	}
	if !slices.Equal(told, []string{"b"}) {
		t.Errorf("told of %v, want b once", told)
	}
}

// TestShareAfterRelease: an answer may outlive its miner.
func TestShareAfterRelease(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*Ledger)
		want   []string
	}{
		"made anew":      {func(*Ledger) {}, []string{"a"}},
		"logged in anew": {func(l *Ledger) { l.Worker("a", "r", epoch) }, []string{"a"}},
		"no more room":   {func(l *Ledger) { l.Worker("b", "r", epoch) }, []string{OtherWorker, "b"}},
	} {
		l := New(Config{MaxWorkers: 1}, epoch)
		p, w := l.Pool("p", epoch), l.Worker("a", "home", epoch)
		l.Release(w)
		l.Release(w) // once too often is harmless
		c.before(l)
		l.Record(accepted(w, p, epoch.Add(time.Second)))
		l.Record(Entry{Worker: w, Pool: p, PoolVerdict: mining.Accepted, PoolDifficulty: 2, At: epoch.Add(time.Second)})
		s := l.Snapshot(epoch.Add(time.Minute))
		if got := names(l, epoch); !slices.Equal(got, c.want) {
			t.Errorf("%s: workers are %v, want %v", name, got, c.want)
		}
		if s.Total.Tally.Ours.Accepted() != 1 || s.Total.Tally.Pools.Accepted() != 2 || s.Total.Tally.WorkAccepted() != 1 || s.Total.Tally.PoolWorkAccepted() != 3 {
			t.Errorf("%s: total is %+v", name, s.Total)
		}
		if got := s.Workers[0]; !got.LastShareAt.Equal(epoch.Add(time.Second)) || got.Recent[Hour].Hashrate() == 0 {
			t.Errorf("%s: worker is %+v", name, got)
		}
		checkSums(t, &s)
	}
}

// TestConcurrentReleases: logins come, work and go on all sides; no share is
// lost, no holder loses its book, and the totals never shrink.
func TestConcurrentReleases(t *testing.T) {
	l := New(Config{MaxWorkers: 4}, epoch)
	p := l.Pool("p", epoch)
	const goroutines, each = 8, 2000
	var miners, readers sync.WaitGroup
	done := make(chan struct{})
	readers.Go(func() {
		var seen uint64
		for {
			s := l.Snapshot(epoch)
			if n := s.Total.Tally.Ours.Accepted(); n < seen {
				t.Errorf("the total shrank from %d to %d", seen, n)
			} else {
				seen = n
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for g := range goroutines {
		miners.Go(func() {
			for i := range each {
				login := fmt.Sprintf("w%d", (g*7+i)%200)
				w := l.Worker(login, "r", epoch)
				l.bookMu.Lock()
				if w != l.other && w.dropped {
					t.Error("a held book was dropped")
				}
				l.bookMu.Unlock()
				switch i % 4 {
				case 0:
					l.Release(w)
					l.Record(accepted(w, p, epoch)) // late
				case 1:
					l.Record(accepted(w, p, epoch))
					l.Release(w)
				default:
					l.Release(w)
				}
			}
		})
	}
	miners.Wait()
	close(done)
	readers.Wait()
	s := l.Snapshot(epoch)
	if n := s.Total.Tally.Ours.Accepted(); n != goroutines*each/2 || s.Total.Tally.WorkAccepted() != float64(n) {
		t.Errorf("total is %+v, want %d shares", s.Total, goroutines*each/2)
	}
	checkSums(t, &s)
	for login, w := range l.workers {
		if w.holders.Load() != 0 || w.name != login || l.workerList[w.place] != w {
			t.Errorf("%s has %d holders at place %d", login, w.holders.Load(), w.place)
		}
	}
}

// TestReleaseAgainstAModel: the table holds exactly the logins that are held
// or were worked under, up to the cap, and every share is somewhere.
func TestReleaseAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const room = 3
		l := New(Config{MaxWorkers: room}, epoch)
		p := l.Pool("p", epoch)
		held := make(map[string]int)
		used := make(map[string]bool)
		var books, gone []*WorkerBook
		shares := uint64(0)
		login := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		pick := func(from []*WorkerBook) int { return rapid.IntRange(0, len(from)-1).Draw(t, "which") }
		there := func(name string) bool { return held[name] > 0 || used[name] }
		count := func() (n int) {
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				if there(name) {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 3).Draw(t, "op"); {
			case op == 0:
				name := login.Draw(t, "login")
				want := name
				if !there(name) && count() >= room {
					want = OtherWorker
				}
				w := l.Worker(name, "r", epoch)
				if w.Name() != want {
					t.Fatalf("%s got %s, want %s", name, w.Name(), want)
				}
				books = append(books, w)
				if want == name {
					held[name]++
				}
			case op == 1 && len(books) > 0:
				i := pick(books)
				l.Release(books[i])
				held[books[i].Name()]--
				gone = append(gone, books[i])
				books = slices.Delete(books, i, i+1)
			case op == 2 && len(books) > 0:
				w := books[pick(books)]
				l.Record(accepted(w, p, epoch))
				shares++
				if w != l.other {
					used[w.Name()] = true
				}
			case op == 3 && len(gone) > 0:
				w := gone[pick(gone)]
				if w != l.other && (there(w.Name()) || count() < room) {
					used[w.Name()] = true
				}
				l.Record(accepted(w, p, epoch))
				shares++
			}
			s := l.Snapshot(epoch)
			if s.Total.Tally.Ours.Accepted() != shares {
				t.Fatalf("%d shares, want %d", s.Total.Tally.Ours.Accepted(), shares)
			}
			checkSums(t, &s)
			for _, w := range s.Workers {
				if w.Name != OtherWorker && !there(w.Name) {
					t.Fatalf("%s is still there", w.Name)
				}
			}
			if got := len(l.workerList); got != count() || got != len(l.workers) {
				t.Fatalf("%d books and %d names, want %d", got, len(l.workers), count())
			}
		}
	})
}

// TestWorkersOfLongAgoMakeRoom: what they did is in the book of others then, before
// all windows, and those who are there or were of late keep theirs.
func TestWorkersOfLongAgoMakeRoom(t *testing.T) {
	l := New(Config{MaxWorkers: 4}, epoch)
	p := l.Pool("p", epoch)
	old, held, late, bad := l.Worker("old", "r", epoch), l.Worker("held", "r", epoch), l.Worker("late", "r", epoch), l.Worker("bad", "r", epoch)
	for _, w := range []*WorkerBook{old, held} {
		l.Record(accepted(w, p, epoch))
	}
	l.Record(Entry{Worker: bad, Pool: p, Verdict: mining.Invalid, At: epoch})
	l.Release(old)
	l.Release(late)
	l.Release(bad)
	now := epoch.Add(retireAfter - time.Hour)
	l.Record(accepted(late, p, now))
	l.Tick(now)
	if w := l.Worker("new", "r", now); w.Name() != OtherWorker {
		t.Errorf("within a week somebody gets %s", w.Name())
	}
	now = epoch.Add(retireAfter + time.Hour)
	for _, name := range []string{"new", "newer"} {
		if w := l.Worker(name, "r", now); w.Name() != name {
			t.Errorf("after a week %s gets %s", name, w.Name())
		} else {
			l.Record(accepted(w, p, now))
		}
	}
	if w := l.Worker("one more", "r", now); w.Name() != OtherWorker {
		t.Errorf("somebody more gets %s", w.Name())
	}
	l.Record(accepted(old, p, now)) // an answer of long ago
	s := l.Snapshot(now.Add(time.Second))
	if got := names(l, now); !slices.Equal(got, []string{OtherWorker, "held", "late", "new", "newer"}) {
		t.Errorf("workers are %v", got)
	}
	other := s.Workers[0]
	if other.Tally.Ours.Accepted() != 2 || other.Tally.Ours.Of(mining.Invalid) != 1 || !other.LastShareAt.Equal(now) {
		t.Errorf("the others are %+v", other)
	}
	if got := other.Recent[Day]; got.Work != 1 || got.Rejected != 0 {
		t.Errorf("the others' day is %+v, want the late answer alone", got)
	}
	checkSums(t, &s)
}
