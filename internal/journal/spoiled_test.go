package journal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestSpoiledFrame: a frame that the disk has spoiled does not hold up all others, at
// a start, on the way to the store and where shares are dropped; it is kept, and said.
func TestSpoiledFrame(t *testing.T) {
	ctx := context.Background()
	for name, before := range map[string]func(r *rig) error{
		"a start":           func(*rig) error { return nil },
		"the store is away": func(r *rig) error { return r.j.countAll(ctx) },
		"the disk is full": func(r *rig) error {
			r.j.cfg.MaxDisk = 1
			return r.j.fitLog(ctx)
		},
	} {
		r := newRig(t, Config{KeepShares: keep})
		r.start(epoch)
		for range 3 {
			r.share("alice", 10, epoch)
			r.books.Tick(epoch)
			if err := r.j.write(ctx); err != nil {
				t.Fatal(err)
			}
		}
		bad := &r.disk.frames[1]
		bad.Data = slices.Clone(bad.Data)
		bad.Data[len(bad.Data)/2] ^= 4
		was := slices.Clone(bad.Data)
		if err := before(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		r.start(epoch)
		r.share("alice", 10, epoch)
		r.books.Tick(epoch)
		r.ship(epoch)
		if got, sent := accepted(r.books, epoch), r.house.count(); got != 3 || sent != 3 {
			t.Errorf("%s: the books have %d shares and the store %d, want 3", name, got, sent)
		}
		if !slices.Equal(r.disk.saved["spoiled-frame-2"], was) {
			t.Errorf("%s: it is not kept", name)
		}
		if n := strings.Count(r.log.String(), "cannot be read; what happened within it is missing"); n < 1 || n > 2 {
			t.Errorf("%s: it is said %d times", name, n)
		}
	}
	// One that a later version wrote is not spoiled: it is read by that.
	r := newRig(t, Config{KeepShares: keep})
	r.start(epoch)
	r.share("alice", 10, epoch)
	r.books.Tick(epoch)
	if err := r.j.write(ctx); err != nil {
		t.Fatal(err)
	}
	newer := slices.Clone(r.disk.frames[0].Data)
	newer[0] = frameVersion + 1
	r.disk.frames[0].Data = newer
	if err := r.j.ship(ctx, epoch); !errors.Is(err, errNewerFrame) || r.disk.settled != 0 {
		t.Errorf("a newer frame: %v", err)
	}
}
