package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// Submit is one share as it is handed to the pool.
type Submit struct {
	// Job is the job the share belongs to, as this session made it.
	Job *mining.Job
	// Worker is the name the pool knows.
	Worker string
	// Extranonce2 is the pool's full extranonce2, Job.Extranonce2Size bytes.
	Extranonce2 work.Extranonce
	NTime       work.NTime
	Nonce       work.Nonce
	// VersionBits are the rolled bits, meaningful when HasVersionBits.
	VersionBits    work.VersionMask
	HasVersionBits bool
	// Version is the whole version that was searched with, meaningful when
	// HasVersion. The bits are then made of it by the pool's Reading, and
	// VersionBits is not looked at.
	Version    work.Version
	HasVersion bool
	Reading    work.VersionReading
	// Block says that the share meets the network's target: it is sent although
	// the pool owes as many answers as it may, up to as many again.
	Block bool
	// Tag comes back with the verdict.
	Tag uint64
}

// CanSubmit says that a submit will get a verdict: the session is subscribed
// and has not been flooded with shares that it cannot send.
func (s *V1) CanSubmit() bool { return s.state == Steady && len(s.local) < s.cfg.MaxPending }

// Submit hands in a share. Its verdict comes as an event under its tag; one
// that cannot be sent (line too long, extranonce2 of the wrong size, job
// missing: Invalid; too many unanswered: Unanswered) gets an event of ours at
// the next Line or Tick. While [V1.CanSubmit] is false nothing is sent and no
// event comes.
//
// VersionBits go as they are, masked to what the pool granted when the
// job came or grants now. A pool that granted no mask is sent five parameters
// whatever the miner rolled: miners rented through MRR send a sixth unasked,
// mostly zero; one that rolled all the same missed its target, and the pool
// says so. A version that a pool of this reading cannot come to is sent as close
// as it can be: should the reading be wrong, a block is not lost by it.
func (s *V1) Submit(sub Submit, now time.Time, out []byte) []byte {
	if !s.CanSubmit() {
		return out
	}
	if sub.Job == nil || sub.Extranonce2.Len() != sub.Job.Extranonce2Size {
		s.refuse(Verdict, sub.Tag, now, "extranonce2 is not of the pool's size")
		return out
	}
	most := s.cfg.MaxPending
	if sub.Block {
		most *= 2
	}
	if !s.room(most, now) {
		s.giveBack(Verdict, sub.Tag, now)
		return out
	}
	mark := len(out)
	out = s.appendSubmit(out, s.asks.next, &sub)
	if len(out)-mark > maxEmit {
		s.refuse(Verdict, sub.Tag, now, "the line would be too long for a pool")
		return out[:mark]
	}
	s.asks.put(askSubmit, sub.Tag, now)
	s.counts.Submits++
	return out
}

func (s *V1) appendSubmit(out []byte, id uint64, sub *Submit) []byte {
	c := &s.scratch
	c.worker = append(c.worker[:0], sub.Worker...)
	c.job = append(c.job[:0], sub.Job.Ref...)
	c.submit = sv1.Submit{
		Worker:      c.worker,
		JobID:       c.job,
		Extranonce2: sub.Extranonce2,
		NTime:       sub.NTime,
		Nonce:       sub.Nonce,
	}
	switch mask := s.mask | sub.Job.VersionMask; {
	case mask == 0:
	case sub.HasVersion:
		c.submit.VersionBits, _ = sub.Reading.Bits(sub.Job.Version, sub.Version, mask)
		c.submit.HasVersionBits = true
	case sub.HasVersionBits:
		c.submit.VersionBits, c.submit.HasVersionBits = sub.VersionBits&mask, true
	}
	return c.submit.Append(out, s.id(id))
}
