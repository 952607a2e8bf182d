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
func (h *Hub) takeSlot(l extranonce.Layout) (*space, work.Extranonce) {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	now := time.Now()
	for _, s := range h.spaces {
		if s.slot != l.Slot || s.miner != l.Miner {
			continue
		}
		if slot, ok := s.slots.Take(now, h.oldestLive); ok {
			return s, slot
		}
	}
	s := h.newSpace(l)
	slot, _ := s.slots.Take(now, nil) // a new space has room
	return s, slot
}

// newSpace opens another slot space. h.slotMu is held.
func (h *Hub) newSpace(l extranonce.Layout) *space {
	start := uint32(randomUint64()) //nolint:gosec // random bits
	s := &space{slots: extranonce.NewSpace(l.Slot, start), slot: l.Slot, miner: l.Miner}
	h.spaces = append(h.spaces, s)
	return s
}

// spaceFor is the first slot space of a layout's widths.
func (h *Hub) spaceFor(l extranonce.Layout) *space {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	for _, s := range h.spaces {
		if s.slot == l.Slot && s.miner == l.Miner {
			return s
		}
	}
	return h.newSpace(l)
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

// nextSpace is the first space of a key's widths that has room for more than
// a few.
func (h *Hub) nextSpace(key groupKey) *space {
	h.slotMu.Lock()
	defer h.slotMu.Unlock()
	for _, s := range h.spaces {
		if s.slot == key.slot && s.miner == key.miner && float64(s.slots.Used()) < (1-reserve)*float64(s.slots.Capacity()) {
			return s
		}
	}
	return h.newSpace(extranonce.Layout{Slot: key.slot, Miner: key.miner})
}
