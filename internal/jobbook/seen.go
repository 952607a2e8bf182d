package jobbook

import (
	"encoding/binary"
	"sync"

	"github.com/loka/stratum/work"
)

const (
	// seenShards is in how many parts shares are kept, so that two goroutines
	// seldom meet.
	seenShards = 16
	// seenStart is the least room of a part, in shares.
	seenStart = 64
	// seenKept is the most room of a part that is kept for the next block.
	seenKept = 1 << 10
)

// seen remembers shares by their header's hash. Each part has two
// generations: when the younger is full, the older is forgotten and the
// younger takes its place. So a share is remembered at least until as many
// others came as a generation holds.
type seen struct {
	most   int // of a generation
	shards [seenShards]seenShard
}

type seenShard struct {
	mu         sync.Mutex
	young, old generation
	_          [64]byte // so that no two parts share a cache line
}

// mark is what is kept of a hash: its half that no difficulty makes zero.
type mark [2]uint64

// generation is an open-addressed table that is at most half full.
type generation struct {
	slots []mark // a power of two, empty ones zero
	used  int
}

func newSeen(shares int) *seen {
	s := &seen{most: seenStart}
	for s.most*2*seenShards < shares {
		s.most *= 2
	}
	return s
}

// add remembers a share and says whether it is new.
func (s *seen) add(h work.Hash) bool {
	p := mark{binary.LittleEndian.Uint64(h[0:8]), binary.LittleEndian.Uint64(h[8:16])}
	if p == (mark{}) {
		p[1] = 1
	}
	shard := &s.shards[p[0]%seenShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.young.has(p) || shard.old.has(p) {
		return false
	}
	if shard.young.used >= s.most {
		shard.young, shard.old = shard.old, shard.young
		clear(shard.young.slots)
		shard.young.used = 0
	}
	shard.young.put(p)
	return true
}

// forget forgets all shares: none of them can count any more.
func (s *seen) forget() {
	if s == nil {
		return
	}
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		shard.young.reset()
		shard.old.reset()
		shard.mu.Unlock()
	}
}

func (g *generation) has(p mark) bool {
	if g.used == 0 {
		return false
	}
	return g.slots[g.find(p)] == p
}

// find returns where p is, or the empty slot where it belongs.
func (g *generation) find(p mark) uint64 {
	mask := uint64(len(g.slots) - 1) //nolint:gosec // there are slots
	i := p[1] & mask
	for g.slots[i] != p && g.slots[i] != (mark{}) {
		i = (i + 1) & mask
	}
	return i
}

func (g *generation) put(p mark) {
	if 2*g.used >= len(g.slots) {
		old := g.slots
		g.slots = make([]mark, max(2*seenStart, 2*len(old)))
		for _, q := range old {
			if q != (mark{}) {
				g.slots[g.find(q)] = q
			}
		}
	}
	g.slots[g.find(p)] = p
	g.used++
}

// reset empties the table; what a busy block made large is let go.
func (g *generation) reset() {
	if len(g.slots) > 2*seenKept {
		g.slots = nil
	} else if g.used > 0 {
		clear(g.slots)
	}
	g.used = 0
}
