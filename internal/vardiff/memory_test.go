package vardiff_test

import (
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

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
