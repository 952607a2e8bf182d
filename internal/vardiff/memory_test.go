package vardiff_test

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/vardiff"
)

func recall(t *testing.T, m *vardiff.Memory, login string, now time.Time, want float64) {
	t.Helper()
	if got, ok := m.Recall(login, now); got != want || ok != (want > 0) {
		t.Errorf("%s: %g, %t, want %g", login, got, ok, want)
	}
}

func TestMemory(t *testing.T) {
	m, now := vardiff.NewMemory(), start()
	recall(t, m, "a.1", now, 0)
	m.Keep("a.1", 1e12, now)
	m.Keep("a.2", 2e12, now)
	m.Keep("a.1", 3e12, now.Add(time.Hour))
	recall(t, m, "a.1", now.Add(time.Hour), 3e12)
	recall(t, m, "a.2", now.Add(vardiff.MemoryLife), 2e12)
	recall(t, m, "a.2", now.Add(vardiff.MemoryLife+1), 0)
	recall(t, m, "a.1", now.Add(vardiff.MemoryLife+1), 3e12)
	m.Keep("a.3", 1, now.Add(26*time.Hour))
	recall(t, m, "a.1", now, 0) // dropped, and so it does not come back
	recall(t, m, "a.3", now, 1)
}

func TestMemoryIgnoresNothing(t *testing.T) {
	m, now := vardiff.NewMemory(), start()
	m.Keep("a", 5, now)
	for _, h := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		m.Keep("a", h, now)
		m.Keep("b", h, now)
	}
	recall(t, m, "a", now, 5)
	recall(t, m, "b", now, 0)
}

func TestMemoryIsBounded(t *testing.T) {
	m, now := vardiff.NewMemory(), start()
	for i := range vardiff.MemoryCap {
		m.Keep(strconv.Itoa(i), 1, now)
	}
	m.Keep("0", 2, now)
	m.Keep("new", 3, now)
	recall(t, m, "0", now, 2)
	recall(t, m, "1", now, 0)
	recall(t, m, "2", now, 1)
	recall(t, m, "new", now, 3)
}

func TestMemoryIsSafe(t *testing.T) {
	m, now := vardiff.NewMemory(), start()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 500 {
				login := strconv.Itoa((i + n) % 10)
				m.Keep(login, float64(1+n), now)
				if _, ok := m.Recall(login, now); !ok {
					t.Errorf("%s is not known", login)
				}
			}
		})
	}
	all.Wait()
}

// TestMemoryOutlivesARestart: what is remembered is what the next life knows,
// in the order in which it is forgotten.
func TestMemoryOutlivesARestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := vardiff.NewMemory(), start()
		for range rapid.IntRange(0, 30).Draw(t, "kept") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "later")))
			m.Keep(rapid.SampledFrom([]string{"a", "b", "c", "d", ""}).Draw(t, "login"), rapid.Float64Range(1, 1e18).Draw(t, "hashrate"), now)
		}
		now = now.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "restart")))
		before := m.Entries(now)
		for i, r := range before {
			got, ok := m.Recall(r.Login, now)
			if !ok || got != r.Hashrate || now.Sub(r.At) > vardiff.MemoryLife || i > 0 && r.At.Before(before[i-1].At) {
				t.Fatalf("entry %d of %v: %g, %t", i, before, got, ok)
			}
		}
		next := vardiff.NewMemory()
		next.Restore(rapid.Permutation(before).Draw(t, "shuffled"), now)
		after := next.Entries(now)
		if len(after) != len(before) {
			t.Fatalf("%d entries of %d", len(after), len(before))
		}
		for i, r := range after {
			got, ok := next.Recall(r.Login, now)
			if !r.At.Equal(before[i].At) || !slices.Contains(before, r) || !ok || got != r.Hashrate {
				t.Fatalf("%v became %v", before, after)
			}
		}
		late := start().Add(1000 * time.Hour)
		if got := next.Entries(late); len(got) != 0 {
			t.Fatalf("%v are older than a memory", got)
		}
		next.Restore(after, late) // what is too old is not taken
		next.Restore(nil, late)
		if got := next.Entries(now); len(got) != 0 {
			t.Fatalf("%v came back", got)
		}
	})
}

func TestMemoryRestoresWithCare(t *testing.T) {
	m, now := vardiff.NewMemory(), start()
	m.Keep("newer", 1, now)
	m.Keep("older", 1, now.Add(-2*time.Hour))
	m.Keep("as old", 1, now)
	m.Restore([]vardiff.Remembered{
		{"newer", 2, now.Add(-time.Minute)},
		{"older", 2, now.Add(-time.Hour)},
		{"as old", 2, now},
		{"twice", 1, now.Add(-time.Minute)},
		{"twice", 2, now.Add(-time.Hour)},
		{"future", 2, now.Add(1000 * time.Hour)},
		{"expired", 2, now.Add(-vardiff.MemoryLife - 1)},
		{"never", 2, time.Time{}},
		{"nothing", 0, now},
		{"negative", -1, now},
		{"NaN", math.NaN(), now},
		{"infinite", math.Inf(1), now},
	}, now)
	for login, want := range map[string]float64{
		"newer": 1, "older": 2, "as old": 1, "twice": 1, "future": 2,
		"expired": 0, "never": 0, "nothing": 0, "negative": 0, "NaN": 0, "infinite": 0,
	} {
		recall(t, m, login, now, want)
	}
	recall(t, m, "future", now.Add(vardiff.MemoryLife+1), 0)
	if got := len(m.Entries(now)); got != 5 {
		t.Errorf("%d entries", got)
	}
}

func TestRestoreIsBounded(t *testing.T) {
	m, now := vardiff.NewMemory(), start()
	entries := make([]vardiff.Remembered, 0, vardiff.MemoryCap+10)
	for i := range vardiff.MemoryCap + 10 { // the last is the oldest
		entries = append(entries, vardiff.Remembered{Login: strconv.Itoa(i), Hashrate: 1, At: now.Add(-time.Duration(i))})
	}
	m.Restore(entries, now)
	if got := len(m.Entries(now)); got != vardiff.MemoryCap {
		t.Errorf("%d entries", got)
	}
	recall(t, m, "0", now, 1)
	recall(t, m, strconv.Itoa(vardiff.MemoryCap-1), now, 1)
	recall(t, m, strconv.Itoa(vardiff.MemoryCap), now, 0)
}
