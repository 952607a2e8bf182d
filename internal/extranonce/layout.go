package extranonce

import (
	"encoding/binary"
	"fmt"

	"github.com/loka/stratum/work"
)

const (
	// MinPoolSize and MaxPoolSize bound a pool's extranonce2 size, in bytes.
	MinPoolSize, MaxPoolSize = 2, 16
	// MaxFloor bounds the least extranonce2 size that can be asked for a
	// miner, in bytes: cgminer never submits with more than 8.
	MaxFloor = 8

	slotSize  = 4 // of a slot where there is room
	minerSize = 4 // of a miner's extranonce2 where there is room
)

// SizeError says that a size is outside of what a layout can be made for.
type SizeError struct {
	// What is "pool extranonce2 size" or "extranonce2 floor".
	What string
	// Size is the one given; Min and Max bound the legal ones. In bytes.
	Size, Min, Max int
}

// Error names the size and its bounds.
func (e *SizeError) Error() string {
	return fmt.Sprintf("%s %d is not within %d to %d bytes", e.What, e.Size, e.Min, e.Max)
}

// Layout says how a pool's extranonce2 is divided. All sizes are in bytes.
type Layout struct {
	// PoolSize is the size of the pool's extranonce2.
	PoolSize int
	// Pad is the size of the bytes that a link puts before the slot.
	Pad int
	// Slot is the size of what a miner is told as its extranonce1; 0 when
	// PassThrough.
	Slot int
	// Miner is the size of the miner's own extranonce2.
	Miner int
	// PassThrough says that the pool's own E1 is the miner's extranonce1 and
	// that nobody else can share the pool's connection.
	PassThrough bool
}

// Plan returns the layout for a pool's extranonce2 of poolSize bytes (2 to 16)
// and miners that need an extranonce2 of floor bytes at least (0 to 8; 0 is no
// need). Else the error is a [*SizeError].
//
//	poolSize   slot          miner
//	8 to 16    4             4
//	5 to 7     poolSize-4    4
//	4          1             3
//	2, 3       passed through
//
// A floor above that miner size takes its bytes from the pad, then from the
// slot; where it leaves no byte for a slot the pool is passed through. The
// layout's Miner is then poolSize, which may be below the floor: the caller
// decides what that means.
func Plan(poolSize, floor int) (Layout, error) {
	if err := checkPoolSize(poolSize); err != nil {
		return Layout{}, err
	}
	if floor < 0 || floor > MaxFloor {
		return Layout{}, &SizeError{What: "extranonce2 floor", Size: floor, Max: MaxFloor}
	}
	miner := max(min(minerSize, poolSize-1), floor)
	if poolSize < 4 || miner >= poolSize {
		return Layout{PoolSize: poolSize, Miner: poolSize, PassThrough: true}, nil
	}
	slot := min(slotSize, poolSize-miner)
	return Layout{PoolSize: poolSize, Pad: poolSize - slot - miner, Slot: slot, Miner: miner}, nil
}

func checkPoolSize(n int) error {
	if n < MinPoolSize || n > MaxPoolSize {
		return &SizeError{What: "pool extranonce2 size", Size: n, Min: MinPoolSize, Max: MaxPoolSize}
	}
	return nil
}

// Fits returns the layout with which a miner that was told l can work for a
// pool of another extranonce2 size: the same Slot and Miner, another Pad. ok
// is false where there is none. A layout that passes through fits the same
// size only, and only for a miner that follows a change of its extranonce1.
func Fits(l Layout, poolSize int) (fitted Layout, ok bool) {
	pad := poolSize - l.Slot - l.Miner
	if checkPoolSize(poolSize) != nil || pad < 0 || l.PassThrough && pad != 0 {
		return Layout{}, false
	}
	l.PoolSize, l.Pad = poolSize, pad
	return l, true
}

// Head returns the pad of a link: the lowest Pad bytes of the given number,
// most significant first, after zeros where it has more than 8. A link draws
// the number once, at random.
func (l Layout) Head(pad uint64) work.Extranonce {
	var b [MaxPoolSize]byte
	binary.BigEndian.PutUint64(b[len(b)-8:], pad)
	e, _ := work.MakeExtranonce(b[len(b)-l.Pad:])
	return e
}

// Told returns the extranonce1 that a miner is told: its slot, or the pool's
// E1 when PassThrough.
func (l Layout) Told(en1, slot work.Extranonce) work.Extranonce {
	if l.PassThrough {
		return en1
	}
	return slot
}

// AppendPrefix appends the coinb1 that a miner is sent: the pool's coinb1, E1
// and the pad, or the pool's coinb1 alone when PassThrough.
func (l Layout) AppendPrefix(dst, coinb1 []byte, en1, pad work.Extranonce) []byte {
	dst = append(dst, coinb1...)
	if l.PassThrough {
		return dst
	}
	return pad.Append(en1.Append(dst))
}

// Upstream returns the pool's extranonce2 for a share, pad ‖ slot ‖ miner. ok
// is false where a part has not the layout's size; when PassThrough pad and
// slot are empty.
func (l Layout) Upstream(pad, slot, miner work.Extranonce) (en2 work.Extranonce, ok bool) {
	if pad.Len() != l.Pad || slot.Len() != l.Slot || miner.Len() != l.Miner {
		return work.Extranonce{}, false
	}
	head, ok := pad.Concat(slot)
	if !ok {
		return work.Extranonce{}, false
	}
	return head.Concat(miner)
}
