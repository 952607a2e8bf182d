package extranonce

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// TestSmallSpaceThatForgets: the rules of a space so wide that resting slots
// are forgotten, on one that a test can go round.
func TestSmallSpaceThatForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 40).Draw(t, "capacity")
		most := rapid.IntRange(1, 8).Draw(t, "most")
		s := newSpace(4, rapid.Uint32().Draw(t, "start"), uint64(capacity), most)
		now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
		var has []work.Extranonce
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			if len(has) > 0 && rapid.Bool().Draw(t, "free") {
				i := rapid.IntRange(0, len(has)-1).Draw(t, "which")
				s.Free(has[i], now)
				has = append(has[:i], has[i+1:]...)
				continue
			}
			slot, ok := s.Take(now, nil)
			if !ok {
				continue
			}
			for _, other := range has {
				if other == slot {
					t.Fatalf("%s is given twice", slot)
				}
			}
			has = append(has, slot)
		}
		if s.Used() != len(has) || len(s.resting)-s.head > most || len(s.taken) > len(has)+most {
			t.Fatalf("%d used of %d, %d resting, %d remembered", s.Used(), len(has), len(s.resting)-s.head, len(s.taken))
		}
		for _, slot := range has {
			s.Free(slot, now)
		}
		now = now.Add(Quarantine)
		all := make(map[work.Extranonce]bool)
		for range capacity {
			slot, ok := s.Take(now, nil)
			if !ok || all[slot] {
				t.Fatalf("%d of %d slots are left", len(all), capacity)
			}
			all[slot] = true
		}
	})
}
