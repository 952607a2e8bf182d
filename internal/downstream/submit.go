package downstream

import (
	"math"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// submit handles mining.submit. What the protocol alone forbids is answered
// here: a share before subscribe, of a job id that is not of our making, or
// with an extranonce2 of another size than told, by which a miner could
// leave its own part of the search space. One of a worker that this
// connection did not authorize is refused here too, and the house is told of
// it: it may be a block.
func (s *V1) submit(id, params []byte, now time.Time, out *Out) *mining.Request {
	if !s.subscribed {
		return s.refuse(id, nil, refusal{mining.Unauthorized, sv1.CodeNotSubscribed, textNotSubscribed}, out)
	}
	var sub sv1.Submit
	if err := sub.Decode(params); err != nil {
		return s.refuse(id, s.workers.find(sub.Worker), refusal{mining.Invalid, sv1.CodeOther, err.Error()}, out)
	}
	worker := s.workers.find(sub.Worker)
	if worker != nil {
		s.lastShare = now
	}
	job, known := mining.ParseJobID(sub.JobID)
	fits := sub.Extranonce2.Len() == s.told.extranonce2Size
	var req *mining.Request
	switch {
	case worker == nil && known && fits:
		s.reply(id, failure(sv1.CodeUnauthorized, textUnauthorized), out)
		req = &out.req
		*req = mining.Request{Kind: mining.Submit, Ticket: answered}
	case worker == nil:
		return s.refuse(id, nil, refusal{mining.Unauthorized, sv1.CodeUnauthorized, textUnauthorized}, out)
	case !known:
		return s.refuse(id, worker, refusal{mining.JobNotFound, sv1.CodeStale, textJobNotFound}, out)
	case !fits:
		return s.refuse(id, worker, refusal{mining.Invalid, sv1.CodeOther, textExtranonce2}, out)
	default:
		req = s.ask(&out.req, mining.Submit, id)
		req.Worker = worker
	}
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

// answered is the ticket of a request that has its answer: of no slot.
const answered = math.MaxUint64

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

// given are the jobs that were sent last.
type given struct {
	jobs [8]mining.JobID
	n    uint32 // so many were sent
}

func (g *given) add(id mining.JobID) {
	g.jobs[g.n%uint32(len(g.jobs))] = id
	g.n++
}

func (g *given) has(id mining.JobID) bool {
	for i := range min(g.n, uint32(len(g.jobs))) {
		if g.jobs[i] == id {
			return true
		}
	}
	return false
}
