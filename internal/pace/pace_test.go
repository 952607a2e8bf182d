package pace_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/pace"
)

func TestDue(t *testing.T) {
	var p pace.Pace
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {0, false}, {pace.Every - 1, false}, {pace.Every, true}, {pace.Every + 1, false}, {3 * pace.Every, true}} {
		if got := p.Due(start.Add(c.after)); got != c.want {
			t.Errorf("%v after the first: %t", c.after, got)
		}
	}
}

func TestOneOfManyPasses(t *testing.T) {
	var p pace.Pace
	var passed atomic.Int64
	var all sync.WaitGroup
	now := time.Unix(1_700_000_000, 0)
	for range 50 {
		all.Go(func() {
			if p.Due(now) {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 1 {
		t.Errorf("%d passed", passed.Load())
	}
}
