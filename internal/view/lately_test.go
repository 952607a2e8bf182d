package view

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What is dear to look at is shown again for a while that its price sets; what is cheap is
// looked at each time.
func TestLately(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		good  time.Duration // after the look
	}{
		{0, 0},
		{999 * time.Microsecond, 0},
		{time.Millisecond, 20 * time.Millisecond},
		{10 * time.Millisecond, 200 * time.Millisecond},
		{200 * time.Millisecond, 800 * time.Millisecond},
		{3 * time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var l lately[int]
			looks := 0
			get := func() int {
				return l.get(time.Now, func(time.Time) int {
					looks++
					time.Sleep(c.takes)
					return looks
				})
			}
			get()
			if c.good > 0 {
				time.Sleep(c.good - time.Nanosecond)
				if got := get(); got != 1 {
					t.Errorf("%v: looked at again before its time", c.takes)
				}
				time.Sleep(time.Nanosecond)
			}
			if got := get(); got != 2 {
				t.Errorf("%v: look %d after %v", c.takes, got, c.good)
			}
		})
	}
}

// However many ask at once, one looks.
func TestLatelyTogether(t *testing.T) {
	var l lately[int]
	var clock atomic.Int64
	now := func() time.Time { return time.Unix(0, clock.Load()) }
	var wg sync.WaitGroup
	looks := 0
	for range 50 {
		wg.Go(func() {
			l.get(now, func(time.Time) int {
				looks++
				clock.Add(int64(20 * time.Millisecond))
				return looks
			})
		})
	}
	wg.Wait()
	if looks != 1 {
		t.Errorf("%d looks", looks)
	}
}
