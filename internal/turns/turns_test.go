package turns

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// crowd are some of a class who take turns of a length one after the other.
type crowd struct {
	of   Class
	many int
	each time.Duration
}

// busy has them do so until a time, and says what time they had.
func (c crowd) busy(all *sync.WaitGroup, t *Turns, until time.Time) *atomic.Int64 {
	had := new(atomic.Int64)
	for range c.many {
		all.Go(func() {
			for time.Now().Before(until) {
				turn := t.Take(c.of)
				time.Sleep(c.each)
				turn.Give()
				had.Add(int64(c.each))
			}
		})
	}
	return had
}

// Classes have the same part of the time, however many want it of each and however long
// their turns are.
func TestClassesShareTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, until := New(1, time.Now), time.Now().Add(10*time.Second)
		var all sync.WaitGroup
		had := []*atomic.Int64{
			crowd{Accept, 1, 10 * time.Microsecond}.busy(&all, turns, until),
			crowd{Handshake, 3, 2 * time.Millisecond}.busy(&all, turns, until),
			crowd{Stranger, 200, 50 * time.Microsecond}.busy(&all, turns, until),
			crowd{Loud, 40, 200 * time.Microsecond}.busy(&all, turns, until),
		}
		all.Wait()
		for c, h := range had {
			// One that asks again only after its turn misses some.
			if part := time.Duration(h.Load()).Seconds() / 10; part < 0.24 && c != int(Accept) || part > 0.34 {
				t.Errorf("class %d had %.3f of the time", c, part)
			}
		}
		if h := time.Duration(had[Accept].Load()); h < 15*time.Millisecond {
			t.Errorf("a class of one had %v", h)
		}
	})
}

// A class that wanted nothing has no claim to what it did not use.
func TestNothingIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, begin := New(1, time.Now), time.Now()
		var all sync.WaitGroup
		loud := crowd{Loud, 10, time.Millisecond}.busy(&all, turns, begin.Add(20*time.Second))
		time.Sleep(10 * time.Second)
		before := loud.Load()
		strangers := crowd{Stranger, 10, time.Millisecond}.busy(&all, turns, begin.Add(20*time.Second))
		all.Wait()
		if s, l := strangers.Load(), loud.Load()-before; s < 49*(s+l)/100 || s > 51*(s+l)/100 {
			t.Errorf("strangers had %v, the others %v", time.Duration(s), time.Duration(l))
		}
	})
}

// Within a class who came first is first; a turn that nobody waits for is had at once;
// no bound is none.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := New(0, time.Now)
		first := turns.Take(Stranger)
		if !first.Held() {
			t.Fatal("no turn")
		}
		var order []int
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				turn := turns.Take(Stranger)
				order = append(order, i)
				turn.Give()
			})
			synctest.Wait()
		}
		first.Give()
		first.Give() // gives nothing
		all.Wait()
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(order, want) || turns.free != 1 {
			t.Errorf("order %v, want %v; free %d", order, want, turns.free)
		}
		var none *Turns
		for range 3 {
			if turn := none.Take(Loud); turn.Held() {
				t.Error("no bound gave a turn")
			}
		}
	})
}

// Never are more turns held than there are, all are free in the end, and none is free
// while anybody waits.
func TestBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.IntRange(1, 4).Draw(rt, "most")
		jobs := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [3]int {
			return [3]int{rapid.IntRange(0, int(classes)-1).Draw(rt, "class"), rapid.IntRange(0, 50).Draw(rt, "at"), rapid.IntRange(0, 20).Draw(rt, "long")}
		}), 1, 40).Draw(rt, "jobs")
		failed := ""
		synctest.Test(t, func(*testing.T) {
			turns := New(most, time.Now)
			var all sync.WaitGroup
			var mu sync.Mutex
			held := 0
			count := func(by int) {
				mu.Lock()
				defer mu.Unlock()
				if held += by; held > most {
					failed = fmt.Sprintf("%d held of %d", held, most)
				}
			}
			for _, j := range jobs {
				all.Go(func() {
					time.Sleep(time.Duration(j[1]) * time.Millisecond)
					turn := turns.Take(Class(j[0]))
					count(1)
					time.Sleep(time.Duration(j[2]) * time.Millisecond)
					count(-1)
					turn.Give()
				})
			}
			for range 30 {
				time.Sleep(3*time.Millisecond + time.Microsecond)
				synctest.Wait()
				turns.mu.Lock()
				waiting := 0
				for c := range turns.waiting {
					waiting += turns.waiting[c].Len()
				}
				if waiting > 0 && turns.free > 0 {
					failed = fmt.Sprintf("%d wait while %d are free", waiting, turns.free)
				}
				turns.mu.Unlock()
			}
			all.Wait()
			if turns.free != most {
				failed = fmt.Sprintf("%d free of %d in the end", turns.free, most)
			}
		})
		if failed != "" {
			rt.Fatal(failed)
		}
	})
}

// It is known who waits, and how long those have waited who have had their turn.
func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := New(1, time.Now)
		first := turns.Take(Accept)
		var all sync.WaitGroup
		for _, c := range []Class{Loud, Loud, Handshake} {
			all.Go(func() {
				turn := turns.Take(c)
				time.Sleep(time.Second)
				turn.Give()
			})
			synctest.Wait()
		}
		want := []Queue{{Accept, 0, 0}, {Handshake, 1, 0}, {Stranger, 0, 0}, {Loud, 2, 0}}
		if got := turns.Queues(); !slices.Equal(got, want) {
			t.Errorf("there wait %v, want %v", got, want)
		}
		time.Sleep(3 * time.Second)
		first.Give()
		all.Wait()
		// Each has its second, the handshake first: it wanted none before.
		want = []Queue{{Accept, 0, 0}, {Handshake, 0, 3 * time.Second}, {Stranger, 0, 0}, {Loud, 0, (4 + 5) * time.Second}}
		if got := turns.Queues(); !slices.Equal(got, want) {
			t.Errorf("they waited %v, want %v", got, want)
		}
		var none *Turns
		if none.Queues() != nil {
			t.Error("there is no bound, and somebody waits")
		}
	})
}

func TestClassesHaveNames(t *testing.T) {
	for c, want := range map[Class]string{Accept: "accept", Handshake: "handshake", Stranger: "stranger", Loud: "loud", classes: "unknown", -1: "unknown"} {
		if got := c.String(); got != want {
			t.Errorf("%d is %s, want %s", int(c), got, want)
		}
	}
}

// TestTry: who only tries takes a turn that is free, and waits for none.
func TestTry(t *testing.T) {
	all := New(1, time.Now)
	mine, ok := all.Try(Loud)
	if !ok || !mine.Held() {
		t.Error("a free turn was not to be had")
	}
	if other, ok := all.Try(Stranger); ok || other.Held() {
		t.Error("a turn was had that was taken")
	}
	mine.Give()
	again, ok := all.Try(Stranger)
	if !ok {
		t.Error("a turn that was given back was not to be had")
	}
	again.Give()
	var none *Turns
	if free, ok := none.Try(Loud); !ok || free.Held() {
		t.Error("no bound bounds")
	}
}
