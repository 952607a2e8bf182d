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
	// Clean says that it makes the connection's earlier jobs worthless.
	Clean bool
}

// A mark is the number of the pool's connection, whose highest byte is the
// pool's, and the number of the job there.
const (
	numberShift = 24
	connShift   = 32
)

// MarkPool is the number of the pool whose job has the mark.
func MarkPool(mark uint64) uint8 { return uint8(mark >> (connShift + numberShift)) }

// MarkConn is the number of the pool's connection that was told the job.
func MarkConn(mark uint64) uint64 { return mark >> connShift }

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
	return binary.LittleEndian.AppendUint64(dst, conn<<connShift|job&0xffffffff)
}
