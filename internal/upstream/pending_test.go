package upstream

import (
	"testing"
	"time"
)

// A burst does not hold memory for good, nor does one request that a pool
// never answered.
func TestRingIsLetGo(t *testing.T) {
	now := time.Unix(0, 0)
	for name, lost := range map[string]bool{"all answered": false, "one never": true} {
		t.Run(name, func(t *testing.T) {
			a := newAsks(4096)
			first := a.put(askSubmit, 1, now)
			for range 1000 {
				id := a.put(askSubmit, 2, now)
				if got, ok := a.take(id); !ok || got.tag != 2 {
					t.Fatalf("request %d is not remembered", id)
				}
			}
			if a.size < 1000 {
				t.Fatalf("a ring of %d for 1001 ids", a.size)
			}
			if lost {
				oldest, _ := a.oldest()
				a.giveUp(oldest)
				a.expireLate(now.Add(lateFor))
			} else if got, ok := a.take(first); !ok || got.tag != 1 {
				t.Fatal("the first is forgotten")
			}
			if a.ring != nil || a.open != 0 || a.late != 0 {
				t.Errorf("a ring of %d for nothing; %d open, %d late", len(a.ring), a.open, a.late)
			}
			id := a.put(askSubmit, 3, now)
			if got, ok := a.take(id); !ok || got.tag != 3 {
				t.Error("nothing is remembered any more")
			}
		})
	}
}
