package sim

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// recentJobs is how many job ids are remembered: as many as ESP-Miner does.
const recentJobs = 16

// minerJob is a job as a miner holds it.
type minerJob struct {
	id         string
	notify     sv1.Notify // its memory is the job's own
	en1        work.Extranonce
	difficulty work.Difficulty
	target     work.Target
	network    work.Target
	at         time.Time
}

// notify takes up a job.
func (s *session) notify(m *sv1.Message, line []byte) error {
	if s.manner.checkJob != nil {
		if why, fatal := s.manner.checkJob(s, m); fatal {
			return s.fatal(why, line)
		} else if why != "" {
			s.fail(why, line)
			return nil
		}
	}
	job := &minerJob{en1: s.en1, difficulty: s.difficulty, target: s.difficulty.Target(), at: time.Now()}
	if err := job.notify.Decode(m.Params); err != nil {
		s.fail(err.Error(), line)
		return nil
	}
	job.id = string(job.notify.JobID)
	job.network, _ = job.notify.NBits.Target()
	same := s.job != nil && s.job.id == job.id
	s.recent = append(s.recent, job.id)
	if len(s.recent) > recentJobs {
		s.recent = slices.Delete(s.recent, 0, 1)
	}
	s.job = job
	if !same || s.manner.name != CPUMiner { // cpuminer takes it for the same work
		s.search.start(s)
	}
	mark := markOf(job.notify.Coinb1)
	s.m.count(func(st *MinerStats) {
		st.Jobs++
		st.Mark = mark
		st.Mining = s.authorized
		st.Difficulty = job.difficulty
	})
	s.m.jobAt.Store(job.at.UnixNano())
	return nil
}

// rawParams splits params; nil when they are no array.
func rawParams(m *sv1.Message) []json.RawMessage {
	var params []json.RawMessage
	if json.Unmarshal(m.Params, &params) != nil {
		return nil
	}
	return params
}

// stringOf is the content of a JSON string; ok is false for anything else.
func stringOf(raw json.RawMessage) (text string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return text, json.Unmarshal(raw, &text) == nil
}

// wantBranches is the check of all cgminers: a null list of branches crashes
// Avalon's.
func wantBranches(m *sv1.Message) (why string, fatal bool) {
	params := rawParams(m)
	if len(params) < 8 {
		return "a notify of fewer than 8 parameters", false
	}
	if len(params[4]) == 0 || params[4][0] != '[' {
		return "the branches of a notify are not an array", true
	}
	return "", false
}
