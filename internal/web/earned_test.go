package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The store is asked at the start, then every ten seconds while somebody looks, and who
// looks after a long time waits for it.
func TestTheStoreIsAskedWhileSomebodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := someEarned()
		s, err := New(Deps{Model: newFarm(10), Now: time.Now, Earner: e})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		asked := func() (n int) {
			synctest.Wait()
			for {
				select {
				case <-e.asked:
					n++
				default:
					return n
				}
			}
		}
		const each = 3 // day, pools, routes
		if n := asked(); n != each {
			t.Errorf("at the start %d questions", n)
		}
		time.Sleep(time.Hour)
		if n := asked(); n != 0 {
			t.Errorf("%d questions while nobody looked", n)
		}
		if got := s.earnings(ctx); time.Since(got.At) > time.Second || got.Hour.Shares != 10_000 {
			t.Errorf("who looks is shown what is %v old", time.Since(got.At))
		}
		if n := asked(); n != each {
			t.Errorf("%d questions when somebody looked", n)
		}
		time.Sleep(35 * time.Second)
		if n := asked(); n != 3*each {
			t.Errorf("%d questions in 35 s", n)
		}
		synctest.Wait()
		e.fail(errors.New("no"))
		time.Sleep(10 * time.Second)
		if got := s.earnings(ctx); !got.Failed || got.Hour.Shares != 10_000 {
			t.Errorf("a store that fails makes what is known %+v", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
