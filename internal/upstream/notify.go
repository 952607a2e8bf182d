package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// Bounds of a job. A pool is not trusted: firmware has overflowed on less
// (bmminer on a coinbase1 of more than 8192 hex digits).
const (
	// MaxCoinbasePart is the most bytes of either half of a coinbase; 16 KiB of hex.
	MaxCoinbasePart = 8 << 10
	maxRef          = 128 // bytes of a job id
)

// notify makes a job of mining.notify. Before the subscribe reply it is held,
// the newest only, until the extranonce is known.
func (s *V1) notify() error {
	var m sv1.Notify // fresh each time: the job keeps its memory
	if err := m.Decode(s.msg.Params); err != nil {
		return s.skip(err.Error())
	}
	switch {
	case len(m.Coinb1) > MaxCoinbasePart || len(m.Coinb2) > MaxCoinbasePart:
		return s.skip("job with a coinbase part of more than 8 KiB")
	case len(m.Branches) > sv1.MaxBranches:
		return s.skip("job with more than 32 merkle branches")
	case len(m.JobID) > maxRef:
		return s.skip("job with an id of more than 128 bytes")
	case len(m.Coinb1) == 0:
		return s.skip("job with an empty first coinbase part")
	}
	if _, err := m.NBits.Target(); err != nil {
		return s.skip("job with nbits " + m.NBits.String() + ", which is no target")
	}
	job := &mining.Job{
		Pool:           s.cfg.Pool,
		Ref:            string(m.JobID),
		Version:        m.Version,
		PrevHash:       m.PrevHash,
		NBits:          m.NBits,
		NTime:          m.NTime,
		CoinbasePrefix: m.Coinb1,
		CoinbaseSuffix: m.Coinb2,
		Branches:       m.Branches,
		Clean:          s.cleans(&m),
		Received:       s.now,
	}
	if s.state == Opening {
		s.held = job
		return nil
	}
	s.tellJob(job)
	return nil
}

// cleans says whether a job makes earlier ones worthless. Without a readable
// flag (absent, null) that is when the previous block changed. A
// job that takes the place of a held clean one is clean as well.
func (s *V1) cleans(m *sv1.Notify) bool {
	before := s.last
	if s.held != nil {
		before = s.held
	}
	switch {
	case s.held != nil && s.held.Clean:
		return true
	case m.CleanKnown:
		return m.Clean
	default:
		return before == nil || before.PrevHash != m.PrevHash
	}
}

// tellJob completes a job with what holds now and lets it go; nothing changes
// it from here on.
func (s *V1) tellJob(job *mining.Job) {
	job.Extranonce1, job.Extranonce2Size = s.en1, s.en2Size
	job.Difficulty, job.VersionMask = s.difficulty, s.mask
	appraise(job)
	s.last = job
	s.counts.Jobs++
	s.tell(Event{Kind: Job, Job: job})
}

// appraise reads what a job's block is worth, with an extranonce2 of zeros: no
// output depends on it. A coinbase that cannot be read says nothing and is no
// reason against the job, for it is the pool that has to make a block of it.
func appraise(job *mining.Job) {
	job.Network = job.NBits.Difficulty()
	en2, ok := work.MakeExtranonce(make([]byte, job.Extranonce2Size))
	if !ok {
		return
	}
	size := len(job.CoinbasePrefix) + job.Extranonce1.Len() + en2.Len() + len(job.CoinbaseSuffix)
	raw := work.AppendCoinbase(make([]byte, 0, size), job.CoinbasePrefix, job.Extranonce1, en2, job.CoinbaseSuffix)
	if c, err := work.ParseCoinbase(raw); err == nil {
		job.Reward, job.Height = c.Reward, c.Height
	}
}

// seconds bounds a number of seconds from a pool to a day.
func seconds(n int) time.Duration {
	return time.Duration(min(max(n, 0), 24*60*60)) * time.Second
}
