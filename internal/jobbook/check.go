package jobbook

import (
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// MaxNTimeRoll is how far past its work's time a share's may be, in seconds:
// what btcpool takes; no firmware rolls further than a few.
const MaxNTimeRoll = 600

// What a miner is told of an invalid share.
const (
	textNTime       = "Ntime out of range"
	textVersionBits = "Invalid version bits"
)

// Claim is a share and what is known of whoever hands it in.
type Claim struct {
	Share *mining.Share
	// Extranonce1 is what the miner was told.
	Extranonce1 work.Extranonce
	// Mask is every version bit that the miner was ever granted; what counts
	// is what of it the work allows.
	Mask work.VersionMask
	// Told is which difficulties the miner was told when.
	Told *vardiff.History
	// Stranger says that nobody who was let in hands it in: it is
	// Unauthorized, whatever it is worth.
	Stranger bool
	// Unpaid says that stale work is all that the miner has: its shares are
	// judged like any, but the best that they can be is Unpaid.
	Unpaid bool
}

// Finding is what a check found.
type Finding struct {
	// Verdict is what the miner is told, with Text in place of the verdict's
	// usual words if it is not empty.
	Verdict mining.Verdict
	Text    string
	// Work is what the share is of; nil where that is not known. What follows
	// is zero then.
	Work *mining.Work
	// Version is the header's, Rolled says that it may differ from the job's.
	Version work.Version
	Rolled  bool
	// Hash is the header's, with Version: the block's, where it is a Block.
	Hash work.Hash
	// Credited is the difficulty that the share counts with if it is
	// accepted, Reached that of its hash.
	Credited, Reached work.Difficulty
	// Forward says that the share goes to the pool: it is accepted and meets
	// the pool's target, or it is a Block, whatever else is wrong with it.
	Forward, Block bool
}

// coinbases lends memory to build coinbases in.
//
//nolint:gochecknoglobals // a pool is shared by all books by its nature
var coinbases = sync.Pool{New: func() any { return new([]byte) }}

// Check judges a share: job, time, version bits, hash and duplicates, in this
// order. What the claim's extranonce2 is as wide as is for the caller to see
// to. A hash that meets the network's target is forwarded whatever the
// verdict is, but only once. It does not allocate.
func (b *Book) Check(c *Claim, now time.Time) Finding {
	s := c.Share
	e := b.find(s.Job, now)
	if e == nil || !s.Known {
		if c.Stranger {
			return Finding{Verdict: mining.Unauthorized}
		}
		return Finding{Verdict: mining.JobNotFound}
	}
	w := e.work
	if s.NTime == 0 { // btcpool's agent: the job's own time
		s.NTime = w.NTime
	}
	// Bits that the job has set itself are not offered, but firmware that was
	// granted them before may go on with them.
	mask := c.Mask & (w.VersionMask | work.VersionMask(w.Job.Version))
	f := Finding{Work: w, Version: w.Job.Version, Rolled: s.HasVersionBits || mask != 0}
	hash, met := c.solve(w, mask, now, &f)
	f.Hash = hash
	illegal := s.HasVersionBits && !mask.Allows(s.VersionBits)
	f.Reached = hash.Difficulty()
	f.Block = e.network.Met(hash)
	switch {
	case c.Stranger:
		f.Verdict = mining.Unauthorized
		f.Block = f.Block && b.seen.add(hash)
	case e.stale && !c.Unpaid:
		f.Verdict = mining.Stale
		f.Block = f.Block && b.seen.add(hash)
	case s.NTime < w.Job.NTime || s.NTime-w.Job.NTime > w.NTime-w.Job.NTime+MaxNTimeRoll:
		f.Verdict, f.Text = mining.Invalid, textNTime
		f.Block = f.Block && b.seen.add(hash)
	case illegal:
		f.Verdict, f.Text = mining.Invalid, textVersionBits
		f.Block = f.Block && b.seen.add(hash)
	case !met && !f.Block:
		f.Verdict = mining.LowDifficulty
	case !b.seen.add(hash):
		f.Verdict = mining.Duplicate
		return f
	case !met:
		f.Verdict = mining.LowDifficulty
	case e.stale:
		f.Verdict = mining.Unpaid
	default:
		f.Verdict = mining.Accepted
		f.Forward = e.pool.Met(hash)
	}
	f.Forward = f.Forward || f.Block
	return f
}

// Hash is the hash of a share's header: w's, for a miner that was told an
// extranonce1, with the version that it hashed.
func Hash(w *mining.Work, extranonce1 work.Extranonce, s *mining.Share, v work.Version) work.Hash {
	return header(w, root(w, extranonce1, s), s, v).Hash()
}

// root is the merkle root of the block that a share is of.
func root(w *mining.Work, extranonce1 work.Extranonce, s *mining.Share) work.Hash {
	scratch, _ := coinbases.Get().(*[]byte)
	*scratch = work.AppendCoinbase((*scratch)[:0], w.Prefix, extranonce1, s.Extranonce2, w.Job.CoinbaseSuffix)
	id := work.DoubleSHA256(*scratch)
	coinbases.Put(scratch)
	return work.MerkleRoot(id, w.Job.Branches)
}

func header(w *mining.Work, root work.Hash, s *mining.Share, v work.Version) work.Header {
	return work.Header{
		Version: v, PrevHash: w.Job.PrevHash, MerkleRoot: root,
		NTime: s.NTime, NBits: w.Job.NBits, Nonce: s.Nonce,
	}
}

// solve finds the version that the miner hashed: the share's bits in place of
// the job's (BIP 310), set in addition, or flipped. They are one unless the job
// has bits of the mask itself, which the miner was not offered then; the best
// hash that meets a difficulty is taken for the miner's. Where none does it is
// what the miner should have done. Bits that the miner may not roll are taken
// along, for the share may be a block.
func (c *Claim) solve(w *mining.Work, mask work.VersionMask, now time.Time, f *Finding) (hash work.Hash, met bool) {
	bits := c.Share.VersionBits
	if !c.Share.HasVersionBits {
		bits = 0
	}
	mask |= bits
	first := mask
	if offered := c.Mask & w.VersionMask; offered.Allows(bits) {
		first = offered // as it was told to: the job's own bits stay
	}
	root := root(w, c.Extranonce1, c.Share)
	readings := [...]work.Version{
		first.Replace(w.Job.Version, bits),
		mask.Replace(w.Job.Version, bits), mask.Or(w.Job.Version, bits), mask.Xor(w.Job.Version, bits),
	}
	for i, v := range readings {
		if slices.Contains(readings[:i], v) {
			continue
		}
		h := header(w, root, c.Share, v).Hash()
		credited, ok := c.Told.Met(w.ID, h, now)
		if i > 0 && (!ok || met && hash.Target().Cmp(h.Target()) <= 0) {
			continue
		}
		f.Version, f.Credited, hash, met = v, credited, h, ok
	}
	return hash, met
}
