package sim

import (
	"encoding/binary"

	"github.com/loka/stratum/work"
)

// JobEvent is a job as one connection is told it.
type JobEvent struct {
	// Mark is the job's name in its coinbase: see ShareEvent.
	Mark uint64
	// Difficulty is the connection's at that time.
	Difficulty work.Difficulty
}

const (
	// scriptAt is where a coinbase's signature script has its length: after
	// the version, the count of inputs and the null outpoint.
	scriptAt = 4 + 1 + 32 + 4
	markSize = 8
)

// markOf reads the number of the pool's connection and of its job out of the
// first part of a coinbase, whose script begins with the height, the tag and
// the mark; 0 where it is none of ours.
func markOf(coinb1 []byte) uint64 {
	if len(coinb1) <= scriptAt+1 {
		return 0
	}
	script := coinb1[scriptAt+1:]
	for range 2 {
		script = script[min(len(script), pushed(script)):]
	}
	if len(script) < 1+markSize || script[0] != markSize {
		return 0
	}
	return binary.LittleEndian.Uint64(script[1:])
}

// pushed is how many bytes the first push of a script takes: a number below 17
// is its opcode alone.
func pushed(script []byte) int {
	if len(script) == 0 || script[0] > 75 {
		return 1
	}
	return 1 + int(script[0])
}

// appendMark appends what markOf reads: the low halves of both are unique
// enough.
func appendMark(dst []byte, conn, job uint64) []byte {
	return binary.LittleEndian.AppendUint64(dst, conn<<32|job&0xffffffff)
}
