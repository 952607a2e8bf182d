package sim

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/loka/stratum/work"
)

const (
	// noncesPerHeader is how many nonces are tried before the version or the
	// extranonce2 changes. Real devices try all of them; here there is no time.
	noncesPerHeader = 1024
	// versionsPerExtranonce is how many versions are tried before the
	// extranonce2 changes.
	versionsPerExtranonce = 4
	// maxTickTime bounds the hashing of one tick, so that a machine that is too
	// slow, or busy with other things, mines slower and still answers. What a
	// tick did not get to is not made up for later.
	maxTickTime = minTick / 2
	// clockEvery is how many hashes are done between looks at the clock.
	clockEvery = 256
)

// search is where a miner is in its job. The order is nonces, then version
// bits, then extranonce2; when that has gone round, the next nonces.
type search struct {
	extranonce uint64 // the extranonce2's counter
	first      uint64 // the counter's start
	versions   uint32 // of this extranonce2, tried
	nonceBase  uint32
	tried      uint32 // nonces of this header
	en2        work.Extranonce
	bits       work.VersionMask
	header     work.Header
	coinbase   []byte
	debt       float64 // hashes that the clock allows and that are not done
}

// start begins a job.
func (q *search) start(s *session) {
	q.first = 0
	if s.manner.fixedEn2 {
		q.first = s.m.rng.Uint64()
	}
	q.restart(s)
}

// restart begins the present job again, with another extranonce1 perhaps.
func (q *search) restart(s *session) {
	q.extranonce, q.versions, q.nonceBase, q.tried = q.first, 0, 0, 0
	q.build(s)
}

// build makes the header of the present extranonce2 and version.
func (q *search) build(s *session) {
	job := s.job
	var en2 [16]byte
	binary.LittleEndian.PutUint64(en2[:8], q.extranonce)
	q.en2, _ = work.MakeExtranonce(en2[:min(s.en2Size, len(en2))])
	n := &job.notify
	q.coinbase = work.AppendCoinbase(q.coinbase[:0], n.Coinb1, job.en1, q.en2, n.Coinb2)
	q.bits = deposit(q.versions, s.rollable())
	q.header = work.Header{
		Version: s.version(n.Version, q.bits), PrevHash: n.PrevHash, NBits: n.NBits,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(q.coinbase), n.Branches),
	}
}

// next goes on to the next header.
func (q *search) next(s *session) {
	q.tried = 0
	q.versions++
	limit := uint32(1)
	if mask := s.rollable(); mask != 0 {
		limit = min(versionsPerExtranonce, uint32(1)<<min(bits.OnesCount32(uint32(mask)), 8))
	}
	if q.versions >= limit {
		q.versions = 0
		q.advance(s)
	}
	q.build(s)
}

// advance counts the extranonce2 on.
func (q *search) advance(s *session) {
	if s.manner.fixedEn2 {
		q.nonceBase += noncesPerHeader
		return
	}
	q.extranonce++
	if width := 8 * s.en2Size; width < 64 && q.extranonce>>width != 0 {
		q.extranonce = 0
		q.nonceBase += noncesPerHeader
	}
}

// mine hashes as much as the miner's rate allows for the time that has passed.
func (s *session) mine(now time.Time, since time.Duration) {
	q := &s.search
	q.debt += s.m.swarm.cfg.Hashrate * since.Seconds()
	job := s.job
	rolled := min(uint32(max(now.Sub(job.at)/time.Second, 0)), s.manner.rollSeconds) //nolint:gosec // min makes it small
	var done uint64
	for ; q.debt >= 1 && len(s.queue) < s.m.swarm.cfg.MaxPending; q.debt-- {
		if q.tried >= noncesPerHeader {
			q.next(s)
		}
		q.header.NTime = job.notify.NTime + work.NTime(rolled)
		q.header.Nonce = work.Nonce(q.nonceBase + q.tried)
		q.tried++
		if done++; done%clockEvery == 0 && time.Since(now) > maxTickTime {
			q.debt = 0
			break
		}
		if hash := q.header.Hash(); job.target.Met(hash) {
			s.found(&share{job: job, header: q.header, hash: hash, en2: q.en2, bits: q.bits, at: now})
		}
	}
	s.m.count(func(st *MinerStats) { st.Hashes += done })
}

// rollable is the mask as far as it makes a difference: who can only set bits
// leaves out those that the template has set.
func (s *session) rollable() work.VersionMask {
	if s.manner.rolling == RuleOr {
		return s.mask &^ work.VersionMask(s.job.notify.Version)
	}
	return s.mask
}

// version is the header's version when bits are rolled.
func (s *session) version(v work.Version, rolled work.VersionMask) work.Version {
	switch s.manner.rolling {
	case RuleBIP310:
		if s.mask != 0 {
			return s.mask.Replace(v, rolled)
		}
	case RuleOr:
		return s.mask.Or(v, rolled)
	case RuleXor:
		return s.mask.Xor(v, rolled)
	}
	return v
}

// deposit spreads the low bits of n over the set bits of the mask.
func deposit(n uint32, mask work.VersionMask) (spread work.VersionMask) {
	for m := mask; m != 0 && n != 0; m &= m - 1 {
		if n&1 != 0 {
			spread |= m & -m
		}
		n >>= 1
	}
	return spread
}

func newRand(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // repeatable on purpose
}
