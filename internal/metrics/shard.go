package metrics

import (
	"sync/atomic"
	"unsafe"

	"github.com/loka/stratum/internal/atomics"
)

// shards is the number of places that a sharded value is kept in, a power of
// two. It is well above the cores that a proxy runs on, so that two goroutines
// which count at one time seldom meet.
const (
	shardBits = 5
	shards    = 1 << shardBits
)

// padded is the least distance of two values that different cores write: two
// cache lines, for processors fetch them in pairs.
const padded = 128

// shard picks a place by the address of the caller's stack. A goroutine keeps
// to one place for as long as its stack stays where it is, and goroutines that
// run at the same time have different stacks; no lock, no allocation and no
// help of the scheduler is needed. Where two meet nothing is lost, only time.
func shard() int {
	//gcassert:noescape
	var here byte
	at := uint64(uintptr(unsafe.Pointer(&here))) //nolint:gosec // the address is a number to hash; nothing is read through it
	// A stack is at least 2 KiB and aligned to its size.
	return int((at >> 11) * 0x9e3779b97f4a7c15 >> (64 - shardBits))
}

// sum is a number that only grows, exact for whole numbers up to 2^64.
type sum struct {
	whole atomic.Uint64
	part  atomics.Float64
}

// add adds v. What is negative or no number is not added: it would spoil the
// sum for good.
func (s *sum) add(v float64) {
	if n := int64(v); n >= 0 && float64(n) == v {
		s.whole.Add(uint64(n))
		return
	}
	if v >= 0 {
		s.part.Add(v)
	}
}
