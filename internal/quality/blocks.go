package quality

import (
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/work"
)

const (
	// blocksKept is how many of the latest blocks are remembered.
	blocksKept = 16
	// lateAtMost is how late a pool may be with a block and still count: past
	// that it was away, or on another chain.
	lateAtMost = 2 * time.Minute
)

// Blocks compares when pools come with the same new block. Its zero value is
// ready, and it is safe for any number of goroutines.
type Blocks struct {
	mu   sync.Mutex
	ring [blocksKept]block
	next int
}

// block is one that a pool's work follows.
type block struct {
	hash  work.Hash
	first time.Time
	// turned says that the first pool came to it from another.
	turned bool
	seen   []*Meter
}

// Saw is told that a pool gave work that follows a block. turned says that the
// pool was on another block before, on the same connection: one that has just
// been connected to is not late with what it begins with. A block counts for
// the pools that turned to it, once a second pool has it.
func (b *Blocks) Saw(m *Meter, hash work.Hash, at time.Time, turned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.ring[:], func(k block) bool { return len(k.seen) > 0 && k.hash == hash })
	if i < 0 {
		k := &b.ring[b.next]
		b.next = (b.next + 1) % blocksKept
		*k = block{hash: hash, first: at, turned: turned, seen: append(k.seen[:0], m)}
		return
	}
	k := &b.ring[i]
	if slices.Contains(k.seen, m) {
		return
	}
	k.seen = append(k.seen, m)
	late := max(at.Sub(k.first), 0)
	if late > lateAtMost {
		return
	}
	if k.turned {
		k.seen[0].blocks.add(0)
		k.turned = false // once
	}
	if turned {
		m.blocks.add(late)
	}
}
