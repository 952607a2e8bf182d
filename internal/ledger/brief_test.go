package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// What waits to be booked is counted, and so is who had to book it.
func TestQueued(t *testing.T) {
	l := New(Config{}, epoch)
	e := entry(l, "w")
	for range 5 {
		l.Record(e)
	}
	if n := l.Queued(); n != 5 || l.Helped() != 0 {
		t.Errorf("%d wait, want 5; helped %d times", n, l.Helped())
	}
	l.Tick(epoch)
	if n := l.Queued(); n != 0 {
		t.Errorf("%d wait after booking", n)
	}
	for range queueSize + 1 {
		l.Record(e)
	}
	if l.Helped() != 1 || l.Queued() != 1 {
		t.Errorf("helped %d times, %d wait; want 1 and 1", l.Helped(), l.Queued())
	}
}

// What is said in brief is what is said at length.
func TestBriefsAsSnapshot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l, now := someShares(rt)
		for i := range rapid.IntRange(0, 3*abreast).Draw(rt, "more") {
			w := l.Worker(fmt.Sprintf("more%02d", i), "farm", now)
			l.Record(Entry{Worker: w, Verdict: mining.Accepted, Difficulty: work.Difficulty(1 + i), At: now})
		}
		now = now.Add(time.Second)
		want := make(map[string]Brief)
		own := 0
		for _, w := range l.Snapshot(now).Workers {
			last := int64(0)
			if !w.LastShareAt.IsZero() {
				last = w.LastShareAt.UnixNano()
			}
			want[w.Name] = Brief{
				Name: w.Name, Hashrate: w.Recent[TenMinutes].Hashrate(), Accepted: w.Tally.Ours.Accepted(), Rejected: w.Tally.Ours.Rejected(),
				Since: w.Since.UnixNano(), LastShareAt: last,
			}
			if w.Name != UnknownWorker {
				own++
			}
		}
		got := make(map[string]Brief)
		for _, b := range l.Briefs(now) {
			got[b.Name] = b
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("-snapshot +brief:\n%s", diff)
		}
		if l.Len() != own {
			rt.Fatalf("%d workers have books, want %d", l.Len(), own)
		}
	})
}
