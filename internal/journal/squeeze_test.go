package journal

import (
	"context"
	"testing"
	"time"
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
	r.house.fail = nil
	r.start(now)
	if err := r.j.shipAll(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := accepted(r.books, now), uint64(26*60); got != want || !agree(r.house.sums(), r.books, now) {
		t.Errorf("the books have %d shares, want %d, the store %d", got, want, r.house.count())
	}
}
