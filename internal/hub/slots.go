package hub

import (
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/work"
)

// wideSlot is from how many bytes on a slot space serves the whole process; of
// narrower ones there may be several, each for groups of its own.
const wideSlot = 4

// space is a set of slots of which no two miners have the same.
type space struct {
	slots       *extranonce.Space
	slot, miner int // bytes
}

// takeSlot finds a free slot for a layout that has one.
func (h *Hub) takeSlot(l extranonce.Layout) (s *space, slot work.Extranonce) {
	s = h.findSpace(l.Slot, l.Miner, func(s *space) (ok bool) {
		slot, ok = s.slots.Take(time.Now(), h.oldestLive)
		return ok
	})
	return s, slot
}

// spaceFor is the first slot space of a layout's widths.
func (h *Hub) spaceFor(l extranonce.Layout) *space {
	return h.findSpace(l.Slot, l.Miner, func(*space) bool { return true })
}

// nextSpace is the first space of a key's widths that has room for more than
// a few.
func (h *Hub) nextSpace(key groupKey) *space {
	return h.findSpace(key.slot, key.miner, func(s *space) bool {
		return float64(s.slots.Used()) < (1-reserve)*float64(s.slots.Capacity())
	})
}

// findSpace is the first space of some widths, in bytes, that will do, else a
// new one. That has room for anything, but willDo is called for it, too: it may
// take a slot.
func (h *Hub) findSpace(slot, miner int, willDo func(*space) bool) *space {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	for _, s := range h.spaces {
		if s.slot == slot && s.miner == miner && willDo(s) {
			return s
		}
	}
	start := uint32(randomUint64()) //nolint:gosec // random bits
	s := &space{slots: extranonce.NewSpace(slot, start), slot: slot, miner: miner}
	h.spaces = append(h.spaces, s)
	willDo(s)
	return s
}

// oldestLive is when the oldest job came that can still be worked on.
func (h *Hub) oldestLive() time.Time {
	oldest := time.Now()
	for _, g := range h.allGroups() {
		if at, ok := g.oldestLive(); ok && at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

func (g *group) oldestLive() (time.Time, bool) { return g.works.OldestLive(time.Now()) }
