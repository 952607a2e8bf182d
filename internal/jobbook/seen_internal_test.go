package jobbook

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// hashOf is a hash whose kept half is a number, and whose other is what all
// hashes of shares have.
func hashOf(n uint64) (h work.Hash) {
	binary.LittleEndian.PutUint64(h[0:8], n)
	binary.LittleEndian.PutUint64(h[8:16], n*0x9e3779b97f4a7c15)
	return h
}

// seenModel is the set as its documentation says it.
type seenModel struct {
	most       int
	young, old [seenShards]map[uint64]bool
}

func (m *seenModel) add(n uint64) bool {
	i := n % seenShards
	if m.young[i][n] || m.old[i][n] {
		return false
	}
	if len(m.young[i]) >= m.most {
		m.young[i], m.old[i] = nil, m.young[i]
	}
	if m.young[i] == nil {
		m.young[i] = make(map[uint64]bool)
	}
	m.young[i][n] = true
	return true
}

func TestSeenIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSeen(1)
		m := seenModel{most: s.most}
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			if rapid.IntRange(0, 15).Draw(t, "forget") == 0 {
				s.forget()
				m = seenModel{most: s.most}
			}
			// Runs of numbers that fill parts, from places that meet.
			from := rapid.Uint64Range(0, 3000).Draw(t, "from")
			step := rapid.SampledFrom([]uint64{1, seenShards}).Draw(t, "step")
			for i := range uint64(rapid.IntRange(1, 200).Draw(t, "shares")) {
				n := from + i*step
				if got, want := s.add(hashOf(n)), m.add(n); got != want {
					t.Fatalf("share %d is new: %t, want %t", n, got, want)
				}
			}
		}
	})
}

func TestSeenIsBounded(t *testing.T) {
	s := newSeen(4096)
	for n := range uint64(100_000) {
		s.add(hashOf(n))
	}
	for i := range s.shards {
		for _, g := range []*generation{&s.shards[i].young, &s.shards[i].old} {
			if len(g.slots) > 2*s.most || g.used > s.most {
				t.Errorf("part %d has %d of %d slots, want at most %d shares", i, g.used, len(g.slots), s.most)
			}
		}
	}
	// What came last is remembered: half of the bound at least.
	for n := uint64(100_000 - 2048); n < 100_000; n++ {
		if s.add(hashOf(n)) {
			t.Fatalf("share %d was forgotten", n)
		}
	}
}

// A hash whose kept half is zero takes part like any other.
func TestSeenZero(t *testing.T) {
	s := newSeen(1)
	if !s.add(work.Hash{}) || s.add(work.Hash{}) {
		t.Error("the zero hash is not new once and only once")
	}
}

// Large tables are let go, small ones are kept for the next block.
func TestForgetLetsGo(t *testing.T) {
	s := newSeen(1 << 18)
	for n := range uint64(100_000) {
		s.add(hashOf(n))
	}
	s.forget()
	for i := range s.shards {
		if room := len(s.shards[i].young.slots); room > 2*seenKept {
			t.Errorf("part %d keeps %d slots", i, room)
		}
	}
	if !s.add(hashOf(7)) {
		t.Error("a forgotten share is known")
	}
}

// Of goroutines that hand in the same shares exactly one is first with each.
func TestSeenByManyAtOnce(t *testing.T) {
	const shares, hands = 20_000, 8
	s := newSeen(1 << 18)
	var first [shares]atomic.Int32
	var all sync.WaitGroup
	for hand := range uint64(hands) {
		all.Go(func() {
			for i := range uint64(shares) {
				n := (i + hand*shares/hands) % shares
				if s.add(hashOf(n)) {
					first[n].Add(1)
				}
			}
		})
	}
	all.Wait()
	for n := range first {
		if got := first[n].Load(); got != 1 {
			t.Fatalf("share %d was new %d times", n, got)
		}
	}
}

func TestSeenAllocatesNothing(t *testing.T) {
	s := newSeen(1)
	n := uint64(0)
	for range 8 * 2 * seenStart * seenShards { // both generations of all parts have their room
		n++
		s.add(hashOf(n))
	}
	allocs := testing.AllocsPerRun(10*seenStart*seenShards, func() {
		n++
		s.add(hashOf(n))
		s.add(hashOf(n))
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
