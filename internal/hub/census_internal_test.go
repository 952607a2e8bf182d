package hub

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
)

// TestLogins compares the members of each login with a list of them.
func TestLogins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := &Hub{logins: make(logins)}
		var here []*member
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			if len(here) > 0 && rapid.Bool().Draw(t, "one goes") {
				i := rapid.IntRange(0, len(here)-1).Draw(t, "which")
				h.strike(here[i : i+1])
				here = slices.Delete(here, i, i+1)
			} else {
				m := &member{
					worker: &mining.Worker{Login: fmt.Sprint("w", rapid.IntRange(0, 3).Draw(t, "login"))},
					seat:   &seat{miner: &mining.Miner{ID: mining.MinerID(rapid.IntRange(1, 9).Draw(t, "miner"))}},
				}
				h.enlist(m)
				here = append(here, m)
			}
			want := make(map[string][]mining.MinerID)
			for _, m := range here {
				want[m.worker.Login] = append(want[m.worker.Login], m.seat.miner.ID)
			}
			if h.Workers() != len(want) {
				t.Fatalf("%d workers, want %d", h.Workers(), len(want))
			}
			for login := range 4 {
				ids := want[fmt.Sprint("w", login)]
				slices.Sort(ids)
				if got := h.MinersOf(fmt.Sprint("w", login)); !slices.Equal(got, slices.Compact(ids)) {
					t.Fatalf("w%d is on %v, want %v", login, got, ids)
				}
			}
		}
	})
}

// TestCensusOfACrowd: readers have the last sweep's counts where there are very many
// miners, for as long as sweeps go on, and else count themselves.
func TestCensusOfACrowd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := &Hub{seats: map[mining.MinerID]*seat{1: {}}}
	for _, c := range []struct {
		seats int
		age   time.Duration
		want  int
	}{{0, 0, 1}, {crowd - 1, 0, 1}, {crowd, sweepEvery, crowd}, {crowd, 2 * sweepEvery, 1}} {
		if c.seats > 0 {
			h.counted.Store(&census{at: now.Add(-c.age), seats: c.seats})
		}
		if got := h.census(now).seats; got != c.want {
			t.Errorf("%d seats %v ago: %d are counted, want %d", c.seats, c.age, got, c.want)
		}
	}
}
