package downstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// submit handles mining.submit. What the protocol alone forbids is answered
// here: a share before subscribe or authorize, of a worker that this
// connection did not authorize, of a job id that is not of our making, or
// with an extranonce2 of another size than told, by which a miner could
// leave its own part of the search space.
func (s *V1) submit(id, params []byte, now time.Time, out *Out) *mining.Request {
	if !s.subscribed {
		return s.refuse(id, nil, refusal{mining.Unauthorized, sv1.CodeNotSubscribed, textNotSubscribed}, out)
	}
	var sub sv1.Submit
	if err := sub.Decode(params); err != nil {
		return s.refuse(id, s.workers[string(sub.Worker)], refusal{mining.Invalid, sv1.CodeOther, err.Error()}, out)
	}
	worker := s.workers[string(sub.Worker)]
	if worker == nil {
		return s.refuse(id, nil, refusal{mining.Unauthorized, sv1.CodeUnauthorized, textUnauthorized}, out)
	}
	s.lastShare = now
	job, known := mining.ParseJobID(sub.JobID)
	if !known {
		return s.refuse(id, worker, refusal{mining.JobNotFound, sv1.CodeStale, textJobNotFound}, out)
	}
	if sub.Extranonce2.Len() != s.told.extranonce2Size {
		return s.refuse(id, worker, refusal{mining.Invalid, sv1.CodeOther, textExtranonce2}, out)
	}
	if sub.NTime == 0 {
		// btcpool's agent: the job's own time.
		if sub.NTime = s.given.ntime(job); sub.NTime == 0 {
			return s.refuse(id, worker, refusal{mining.JobNotFound, sv1.CodeStale, textJobNotFound}, out)
		}
	}
	req := s.ask(mining.Submit, id, false)
	req.Worker = worker
	req.Share = mining.Share{
		Job: job, Known: true,
		Extranonce2:    sub.Extranonce2,
		NTime:          sub.NTime,
		Nonce:          sub.Nonce,
		VersionBits:    sub.VersionBits,
		HasVersionBits: sub.HasVersionBits,
	}
	return req
}

// refusal is why a share did not leave the session.
type refusal struct {
	verdict mining.Verdict
	code    int
	text    string
}

// refuse answers a share ourselves and notes it for the books. It returns
// nil: there is no request.
func (s *V1) refuse(id []byte, worker *mining.Worker, why refusal, out *Out) *mining.Request {
	out.refused = append(out.refused, Refused{Worker: worker, Verdict: why.verdict})
	s.reply(id, failure(why.code, why.text), out)
	return nil
}

// given are the jobs that were sent last and their times.
type given struct {
	jobs [32]struct {
		id    mining.JobID
		ntime work.NTime
	}
	next uint8
}

func (g *given) add(id mining.JobID, ntime work.NTime) {
	at := &g.jobs[int(g.next)%len(g.jobs)]
	at.id, at.ntime = id, ntime
	g.next++
}

// ntime is the time of a job; 0 when it is not among the last.
func (g *given) ntime(id mining.JobID) work.NTime {
	for i := range g.jobs {
		if g.jobs[i].id == id && g.jobs[i].ntime != 0 {
			return g.jobs[i].ntime
		}
	}
	return 0
}
