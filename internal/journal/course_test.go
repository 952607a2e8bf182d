package journal

import (
	"context"
	"math"
	"testing"
)

// TestUnheardOf: what a store took and nobody heard of is not given to it again, even
// if another one, or one that lags behind, was asked in between.
func TestUnheardOf(t *testing.T) {
	for name, between := range map[string]func(r *rig){
		"another one, which takes nothing": func(r *rig) {
			r.house.fail = func(what string) (error, error) {
				if what == "apply" {
					return errAway, nil
				}
				return nil, nil
			}
			_ = r.j.shipAll(context.Background())
		},
		"another one, which takes some": func(r *rig) {
			r.j.room = 1
			_, _ = r.j.shipSome(context.Background(), math.MaxUint64)
		},
		"another one, which is asked twice": func(r *rig) {
			r.j.room = 1
			_, _ = r.j.shipSome(context.Background(), math.MaxUint64)
			r.house = newWarehouse()
			r.start(epoch)
			r.j.room = 1
			_, _ = r.j.shipSome(context.Background(), math.MaxUint64)
		},
	} {
		r := newRig(t, Config{KeepShares: keep})
		now := epoch
		do := func(n int) {
			for range n {
				r.share("alice", 10, now)
				r.books.Tick(now)
				if err := r.j.write(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.start(now)
		do(5)
		r.ship(now)
		do(4)
		first := r.house
		first.fail = func(what string) (error, error) {
			if what == "apply" {
				return nil, errAway // it is done, and the connection gone
			}
			return nil, nil
		}
		if r.j.shipAll(context.Background()) == nil {
			t.Fatal("there is no error")
		}
		first.fail = nil
		r.house = newWarehouse()
		r.start(now)
		between(r)
		r.house = first
		r.start(now)
		do(3)
		r.ship(now)
		if got := first.count(); got != 12 {
			t.Errorf("%s: the first has %d shares, want 12", name, got)
		}
		if got := accepted(r.books, now); got != 12 {
			t.Errorf("%s: the books have %d shares, want 12", name, got)
		}
	}
}

// TestRenamedUnheardOf: an instance that gets another name after the store took shares
// and nobody heard of it does not give them again.
func TestRenamedUnheardOf(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	now := epoch
	r.start(now)
	do := func(n int) {
		for range n {
			r.share("alice", 10, now)
			r.books.Tick(now)
		}
	}
	do(5)
	r.ship(now)
	do(4)
	r.house.fail = func(what string) (error, error) {
		if what == "apply" {
			return nil, errAway
		}
		return nil, nil
	}
	if err := r.j.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.j.shipAll(t.Context()) == nil {
		t.Fatal("there is no error")
	}
	r.house.fail = nil
	r.cfg.Instance = "there"
	r.start(now)
	do(3)
	r.ship(now)
	if got := r.house.count(); got != 12 {
		t.Errorf("the store has %d shares, want 12", got)
	}
}
