package journal

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

var errAway = errors.New("connection refused")

// TestLogIsHeldWhileTheStoreIsAway: what waits for a store grows while that is away,
// and is held to its bound then, too.
func TestLogIsHeldWhileTheStoreIsAway(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep, MaxDisk: 1})
	r.start(epoch)
	ctx := context.Background()
	r.house.fail = func(string) (error, error) { return errAway, nil }
	for range 5 {
		r.share("a.1", 7, epoch)
		r.j.flush(ctx, epoch)
	}
	if err := r.j.tidy(ctx, epoch); !errors.Is(err, errAway) {
		t.Errorf("tidy says %v", err)
	}
	if s, _ := r.disk.State(ctx); s.Shares != 0 || r.j.Status().Dropped == 0 {
		t.Errorf("the log has %+v, %d shares are dropped", s, r.j.Status().Dropped)
	}
	r.house.fail = nil
	if err := r.j.shipAll(ctx); err != nil {
		t.Fatal(err)
	}
	if sums := r.house.sums(); !agree(sums, r.books, epoch) {
		t.Errorf("the warehouse has %+v", sums)
	}
}

// slowHouse takes no chunk of many shares in time.
type slowHouse struct {
	*fakeWarehouse

	most int
}

func (w *slowHouse) Apply(ctx context.Context, c *store.Chunk) error {
	if len(c.Shares) > w.most {
		<-ctx.Done()
		return ctx.Err()
	}
	return w.fakeWarehouse.Apply(ctx, c)
}

// TestSlowStore: a store that does not answer is not waited for without end, and
// that is said; one that is only slow is given less.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{KeepShares: keep})
		r.start(time.Now())
		slow := &slowHouse{r.house, -1}
		r.j.deps.Warehouse = slow
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.j.Run(ctx) }()
		for range 30 {
			r.share("a.1", 7, time.Now())
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(DefaultShipTimeout + DefaultShipEvery)
		synctest.Wait()
		if s := r.j.Status(); !errors.Is(s.Ship.Err, context.DeadlineExceeded) {
			t.Errorf("the status is %+v", s)
		}
		r.j.moving.Lock()
		slow.most = 4
		r.j.moving.Unlock()
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if s := r.j.Status(); s.Ship.Err != nil {
			t.Errorf("in the end the status is %+v", s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(r.house.shares) != 30 || r.house.applied < 8 {
			t.Errorf("%d shares are there, in %d chunks", len(r.house.shares), r.house.applied)
		}
	})
}

// TestTroubleIsOverSoon: what is done every minute is tried again as soon as shares
// are, so that a moment's trouble is not told of for longer.
func TestTroubleIsOverSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{KeepShares: keep})
		r.start(time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.j.Run(ctx) }()
		fail := func(f func(string) (error, error)) {
			r.house.mu.Lock()
			r.house.fail = f
			r.house.mu.Unlock()
		}
		time.Sleep(DefaultTidyEvery - time.Second)
		fail(func(string) (error, error) { return errAway, nil })
		time.Sleep(2 * time.Second)
		if r.j.Status().Tidy.Err == nil {
			t.Error("there is no trouble")
		}
		fail(nil)
		time.Sleep(DefaultShipEvery)
		if err := r.j.Status().Tidy.Err; err != nil {
			t.Errorf("there is still trouble: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestIdleStoreIsLookedAt: a store that is away is told of before there is anything
// for it.
func TestIdleStoreIsLookedAt(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	r.start(epoch)
	r.house.fail = func(string) (error, error) { return errAway, nil }
	if err := r.j.ship(context.Background(), epoch); !errors.Is(err, errAway) || !errors.Is(r.j.Status().Ship.Err, errAway) {
		t.Errorf("nothing to ship to a store that is away: %v", err)
	}
	r.house.fail = nil
	if err := r.j.ship(context.Background(), epoch); err != nil || r.j.Status().Ship.Err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// TestWorkersOfLateComeFirst: of more workers than there is room for, those of late
// have books of their own after a start.
func TestWorkersOfLateComeFirst(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	r.start(epoch)
	ctx := context.Background()
	for i := range 9 {
		r.share(string(rune('a'+i)), 7, epoch.Add(time.Duration(i)*time.Second))
	}
	now := epoch.Add(time.Minute)
	if err := r.j.finish(ctx); err != nil {
		t.Fatal(err)
	}
	books := ledger.New(ledger.Config{MaxWorkers: 3}, now)
	if err := r.j.Restore(ctx, books, now); err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, 4)
	for _, w := range books.Snapshot(now).Workers {
		got = append(got, w.Name)
	}
	if !slices.Equal(got, []string{ledger.OtherWorker, "g", "h", "i"}) || accepted(books, now) != 9 {
		t.Errorf("%d shares are there, by %q", accepted(books, now), got)
	}
}
