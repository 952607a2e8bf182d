package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
)

// TestSumsAreHeldToTheBound: a store that is away for weeks does not fill the disk with
// sums of minutes, nor with frames that have nothing in them.
func TestSumsAreHeldToTheBound(t *testing.T) {
	const bound = 16 << 10
	r := newRig(t, Config{KeepShares: keep, MaxDisk: bound})
	r.start(epoch)
	ctx := context.Background()
	r.house.fail = func(string) (error, error) { return errAway, nil }
	now := epoch
	for minute := range 26 * 60 {
		for _, worker := range []string{"a.1"} {
			r.share(worker, 7, now)
			r.books.Tick(now)
			if err := r.j.write(ctx); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(time.Minute)
		if minute%100 == 99 {
			if err := r.j.countAll(ctx); err != nil {
				t.Fatal(err)
			}
			_ = r.j.tidy(ctx, now)
		}
	}
	_ = r.j.tidy(ctx, now)
	s, err := r.disk.State(ctx)
	if err != nil || s.Bytes > bound+int64(s.Last) {
		t.Errorf("after a day the log takes %d bytes (%d frames): %v", s.Bytes, s.Last-s.Settled, err)
	}
	if said := strings.Count(r.log.String(), "sums that wait for the store are kept by longer steps"); said == 0 || said > 2*17 {
		t.Errorf("longer steps were said %d times in 17 looks", said) // of hours and of days, each look at the most
	}
	r.house.fail = nil
	r.start(now)
	if err := r.j.shipAll(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := accepted(r.books, now), uint64(26*60); got != want || !agree(r.house.sums(), r.books, now) {
		t.Errorf("the books have %d shares, want %d, the store %d", got, want, r.house.count())
	}
}

// TestMinutesStayWhileTheyFit: a log that is too big is put together by the minute first,
// whether it has single shares or only what they add up to.
func TestMinutesStayWhileTheyFit(t *testing.T) {
	for _, kept := range []time.Duration{keep, 0} {
		const minutes = 20
		r := newRig(t, Config{KeepShares: kept, MaxDisk: 100 << 10})
		start := epoch.Truncate(time.Hour)
		r.start(start)
		ctx := context.Background()
		r.house.fail = func(string) (error, error) { return errAway, nil }
		now := start
		for range minutes * 60 {
			for w := range 5 {
				r.share(fmt.Sprintf("a.%d", w), 7, now)
			}
			r.books.Tick(now)
			if err := r.j.write(ctx); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
		}
		before, _ := r.disk.State(ctx)
		_ = r.j.tidy(ctx, now)
		after, _ := r.disk.State(ctx)
		if before.Bytes < 200<<10 || after.Bytes > 100<<10 {
			t.Errorf("kept for %v: the log had %d bytes and has %d", kept, before.Bytes, after.Bytes)
		}
		if coarser := strings.Contains(r.log.String(), "longer steps"); coarser {
			t.Errorf("kept for %v: %s", kept, r.log.String())
		}
		r.house.fail = nil
		if err := r.j.shipAll(ctx); err != nil {
			t.Fatal(err)
		}
		at := make(map[int64]bool)
		for k := range r.house.rollups {
			at[k.at] = true
		}
		if len(at) != minutes {
			t.Errorf("kept for %v: the store has sums of %d minutes, not %d", kept, len(at), minutes)
		}
	}
}

// TestCoarseFrameStaysAlone: what had to be put together by the day is so by itself, and
// not with it all else that goes to the store at once.
func TestCoarseFrameStaysAlone(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	start := store.Day.Floor(epoch).Add(12 * time.Hour)
	r.start(start)
	ctx, now := context.Background(), start
	for range 4 * 60 {
		r.share("a.1", 7, now)
		r.books.Tick(now)
		if err := r.j.write(ctx); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	frames, err := r.disk.Read(ctx, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if dropped, coarser, err := r.j.squeeze(ctx, frames[:60], store.Day); dropped == 0 || !coarser || err != nil {
		t.Fatalf("squeezed: %d dropped, coarser %t, %v", dropped, coarser, err)
	}
	if err := r.j.shipAll(ctx); err != nil {
		t.Fatal(err)
	}
	day, rest := uint64(0), uint64(0)
	for k, c := range r.house.rollups {
		switch {
		case k.Side != store.Ours:
		case time.Unix(k.at, 0).Equal(store.Day.Floor(start)):
			day += c.Shares
		default:
			rest += c.Shares
		}
	}
	if day != 60 || rest != 3*60 || r.house.applied != 1 {
		t.Errorf("%d shares are of the day and %d of their minutes, in %d chunks", day, rest, r.house.applied)
	}
}

// TestHistoryIsNotTheLog: where both are in one file and it is too big for its history,
// what is new keeps its time.
func TestHistoryIsNotTheLog(t *testing.T) {
	for _, kept := range []time.Duration{keep, 0} {
		ctx := t.Context()
		disk, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "loka.db"))
		if err != nil {
			t.Fatal(err)
		}
		j, err := New(ctx, Config{Instance: "here", KeepShares: kept, MaxDisk: 16 << 10}, Deps{Disk: disk, Warehouse: disk})
		if err != nil {
			t.Fatal(err)
		}
		start := store.Day.Floor(epoch).Add(12 * time.Hour)
		now := start
		r := &rig{t: t, j: j, books: ledger.New(ledger.Config{Sink: j, FirstID: 1}, now)}
		if err := j.Restore(ctx, r.books, now); err != nil {
			t.Fatal(err)
		}
		const seconds = 180
		for s := range seconds { // as Run does it, but for the minute: tidy meets a log that has something
			if s%10 == 0 {
				if err := j.ship(ctx, now); err != nil {
					t.Fatal(err)
				}
			}
			if s%20 == 5 {
				if err := j.tidy(ctx, now); err != nil {
					t.Fatal(err)
				}
			}
			r.share("a.1", 7, now)
			j.flush(ctx, now)
			now = now.Add(time.Second)
		}
		if err := j.shipAll(ctx); err != nil {
			t.Fatal(err)
		}
		if size, err := disk.Bytes(ctx); err != nil || size <= 16<<10 {
			t.Fatalf("the file has %d bytes, which is not too big: %v", size, err)
		}
		points, err := disk.Series(ctx, store.Filter{Instance: "here"}, store.Minute)
		if err != nil {
			t.Fatal(err)
		}
		own := uint64(0)
		for _, p := range points {
			if p.Side == store.Ours && !p.At.Before(start) {
				own += p.Shares
			}
		}
		if own != seconds {
			t.Errorf("kept for %v: %d shares of %d are at their time", kept, own, seconds)
		}
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	}
}
