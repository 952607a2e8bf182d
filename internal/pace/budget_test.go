package pace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/pace"
)

func TestBudget(t *testing.T) {
	var b pace.Budget
	now := time.Unix(1_700_000_000, 0)
	for i := range pace.Burst {
		if ok, missed := b.Pass(now); !ok || missed != 0 {
			t.Fatalf("event %d: %t, %d missed", i, ok, missed)
		}
	}
	for range 7 {
		if ok, _ := b.Pass(now); ok {
			t.Fatal("more than a burst at once")
		}
	}
	now = now.Add(time.Second / pace.PerSecond)
	if ok, missed := b.Pass(now); !ok || missed != 7 {
		t.Errorf("the next one: %t, %d missed, want 7", ok, missed)
	}
	if ok, _ := b.Pass(now.Add(-time.Hour)); ok {
		t.Error("a clock that goes back gives more")
	}
}

// In no time more than the burst and what has come since pass, and all are passed or
// missed.
func TestBudgetBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b pace.Budget
		start := time.Unix(1_700_000_000, 0)
		now, passed, told, all := start, 0, uint64(0), rapid.IntRange(1, 3000).Draw(t, "events")
		for range all {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(50*time.Millisecond)).Draw(t, "pause")))
			if ok, missed := b.Pass(now); ok {
				passed++
				told += missed
			}
		}
		if most := pace.Burst + pace.PerSecond*now.Sub(start).Seconds() + 1e-6; float64(passed) > most {
			t.Fatalf("%d passed, at most %v may", passed, most)
		}
		if uint64(passed)+told > uint64(all) {
			t.Fatalf("%d passed and %d missed of %d", passed, told, all)
		}
	})
}
