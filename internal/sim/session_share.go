package sim

import (
	"slices"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// share is a found one, from its submit to its answer.
type share struct {
	id            uint64
	job           *minerJob
	header        work.Header
	hash          work.Hash
	en2           work.Extranonce
	bits          work.VersionMask // as searched: see session.version
	at            time.Time
	done, givenUp bool
}

// found submits a share, or withholds it where the firmware would.
func (s *session) found(sh *share) {
	if s.en2Size > s.manner.maxEn2 {
		s.m.count(func(st *MinerStats) { st.Withheld++ })
		return
	}
	sh.id = s.id()
	s.pending[sh.id] = sh
	s.queue = append(s.queue, sh)
	s.out = s.manner.submit(s.out, s, sh)
	s.m.count(func(st *MinerStats) { st.Pending++ })
}

// shareReply books the answer to a submit.
func (s *session) shareReply(m *sv1.Message, line []byte) {
	sh := s.match(m)
	if sh == nil {
		s.fail("a reply to nothing that was asked", line)
		return
	}
	sh.done = true
	delete(s.pending, sh.id)
	for len(s.queue) > 0 && s.queue[0].done {
		s.queue = s.queue[1:]
	}
	if sh.givenUp {
		return
	}
	ev := s.event(sh)
	if sv1.Accepted(m) {
		ev.Outcome = OutcomeAccepted
	} else {
		refused := sv1.Refusal(m)
		ev.Code, ev.Text, ev.Block = refused.Code, string(refused.Text), false
	}
	s.tell(ev)
	s.m.count(func(st *MinerStats) {
		st.Pending--
		book(&st.Tally, &ev)
	})
}

// tell tells what became of a share, before that is counted: who sees that
// nothing is pending may rely on all having been told.
func (s *session) tell(ev ShareEvent) {
	if hook := s.m.swarm.cfg.OnShare; hook != nil {
		hook(ev)
	}
}

// match finds the share that a reply is for: by id, or for cpuminer, whose
// submits all have the same id, the oldest.
func (s *session) match(m *sv1.Message) *share {
	id, ok := sv1.ParseID(m.ID)
	if !ok || len(m.ID) == 0 || m.ID[0] == '"' {
		return nil
	}
	if s.manner.name == CPUMiner {
		at := slices.IndexFunc(s.queue, func(sh *share) bool { return !sh.done })
		if id != cpuminerSubmitID || at < 0 {
			return nil
		}
		return s.queue[at]
	}
	return s.pending[id]
}

func (s *session) unanswered(sh *share) {
	ev := s.event(sh)
	ev.Outcome = OutcomeUnanswered
	s.tell(ev)
	s.m.count(func(st *MinerStats) {
		st.Pending--
		st.Unanswered++
	})
}

func (s *session) event(sh *share) ShareEvent {
	return ShareEvent{
		Key: sh.hash, Conn: uint64(s.m.index), Worker: s.m.worker, JobID: sh.job.id, //nolint:gosec // an index
		Mark: markOf(sh.job.notify.Coinb1), At: time.Now(), Found: sh.at,
		Extranonce2: sh.en2, NTime: sh.header.NTime, Nonce: sh.header.Nonce, Version: sh.header.Version,
		Rolled:     work.VersionMask(sh.header.Version ^ sh.job.notify.Version),
		Difficulty: sh.job.difficulty, Block: sh.job.network.Met(sh.hash),
	}
}
