package hub

import (
	"encoding/binary"
	"slices"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// maxHanded is of how many shares of a dedicated miner it is remembered that it has handed
// them in: the pool judges them, but a pool that calls everything a duplicate must not have
// its miners taken for offenders.
const maxHanded = 64

// handed remembers the latest shares that a miner has handed in, by the half of the hash
// that no difficulty makes zero. Its zero value is ready.
type handed struct {
	latest []uint64
	next   int
}

// again notes a share, and says whether it was handed in before.
func (h *handed) again(hash work.Hash) bool {
	mark := binary.LittleEndian.Uint64(hash[:8])
	switch {
	case slices.Contains(h.latest, mark):
		return true
	case len(h.latest) < maxHanded:
		h.latest = append(h.latest, mark)
	default:
		h.latest[h.next] = mark
		h.next = (h.next + 1) % maxHanded
	}
	return false
}

// excuses says that a pool's refusal is no fault of the miner's: the work was done, and
// not handed in before.
func (s *share) excuses(v mining.Verdict) bool {
	switch v { //nolint:exhaustive // the others are no refusals, or of what came before
	case mining.Invalid, mining.LowDifficulty, mining.JobNotFound, mining.Unauthorized:
		return s.hash.Difficulty() >= s.difficulty
	case mining.Duplicate:
		return !s.again && s.hash.Difficulty() >= s.difficulty
	}
	return false
}
