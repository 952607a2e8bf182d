package extranonce

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/loka/stratum/work"
)

const (
	// Quarantine is for how long a freed slot is not given again at least: as
	// long as jobs are remembered.
	Quarantine = 180 * time.Second
	// maxResting bounds the freed slots that are remembered. Spaces of one
	// and two bytes do not have more.
	maxResting = 1 << 16
)

// Space says who has which slot: no two miners on work of the same job may
// have the same one, for they would search the same hashes.
//
// Slots are given from a first one upward, wrapping around, and when each has
// been given the one that was freed longest ago comes first. A freed slot is
// not given before it has rested for [Quarantine], and for as long as there is
// work that its last miner may have searched.
//
// Spaces of three and four bytes remember a resting slot for [Quarantine] only,
// and at most 65,536 of them: what is forgotten is not given again before the
// space has gone round. A slot could be given within its quarantine only once
// the first round is over, which takes 2^24 or 2^32 miners, and then only
// while more than 364 slots a second are freed for three minutes.
//
// Memory is bounded by the slots in use and the resting ones. Take and Free
// take constant time, amortised, while at most half of a space of three or
// four bytes is in use, and in narrower spaces always. It is safe for
// concurrent use, by a mutex: it is not on a share's path.
type Space struct {
	size     int    // of a slot, in bytes
	capacity uint64 // in slots
	most     int    // resting slots

	mu sync.Mutex // guards what follows
	// next and left are the present round: the slot to be given next, and how
	// many are left to be looked at.
	next uint32
	left uint64
	// taken has the slots that are in use, as true, and those that rest.
	taken map[uint32]bool
	used  int
	// resting are the slots that rest, the one freed first at head.
	resting []rest
	head    int
	// lost says that resting slots were forgotten in this round or since.
	lost bool
}

type rest struct {
	slot  uint32
	freed time.Time
}

// NewSpace returns a space of slots of size bytes, 1 to 4; other sizes count
// as the nearest of these. The first slot that is given is the lowest size
// bytes of start, which is to be random: after a restart of the proxy, miners
// should not search again what others have.
func NewSpace(size int, start uint32) *Space {
	size = min(max(size, 1), slotSize)
	return newSpace(size, start, 1<<(8*size), maxResting)
}

func newSpace(size int, start uint32, capacity uint64, most int) *Space {
	return &Space{
		size: size, capacity: capacity, most: most,
		next: uint32(uint64(start) % capacity), left: capacity, //nolint:gosec // below 2^32
		taken: make(map[uint32]bool),
	}
}

// Take gives a slot that nobody has: its number, most significant byte first.
// ok is false when there is none. live returns when the oldest job was
// received that shares still count for, or now where there is no job; nil is
// no such condition. It is asked only when a slot has to be given again, with
// the space's mutex held.
func (s *Space) Take(now time.Time, live func() time.Time) (slot work.Extranonce, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.fresh()
	if !ok {
		n, ok = s.rested(now, live)
	}
	if !ok {
		return work.Extranonce{}, false
	}
	s.taken[n] = true
	s.used++
	return s.extranonce(n), true
}

// fresh returns the next slot of the round that is neither in use nor resting.
// It needs mu.
func (s *Space) fresh() (n uint32, ok bool) {
	if s.left == 0 && s.lost {
		s.left, s.lost = s.capacity, false
	}
	for s.left > 0 {
		n = s.next
		s.next = uint32((uint64(n) + 1) % s.capacity) //nolint:gosec // below 2^32
		s.left--
		if _, taken := s.taken[n]; !taken {
			return n, true
		}
	}
	return 0, false
}

// rested returns the slot that was freed longest ago if it may be given
// again. It needs mu.
func (s *Space) rested(now time.Time, live func() time.Time) (n uint32, ok bool) {
	if s.head == len(s.resting) {
		return 0, false
	}
	r := s.resting[s.head]
	if now.Sub(r.freed) < Quarantine || live != nil && !r.freed.Before(live()) {
		return 0, false
	}
	s.forget()
	return r.slot, true
}

// Free takes a slot back. One that is not in use changes nothing.
func (s *Space) Free(slot work.Extranonce, now time.Time) {
	n, ok := s.number(slot)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok || !s.taken[n] {
		return
	}
	for s.size > 2 && s.head < len(s.resting) && now.Sub(s.resting[s.head].freed) >= Quarantine {
		s.drop() // a wide space does not come back to it for long
	}
	if len(s.resting)-s.head == s.most {
		s.drop()
	}
	s.taken[n] = false
	s.used--
	s.resting = append(s.resting, rest{n, now})
}

// drop takes the head of the resting slots for one that was never given: it
// comes again when the space has gone round. It needs mu.
func (s *Space) drop() {
	delete(s.taken, s.resting[s.head].slot)
	s.forget()
	s.lost = true
}

// forget removes the head of the resting slots. It needs mu.
func (s *Space) forget() {
	s.head++
	if 2*s.head >= len(s.resting) {
		s.resting = s.resting[:copy(s.resting, s.resting[s.head:])]
		s.head = 0
	}
}

// Used is how many slots are in use.
func (s *Space) Used() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// Capacity is how many slots there are.
func (s *Space) Capacity() uint64 { return s.capacity }

func (s *Space) extranonce(n uint32) work.Extranonce {
	var b [slotSize]byte
	binary.BigEndian.PutUint32(b[:], n)
	e, _ := work.MakeExtranonce(b[slotSize-s.size:])
	return e
}

// number reads what extranonce makes.
func (s *Space) number(slot work.Extranonce) (n uint32, ok bool) {
	if slot.Len() != s.size {
		return 0, false
	}
	for _, b := range slot.Append(make([]byte, 0, slotSize)) {
		n = n<<8 | uint32(b)
	}
	return n, true
}
