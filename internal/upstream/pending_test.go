package upstream

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
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

// An answered submit is known until its slot is taken, whatever the ring does
// in the meantime; what is not a submit, or was never answered, is not.
func TestAnsweredIsRememberedForAWhile(t *testing.T) {
	now := time.Unix(0, 0)
	a := newAsks(4096)
	open := a.put(askSubmit, 3, now)
	login := a.put(askAuthorize, 1, now)
	answered := a.put(askSubmit, 2, now)
	for _, id := range []uint64{login, answered} {
		if _, ok := a.take(id); !ok {
			t.Fatalf("request %d is not remembered", id)
		}
		a.settle(id, mining.Stale)
	}
	for a.next < 60 { // the ring grows
		a.put(askSubmit, a.next, now)
	}
	for _, id := range []uint64{0, login, open, a.next, a.next + 1, 1 << 40} {
		if got, ok := a.answered(id); ok {
			t.Errorf("request %d was answered: %+v", id, got)
		}
	}
	if got, ok := a.answered(answered); !ok || got.tag != 2 || got.said != mining.Stale || !got.at.Equal(now) {
		t.Errorf("request %d: %+v, %t", answered, got, ok)
	}
	for id := open; id < a.next; id++ {
		if id == login || id == answered {
			continue
		}
		if _, ok := a.take(id); !ok {
			t.Fatalf("request %d is not remembered", id)
		}
		a.settle(id, mining.Accepted)
	}
	for range a.size {
		if _, ok := a.take(a.put(askSubmit, 4, now)); !ok {
			t.Fatal("a request is not remembered")
		}
	}
	for id := range a.next {
		if got, ok := a.answered(id); ok != (id >= a.next-a.size) || ok && got.tag != 4 {
			t.Errorf("request %d of %d: %+v, %t", id, a.next, got, ok)
		}
	}
	if a.head != a.next || a.open != 0 {
		t.Errorf("what was answered holds up: %d to %d, %d open", a.head, a.next, a.open)
	}
}
