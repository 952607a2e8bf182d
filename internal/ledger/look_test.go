package ledger

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// TestLookByName shows workers by name, whoever came and went between looks.
func TestLookByName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, now := New(Config{}, epoch), epoch
		here := make(map[string]*WorkerBook)
		look := func() {
			var names []string
			l.Look(now, func(g *Glance) {
				names = append(names, g.Name())
				if b := here[g.Name()]; g.Book() != b || g.Holders() != 1 || g.Route() != "r" {
					t.Errorf("%q is shown with a book of others or %d holders by %q", g.Name(), g.Holders(), g.Route())
				}
			})
			if want := slices.Sorted(maps.Keys(here)); !slices.Equal(names, want) {
				t.Fatalf("%q, want %q", names, want)
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			name := rapid.StringMatching("[a-c(]{1,3}").Draw(t, "name")
			switch b := here[name]; rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1, 2:
				if b == nil {
					here[name] = l.Worker(name, "r", now)
				}
			case 3:
				if b != nil {
					l.Release(b)
					delete(here, name)
				}
			default:
				look()
			}
		}
		look()
	})
}

// someShares books shares of a few workers over some hours.
func someShares(t *rapid.T) (l *Ledger, now time.Time) {
	l, now = New(Config{}, epoch), epoch
	for range rapid.IntRange(0, 60).Draw(t, "shares") {
		now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 17 * time.Second, 5 * time.Minute, 2 * time.Hour}).Draw(t, "pass"))
		l.Tick(now)
		e := Entry{
			Verdict:    rapid.SampledFrom([]mining.Verdict{mining.Accepted, mining.Stale, mining.Invalid, mining.Unpaid}).Draw(t, "verdict"),
			Difficulty: work.Difficulty(rapid.Float64Range(0, 1e6).Draw(t, "difficulty")), At: now,
		}
		if n := rapid.IntRange(0, 3).Draw(t, "worker"); n > 0 {
			e.Worker = l.Worker(fmt.Sprintf("w%d", n), "r", now)
		}
		l.Record(e)
	}
	return l, now
}

// TestLookAsSnapshot: what is seen at a glance, and what is read of what was looked at, is
// what a snapshot has.
func TestLookAsSnapshot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, now := someShares(t)
		want := l.Snapshot(now).Workers
		seen := []Worker{}
		var books []*WorkerBook
		var rates, values, wantRates, wantValues []float64
		l.Look(now, func(g *Glance) {
			w := Worker{Account{
				Name: g.Name(), Tally: *g.Tally(), Since: moment(g.Since()), LastShareAt: moment(g.Last()), Best: work.Difficulty(g.Best()),
			}, g.Route()}
			for i := range w.Recent {
				rates, values = append(rates, g.Hashrate(Window(i))), append(values, g.Value(Window(i)))
			}
			seen, books = append(seen, w), append(books, g.Book())
		})
		got := l.Read(books, now)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-snapshot +read:\n%s", diff)
		}
		for i := range want {
			for _, r := range want[i].Recent {
				wantRates, wantValues = append(wantRates, r.Hashrate()), append(wantValues, r.Value)
			}
			want[i].BestAt, want[i].Recent = time.Time{}, [windowCount]Recent{} // not to be seen at a glance
		}
		if diff := cmp.Diff([][]float64{wantRates, wantValues}, [][]float64{rates, values}); diff != "" {
			t.Errorf("-snapshot +glance:\n%s", diff)
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("-snapshot +glance:\n%s", diff)
		}
	})
}

// TestLookAtOthers: those that have no books of their own are nobody's connections.
func TestLookAtOthers(t *testing.T) {
	l := New(Config{MaxWorkers: 1}, epoch)
	own := l.Worker("own", "r", epoch)
	for range 3 {
		other := l.Worker("one more", "r", epoch)
		l.Record(Entry{Worker: other, Verdict: mining.Accepted, Difficulty: 1, At: epoch})
		l.Release(other)
	}
	holders := make(map[string]int)
	l.Look(epoch, func(g *Glance) { holders[g.Name()] = g.Holders() })
	if diff := cmp.Diff(map[string]int{"own": 1, OtherWorker: 0}, holders); diff != "" || own.Holders() != 1 {
		t.Errorf("-want +got:\n%s", diff)
	}
}
