package hub

import (
	"testing"

	"github.com/loka/stratum/internal/mining"
)

// A share of a split route costs no allocation, whoever's it is, and is booked for its
// part: apart where the part is the miner's own.
func TestSharesOfASplit(t *testing.T) {
	a, b := &pool{PoolConfig: PoolConfig{Name: "a"}}, &pool{PoolConfig: PoolConfig{Name: "b"}}
	ro := &roster{byName: map[string]*pool{"a": a, "b": b}}
	r := &route{Shared: true}
	s := ro.newSplit(r, []PartConfig{{Pools: []string{"a"}, Weight: 1}, {Pools: []string{"b"}, Worker: "vip.*"}})
	unknown, other, vip := new(seat), new(seat), new(seat)
	other.worker.Store(mining.NewWorker("rig.1"))
	vip.worker.Store(mining.NewWorker("vip.1"))
	n := 0
	if allocs := testing.AllocsPerRun(100, func() {
		n++
		for _, m := range []*seat{unknown, other, vip} {
			s.worked(m, a, 1)
			s.worked(m, b, 1)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if all := float64(n); s.had[0].Load() != 3*all || s.own[0].Load() != 0 || s.had[1].Load() != 2*all || s.own[1].Load() != all {
		t.Errorf("of %d each: %v and %v for the first part, %v and %v for the second",
			n, s.had[0].Load(), s.own[0].Load(), s.had[1].Load(), s.own[1].Load())
	}
	if again := ro.newSplit(r, []PartConfig{{Pools: []string{"a"}, Worker: "vip.?"}, {Pools: []string{"b"}, Weight: 1}}); !again.atOwn(vip, 0) || again.atOwn(vip, 1) {
		t.Error("after another split the miner is for the part that it was")
	}
}
