package journal

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/store"
)

// TestManySumsGoOnceAMinute: the sums of a large farm go to the store when a minute is
// over, so that each is written once, and what a small one did within ten seconds.
func TestManySumsGoOnceAMinute(t *testing.T) {
	// What is remembered once a minute writes a frame that may come just after a chunk.
	for workers, chunks := range map[int][2]int{100: {12, 14}, 700: {3, 3}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Config{FlushEvery: 370 * time.Millisecond}) // never as it ships
			r.start(time.Now())
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- r.j.Run(ctx) }()
			for range 40 { // each has a share in three seconds
				for w := range workers {
					r.share(fmt.Sprintf("a.%d", w), 7, time.Now())
				}
				time.Sleep(3 * time.Second)
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			r.house.mu.Lock()
			applied, minutes := r.house.applied, make(map[int64]uint64)
			for k, c := range r.house.rollups {
				if k.Side == store.Ours {
					minutes[k.at/60] += c.Shares
				}
			}
			r.house.mu.Unlock()
			if applied < chunks[0] || applied > chunks[1] {
				t.Errorf("%d workers: %d chunks in two minutes, want %v", workers, applied, chunks)
			}
			for at, shares := range minutes {
				if shares != uint64(20*workers) {
					t.Errorf("%d workers: minute %d has %d shares", workers, at, shares)
				}
			}
			if at := r.j.Status().Shipped; len(minutes) != 2 || time.Since(at) > 11*time.Second {
				t.Errorf("%d workers: %d minutes, the last of it %v ago", workers, len(minutes), time.Since(at))
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUntilMinute: never later than a minute and what it is often.
func TestUntilMinute(t *testing.T) {
	r := newRig(t, Config{})
	r.start(epoch)
	for second, want := range map[int]int{0: 61, 1: 60, 2: 59, 30: 31, 51: 10, 52: 69, 59: 62} {
		if got := r.j.untilMinute(epoch.Truncate(time.Minute).Add(time.Duration(second) * time.Second)); got != time.Duration(want)*time.Second {
			t.Errorf("second %d: %v, want %d s", second, got, want)
		}
	}
}

// TestCanWait: a farm that is small, or whose log would be too big by then, is not waited
// for.
func TestCanWait(t *testing.T) {
	for _, c := range []struct {
		disk  int64
		given shipment
		since time.Duration
		want  bool
	}{
		{0, shipment{manySums, 1 << 30}, 10 * time.Second, false},
		{0, shipment{manySums + 1, 1 << 30}, 10 * time.Second, true},
		{96 << 20, shipment{manySums + 1, 1 << 20}, 10 * time.Second, true},
		{96 << 20, shipment{manySums + 1, 1<<20 + 1}, 10 * time.Second, false},
		{96 << 20, shipment{manySums + 1, 6 << 20}, time.Minute, true},
		{96 << 20, shipment{manySums + 1, 6 << 20}, -time.Hour, false}, // the clock was put back
	} {
		r := newRig(t, Config{MaxDisk: c.disk})
		r.start(epoch)
		if got := r.j.canWait(c.given, c.since); got != c.want {
			t.Errorf("max_disk %d, %+v in %v: %t", c.disk, c.given, c.since, got)
		}
	}
}

// TestShipEnds: what comes while the store takes its time is not waited for, too, or a
// slow one of a busy farm would never have all.
func TestShipEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.start(time.Now())
		r.j.deps.Warehouse = &tardyHouse{r.house, time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		busy.Go(func() {
			for ctx.Err() == nil {
				r.share("a.1", 7, time.Now())
				r.j.flush(ctx, time.Now())
				time.Sleep(70 * time.Millisecond)
			}
		})
		time.Sleep(time.Second)
		began := time.Now()
		if err := r.j.ship(ctx, began); err != nil {
			t.Fatal(err)
		}
		if r.house.applied != 1 || !r.j.Status().Shipped.Equal(began) {
			t.Errorf("%d chunks, all until %v", r.house.applied, r.j.Status().Shipped)
		}
		cancel()
		busy.Wait()
	})
}

// tardyHouse takes its time for every chunk.
type tardyHouse struct {
	*fakeWarehouse

	takes time.Duration
}

func (w *tardyHouse) Apply(ctx context.Context, c *store.Chunk) error {
	time.Sleep(w.takes)
	return w.fakeWarehouse.Apply(ctx, c)
}

// TestChunkHasAllItHasRoomFor: one is read in as many pieces as it takes, and ends where
// it has twice as many sums as there is room for shares: a worker has three in a frame.
func TestChunkHasAllItHasRoomFor(t *testing.T) {
	const frames, workers = 60, 50
	for room, chunks := range map[int]int{1: frames, workers * 3 / 2: frames / 2, workers * 3: frames / 3, 100_000: 1} {
		r := newRig(t, Config{ChunkShares: room})
		r.start(epoch)
		for i := range frames {
			for w := range workers {
				r.share(fmt.Sprintf("a.%d.%d", i, w), 7, epoch)
			}
			r.j.flush(t.Context(), epoch)
		}
		if err := r.j.shipAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.house.applied != chunks || r.house.count() != frames*workers || !agree(r.house.sums(), r.books, epoch) {
			t.Errorf("room for %d: %d chunks, want %d; %d shares", room, r.house.applied, chunks, r.house.count())
		}
	}
}

// TestLoadIsLittleOfTheLog: what is offered the store must stay as it is, so that a log
// which is too big can still be squeezed behind it.
func TestLoadIsLittleOfTheLog(t *testing.T) {
	r := newRig(t, Config{MaxDisk: 64 << 10})
	r.start(epoch)
	for i := range 400 {
		r.share(fmt.Sprintf("a.%d", i), 7, epoch)
		r.j.flush(t.Context(), epoch)
	}
	l, err := r.j.load(t.Context(), 0, 1000, fitting)
	if err != nil || l.first != 1 || l.last < 5 || l.bytes > 5<<10 || l.bytes < 4<<10 {
		t.Errorf("of a log that may have 8 kB at least it is %+v: %v", l, err)
	}
}
