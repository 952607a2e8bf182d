package steer_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/steer"
)

const hold = 120 * time.Second

func TestChoose(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	never := steer.Pool{Usable: true}
	back := func(ago time.Duration) steer.Pool { return steer.Pool{Usable: true, Since: now.Add(-ago)} }
	pin := func(p steer.Pool) steer.Pool { p.Pinned = true; return p }
	var down steer.Pool
	for _, c := range []struct {
		name  string
		pools []steer.Pool
		at    int
		want  int
	}{
		{"the first", []steer.Pool{never, never}, -1, 0},
		{"stays", []steer.Pool{never, never}, 0, 0},
		{"the first is down", []steer.Pool{down, never}, 0, 1},
		{"all are down", []steer.Pool{down, down}, 0, -1},
		{"it is back, not for long", []steer.Pool{back(hold - 1), never}, 1, 1},
		{"it is back for good", []steer.Pool{back(hold), never}, 1, 0},
		{"a newcomer does not go to a shaky one", []steer.Pool{back(1), never}, -1, 1},
		{"unless there is no other", []steer.Pool{back(1), down}, -1, 0},
		{"the best of shaky ones", []steer.Pool{down, back(1), back(2)}, -1, 1},
		{"where it is is down, the others are shaky", []steer.Pool{back(1), down, back(50)}, 1, 0},
		{"never to a worse one", []steer.Pool{back(1), never, never}, 0, 0},
		{"a worse one that is steady before a better one that is not", []steer.Pool{back(1), down, never}, 1, 2},
		{"one that is of no use comes last", []steer.Pool{{Usable: true, Avoid: steer.OfNoUse}, back(1)}, 0, 1},
		{"and is better than none", []steer.Pool{{Usable: true, Avoid: steer.OfNoUse}, down}, -1, 0},
		{"a drained one comes after it", []steer.Pool{{Usable: true, Avoid: steer.Drained}, {Usable: true, Avoid: steer.OfNoUse}}, 0, 1},
		{"of two such it stays", []steer.Pool{{Usable: true, Avoid: steer.OfNoUse, Since: now.Add(hold)}, {Usable: true, Avoid: steer.OfNoUse}}, 1, 1},
		{"a pinned one that is of no use", []steer.Pool{never, {Usable: true, Avoid: steer.OfNoUse, Pinned: true}}, 0, 0},
		{"nothing", nil, -1, -1},
		{"a newcomer goes to the pinned one", []steer.Pool{never, pin(never), never}, -1, 1},
		{"who is at a better one goes there", []steer.Pool{never, pin(never)}, 0, 1},
		{"and stays", []steer.Pool{never, pin(never)}, 1, 1},
		{"the pinned one is down", []steer.Pool{never, never, pin(down)}, 1, 0},
		{"it is back, not for long", []steer.Pool{never, pin(back(hold - 1))}, 0, 0},
		{"it is back for good", []steer.Pool{never, pin(back(hold))}, 0, 1},
		{"a newcomer does not go to a shaky pinned one", []steer.Pool{never, pin(back(1))}, -1, 0},
		{"unless all are shaky", []steer.Pool{back(1), pin(back(1))}, -1, 1},
	} {
		if got := steer.Choose(c.pools, c.at, now, hold); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Whatever the pools do, and whichever is pinned, a miner is at a usable pool if
// there is one, stays while its pool is usable, but for a better one that has
// stood for hold, and is at the pinned pool once that has.
func TestChooseDoesNotFlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pools := make([]steer.Pool, rapid.IntRange(1, 5).Draw(t, "pools"))
		at, now := -1, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			if i := rapid.IntRange(-1, len(pools)-1).Draw(t, "changes"); i >= 0 {
				if pools[i].Usable = !pools[i].Usable; pools[i].Usable {
					pools[i].Since = now
				}
			}
			if i := rapid.IntRange(-2, len(pools)-1).Draw(t, "pins"); i >= -1 {
				for j := range pools {
					pools[j].Pinned = j == i
				}
			}
			got := steer.Choose(pools, at, now, hold)
			pinned := slices.IndexFunc(pools, func(p steer.Pool) bool { return p.Pinned })
			better := func(a, b int) bool { return a == pinned || b != pinned && a < b }
			usable := slices.ContainsFunc(pools, func(p steer.Pool) bool { return p.Usable })
			switch {
			case got < 0:
				if usable {
					t.Fatalf("nowhere, of %v", pools)
				}
				continue
			case !pools[got].Usable:
				t.Fatalf("at %d, which is down", got)
			case at >= 0 && pools[at].Usable && got != at && (!better(got, at) || now.Sub(pools[got].Since) < hold):
				t.Fatalf("moved from %d to %d, which has stood for %v", at, got, now.Sub(pools[got].Since))
			}
			if pinned >= 0 && got != pinned && pools[pinned].Usable && now.Sub(pools[pinned].Since) >= hold {
				t.Fatalf("at %d, and %d is pinned", got, pinned)
			}
			at = got
			if again := steer.Choose(pools, at, now, hold); again != at {
				t.Fatalf("moved from %d to %d at once", at, again)
			}
		}
	})
}
