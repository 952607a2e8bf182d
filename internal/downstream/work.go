package downstream

import (
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// held is what waits for [V1.Flush]. Only the newest work is kept.
type held struct {
	work *mining.Work
	// difficulty is the work's.
	difficulty work.Difficulty
	// clean says that this or an earlier work that was never sent is clean.
	clean bool
	// extranonce1 and extranonce2Size are changed ones, when moved.
	extranonce1     work.Extranonce
	extranonce2Size int
	moved           bool
}

// Work remembers work for the next [V1.Flush]. Newer work replaces work that
// has not left yet, and is then clean if that was. Work that was sent already
// is not sent again: ESP-Miner drops a job id that it knows, others would
// start the same search anew.
func (s *V1) Work(a mining.Assignment) {
	if s.given.has(a.Work.ID) {
		return
	}
	s.held.work, s.held.difficulty = a.Work, a.Difficulty
	s.held.clean = s.held.clean || a.Clean
}

// Warm reads beside what a job for the miner is held in, so that a loop over many sessions
// can have several of them on their way from memory at once. It may be called at any time.
func (s *V1) Warm() bool { return s.cfg != nil }

// Flush lets held settings and work leave if the miner has subscribed and no
// negotiate, open or authorize awaits its reply.
func (s *V1) Flush(out *Out) {
	w := s.held.work
	if w == nil || !s.subscribed || s.slots.gates > 0 {
		return
	}
	if s.held.moved {
		// A share of an earlier job would be built on the wrong coinbase.
		s.held.clean = true
		s.told.extranonce1 = s.held.extranonce1
		set := sv1.SetExtranonce{Extranonce1: s.told.extranonce1, Extranonce2Size: s.told.extranonce2Size, HasSize: true}
		out.buf = set.Append(out.buf)
		out.end(Setting, KeyExtranonce)
	}
	first := !s.told.notified
	if !first {
		s.tellMask(w.VersionMask, out)
	}
	if d := s.held.difficulty; d.Valid() && d != s.told.difficulty {
		s.told.difficulty = d
		set := sv1.SetDifficulty{Difficulty: d}
		out.buf = set.Append(out.buf)
		out.end(Setting, KeyDifficulty)
	}
	s.tellWork(w, out)
	if first {
		// Bitmain's firmware takes a mask before its first job for that job.
		s.tellMask(w.VersionMask, out)
	}
	s.held = held{}
}

// tellMask sends what may be rolled when it is not what the miner was told,
// to miners that negotiated only: others take the line for a reply.
func (s *V1) tellMask(allowed work.VersionMask, out *Out) {
	mask := allowed & s.wanted
	if s.wanted == 0 || mask == s.told.mask {
		return
	}
	s.told.mask = mask
	set := sv1.SetVersionMask{Mask: mask}
	out.buf = set.Append(out.buf)
	out.end(Setting, KeyVersionMask)
}

// tellWork sends the notify, which all miners share that are given the work.
func (s *V1) tellWork(w *mining.Work, out *Out) {
	if s.held.clean {
		out.share(w.Bytes(mining.FormV1Clean, renderNotify), CleanJob)
	} else {
		out.share(w.Bytes(mining.FormV1, renderNotify), Job)
	}
	s.given.add(w.ID)
	s.told.notified = true
	s.told.coinbase = len(w.Prefix) + s.told.extranonce1.Len() + s.told.extranonce2Size + len(w.Job.CoinbaseSuffix)
}

// RenderNotify appends the whole notify line of a work, clean if the work is.
func RenderNotify(dst []byte, w *mining.Work) []byte {
	if w.Clean {
		return renderNotify(dst, w, mining.FormV1Clean)
	}
	return renderNotify(dst, w, mining.FormV1)
}

// renderNotify appends the whole notify line of a work, which is the same for
// every miner that is given it.
func renderNotify(dst []byte, w *mining.Work, form mining.Form) []byte {
	var name [8]byte
	id, _ := w.ID.AppendText(name[:0])
	n := sv1.Notify{
		JobID:      id,
		PrevHash:   w.Job.PrevHash,
		Coinb1:     w.Prefix,
		Coinb2:     w.Job.CoinbaseSuffix,
		Branches:   w.Job.Branches,
		Version:    w.Job.Version,
		NBits:      w.Job.NBits,
		NTime:      w.NTime,
		Clean:      form == mining.FormV1Clean,
		CleanKnown: true,
	}
	return n.Append(dst)
}
