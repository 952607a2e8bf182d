package jobbook_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func start() time.Time { return time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC) }

func given(id mining.JobID) *mining.Work { return &mining.Work{ID: id} }

func clean(id mining.JobID) *mining.Work { return &mining.Work{ID: id, Clean: true} }

// expect looks an id up and checks the state, and that work comes with it.
func expect(t *testing.T, b *jobbook.Book, id mining.JobID, now time.Time, want jobbook.State) {
	t.Helper()
	w, state := b.Get(id, now)
	if state != want || (w != nil) != (want != jobbook.Unknown) || w != nil && w.ID != id {
		t.Errorf("work %s after %s: %v, %v, want %v", id, now.Sub(start()), w, state, want)
	}
}

func TestEmptyBookKnowsNothing(t *testing.T) {
	expect(t, jobbook.New(jobbook.Config{}), 0, start(), jobbook.Unknown)
}

func TestCleanWorkStalesEarlierOnes(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{}), start()
	b.Add(clean(1), now)
	b.Add(given(2), now.Add(time.Second))
	expect(t, b, 1, now, jobbook.Live)
	expect(t, b, 2, now, jobbook.Live)
	b.Add(clean(3), now.Add(2*time.Second))
	b.Add(given(4), now.Add(3*time.Second))
	for id, want := range map[mining.JobID]jobbook.State{1: jobbook.Stale, 2: jobbook.Stale, 3: jobbook.Live, 4: jobbook.Live, 5: jobbook.Unknown} {
		expect(t, b, id, now.Add(3*time.Second), want)
	}
}

func TestRetention(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{}), start()
	b.Add(given(1), now)
	b.Add(given(2), now.Add(time.Second))
	expect(t, b, 1, now.Add(181*time.Second), jobbook.Live)
	expect(t, b, 1, now.Add(181*time.Second+1), jobbook.Unknown)
	expect(t, b, 2, now.Add(time.Hour), jobbook.Live) // the newest, at any age
	b.Add(clean(3), now.Add(time.Hour))
	expect(t, b, 1, now.Add(time.Hour), jobbook.Unknown)
	expect(t, b, 2, now.Add(time.Hour), jobbook.Stale) // it was the newest until then
	expect(t, b, 2, now.Add(time.Hour+180*time.Second), jobbook.Stale)
	expect(t, b, 2, now.Add(time.Hour+180*time.Second+1), jobbook.Unknown)
	expect(t, b, 3, now.Add(time.Hour), jobbook.Live)
}

func TestStaleWorkIsKnownUntilRetentionEnds(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{Retention: time.Minute}), start()
	b.Add(given(1), now)
	b.Add(clean(2), now.Add(10*time.Second))
	expect(t, b, 1, now.Add(70*time.Second), jobbook.Stale)
	expect(t, b, 1, now.Add(70*time.Second+1), jobbook.Unknown)
}

func TestFullBookDropsTheOldest(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{Max: 3}), start()
	for id := range mining.JobID(5) {
		b.Add(given(id), now)
	}
	for id, want := range []jobbook.State{jobbook.Unknown, jobbook.Unknown, jobbook.Live, jobbook.Live, jobbook.Live} {
		expect(t, b, mining.JobID(id), now, want)
	}
}

// Of long works fewer are remembered, and of one that is longer than all may be that one.
func TestLongWorksDropTheOldest(t *testing.T) {
	long := func(id mining.JobID, bytes int) *mining.Work {
		part := make([]byte, bytes/4)
		return &mining.Work{ID: id, Prefix: part, Job: &mining.Job{
			CoinbasePrefix: part, CoinbaseSuffix: part, Branches: make([]work.Hash, bytes/4/32),
		}}
	}
	b, now := jobbook.New(jobbook.Config{MaxBytes: 1024}), start()
	for id := range mining.JobID(6) {
		b.Add(long(id, 256), now)
	}
	expect(t, b, 1, now, jobbook.Unknown)
	expect(t, b, 2, now, jobbook.Live)
	b.Add(long(6, 512), now)
	expect(t, b, 3, now, jobbook.Unknown)
	expect(t, b, 4, now, jobbook.Live)
	b.Add(long(7, 4096), now)
	expect(t, b, 6, now, jobbook.Unknown)
	expect(t, b, 7, now, jobbook.Live)
}

func TestBookOfOne(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{Max: 1}), start()
	b.Add(given(1), now)
	b.Add(given(2), now)
	expect(t, b, 1, now, jobbook.Unknown)
	expect(t, b, 2, now, jobbook.Live)
}

func TestDefaultMax(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{Max: -1, Retention: -1}), start()
	for id := range mining.JobID(jobbook.DefaultMax + 1) {
		b.Add(given(id), now)
	}
	expect(t, b, 0, now, jobbook.Unknown)
	expect(t, b, 1, now.Add(jobbook.DefaultRetention), jobbook.Live)
	expect(t, b, 1, now.Add(jobbook.DefaultRetention+1), jobbook.Unknown)
}

// TestClockBackwards: a work from the future is young, not old.
func TestClockBackwards(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{}), start()
	b.Add(given(1), now.Add(time.Hour))
	b.Add(given(2), now)
	expect(t, b, 1, now, jobbook.Live)
}

func TestGetDoesNotAllocate(t *testing.T) {
	b, now := jobbook.New(jobbook.Config{}), start()
	for id := range mining.JobID(40) {
		b.Add(given(id), now)
	}
	allocs := testing.AllocsPerRun(100, func() {
		for id := range mining.JobID(41) {
			_, _ = b.Get(id, now)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// model is the book as its documentation says it: everything ever added, and
// the rules read out over it.
type model struct {
	added []modelEntry
	max   int
	keep  time.Duration
}

type modelEntry struct {
	work *mining.Work
	at   time.Time
}

func (m *model) get(id mining.JobID, now time.Time) (*mining.Work, jobbook.State) {
	cleaned := false
	for age := range min(m.max, len(m.added)) {
		e := m.added[len(m.added)-1-age]
		switch {
		case e.work.ID != id:
			cleaned = cleaned || e.work.Clean
			continue
		case age > 0 && now.Sub(m.added[len(m.added)-age].at) > m.keep: // since the next came
			return nil, jobbook.Unknown
		case cleaned:
			return e.work, jobbook.Stale
		}
		return e.work, jobbook.Live
	}
	return nil, jobbook.Unknown
}

func TestBookIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{max: rapid.IntRange(1, 8).Draw(t, "max"), keep: 180 * time.Second}
		b := jobbook.New(jobbook.Config{Max: m.max})
		now := start()
		for id := range mining.JobID(rapid.IntRange(1, 30).Draw(t, "works")) {
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
			w := &mining.Work{ID: id, Clean: rapid.IntRange(0, 3).Draw(t, "clean") == 0}
			m.added = append(m.added, modelEntry{w, now})
			b.Add(w, now)
			for ask := range id + 2 {
				gotWork, got := b.Get(ask, now)
				wantWork, want := m.get(ask, now)
				if got != want || gotWork != wantWork {
					t.Fatalf("work %s: %v %v, want %v %v", ask, gotWork, got, wantWork, want)
				}
			}
		}
	})
}

func BenchmarkGetNewest(b *testing.B) {
	book, now := jobbook.New(jobbook.Config{}), start()
	for id := range mining.JobID(jobbook.DefaultMax) {
		book.Add(given(id), now)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = book.Get(jobbook.DefaultMax-1, now)
	}
}
