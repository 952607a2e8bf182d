package ratelimit

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However lines come, as long as each waits for the hold of the one before: up to
// any time there are no more tokens than rate·t + burst, and a line is never held
// when one is there.
func TestBucketNeverGivesMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			PerSecond: rapid.Float64Range(0.01, 10_000).Draw(t, "rate"),
			Burst:     rapid.IntRange(1, 5000).Draw(t, "burst"),
		}
		workers := rapid.IntRange(1, 300).Draw(t, "workers")
		l := limitOf(r, workers)
		rate, burst := r.PerSecond*float64(workers), float64(r.Burst*workers)
		var b bucket
		start := int64(1_700_000_000) * int64(time.Second)
		now := start
		for n := 1; n <= rapid.IntRange(1, 200).Draw(t, "lines"); n++ {
			now += rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")
			wait := b.take(l, now, time.Hour)
			given := now + int64(wait)
			allowed := rate*float64(given-start)/1e9 + burst
			if float64(n) > allowed+1e-6*allowed {
				t.Fatalf("%d tokens in %v, allowed %v", n, time.Duration(given-start), allowed)
			}
			if float64(n) <= burst-1 && wait > 0 {
				t.Fatalf("line %d of a burst of %v is held for %v", n, burst, wait)
			}
			now = given
		}
	})
}

// What is owed is bounded, whoever takes.
func TestBucketForgives(t *testing.T) {
	l := limitOf(Rate{PerSecond: 1, Burst: 10}, 1)
	var b bucket
	for range 10_000 {
		if wait := b.take(l, 5, 30*time.Second); wait > 30*time.Second {
			t.Fatalf("held for %v", wait)
		}
	}
	if wait := b.take(l, int64(41*time.Second), 30*time.Second); wait != 0 {
		t.Errorf("after the debt and the burst are paid: held for %v", wait)
	}
}

func TestNoLimit(t *testing.T) {
	if !limitOf(Rate{}, 7).off() || !limitOf(Rate{Burst: 5}, 1).off() || limitOf(Rate{PerSecond: 1}, 1).off() {
		t.Error("off is a rate of 0, and only that")
	}
	// Absurd numbers do not overflow.
	for _, r := range []Rate{{1e-300, 1 << 62}, {1e300, 1}, {1e300, 1 << 62}} {
		l := limitOf(r, 1<<30)
		if l.each <= 0 || l.slack < 0 {
			t.Errorf("%v: %+v", r, l)
		}
	}
}

// Several goroutines on one shared bucket get no more together than one alone.
func TestSharedBucket(t *testing.T) {
	l := limitOf(Rate{PerSecond: 1, Burst: 100}, 1)
	var b shared
	var wg sync.WaitGroup
	free := make([]int, 4)
	for i := range free {
		wg.Go(func() {
			for range 100 {
				if b.take(l, 1, time.Hour) == 0 {
					free[i]++
				}
			}
		})
	}
	wg.Wait()
	if n := free[0] + free[1] + free[2] + free[3]; n != 100 {
		t.Errorf("%d lines at once of a burst of 100", n)
	}
}

// A bucket is one as long as anybody has it, and after that until it is full;
// idle ones are bounded.
func TestTable(t *testing.T) {
	tab := newTable[int]()
	l := limitOf(Rate{PerSecond: 1, Burst: 1}, 1)
	a := tab.acquire(1, 0)
	if tab.acquire(1, 0) != a {
		t.Fatal("two buckets for one key")
	}
	a.take(l, 0, time.Hour)
	tab.release(1, 0)
	tab.release(1, 0)
	if tab.acquire(1, 0) != a {
		t.Error("an empty bucket was forgotten: who comes again has another")
	}
	tab.release(1, int64(time.Second))
	if tab.len() != 0 {
		t.Error("a full bucket that nobody has is kept")
	}
	tab.release(1, 0) // of nobody: nothing happens
	for i := range MaxIdle + MaxIdle/4 {
		tab.acquire(i, 0).take(l, 0, time.Hour)
		tab.release(i, 0)
	}
	if n := tab.len(); n > MaxIdle+2*numShards {
		t.Errorf("%d buckets that nobody has", n)
	}
	for i := range MaxIdle / 4 { // later, newcomers sweep what has filled up
		tab.acquire(-1-i, int64(time.Minute))
		tab.release(-1-i, int64(time.Minute))
	}
	if n := tab.len(); n > MaxIdle/2 {
		t.Errorf("%d buckets after a minute", n)
	}
}

// len is how many buckets there are.
func (t *table[K]) len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.of)
		s.mu.Unlock()
	}
	return n
}
