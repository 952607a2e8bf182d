package sim

import (
	"slices"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// foundBlock is a share that met the network's target.
type foundBlock struct {
	t        *template
	header   work.Header
	coinbase []byte
	hash     work.Hash
	conn     uint64
	worker   string
}

// submit verifies a share, books it and answers. A reason ends the connection.
func (c *poolConn) submit(m *sv1.Message) (reason string) {
	p := c.pool
	var s sv1.Submit
	if err := s.Decode(m.Params); err != nil {
		p.note("submit: "+err.Error(), m.Params)
		c.refuse(m, &refusal{sv1.CodeOther, err.Error()})
		return ""
	}
	block, reason := c.judge(m, &s)
	if block != nil {
		p.found(block)
	}
	return reason
}

func (c *poolConn) judge(m *sv1.Message, s *sv1.Submit) (block *foundBlock, reason string) {
	p := c.pool
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.cfg.OneWorker && len(c.workers) > 0 && !slices.Contains(c.workers, string(s.Worker)) {
		return nil, "worker mismatch"
	}
	ev := ShareEvent{
		Conn: c.id, Worker: string(s.Worker), JobID: string(s.JobID),
		Extranonce2: s.Extranonce2, NTime: s.NTime, Nonce: s.Nonce, At: time.Now(),
	}
	block, refused := c.verify(s, &ev)
	if block != nil && !p.retire(block.t.block) {
		block, refused = nil, refuse.stale
	}
	if refused == nil {
		ev.Outcome = OutcomeAccepted
		c.vardiff.shares++
	} else {
		ev.Outcome, ev.Code, ev.Text, ev.Block = OutcomeRejected, refused.code, refused.text, false
	}
	p.ledger.record(&ev)
	if p.cfg.OnShare != nil {
		p.cfg.OnShare(ev)
	}
	c.answerSubmit(m, refused)
	return block, ""
}

// answerSubmit answers as the quirks want it.
func (c *poolConn) answerSubmit(m *sv1.Message, refused *refusal) {
	p := c.pool
	q := p.Quirks()
	if q.UnansweredEvery > 0 && p.submits.Add(1)%uint64(q.UnansweredEvery) == 0 {
		p.unanswered.Add(1)
		return
	}
	var line []byte
	if refused == nil {
		line = p.cfg.Dialect.appendAccept(nil, m.ID, false)
	} else {
		line = p.cfg.Dialect.appendRefusal(nil, m.ID, refused)
	}
	jitter := q.Jitter
	if q.OutOfOrder && jitter == 0 {
		jitter = 20 * time.Millisecond
	}
	due := time.Now().Add(q.Latency + p.jitter(jitter))
	c.out.put(line, due, q.OutOfOrder)
	if q.DuplicateReplies {
		c.out.put(slices.Clone(line), due, q.OutOfOrder)
	}
}

// verify checks a share completely. It fills in what it learns of it, and
// returns the block if the share is one. c.mu is held.
func (c *poolConn) verify(s *sv1.Submit, ev *ShareEvent) (*foundBlock, *refusal) {
	p := c.pool
	switch {
	case !c.subscribed:
		return nil, refuse.subscribe
	case !slices.Contains(c.workers, ev.Worker), p.Quirks().SubmitRefused:
		return nil, refuse.unauthorized
	}
	job, ok := c.jobs[ev.JobID]
	if !ok {
		return nil, refuse.job
	}
	ev.Difficulty, ev.Mark, ev.Notice = job.difficulty, markOf(job.coinb1), c.notice(job.t.block)
	header, coinbase, refused := c.header(s, job)
	if refused != nil {
		return nil, refused
	}
	hash := header.Hash()
	ev.Key, ev.NTime, ev.Version = hash, header.NTime, header.Version
	ev.Rolled = work.VersionMask(header.Version ^ job.t.version)
	switch {
	case job.t.block != p.block.Load():
		return nil, refuse.stale
	case !p.firstSight(hash):
		return nil, refuse.duplicate
	case !job.target.Met(hash):
		return nil, refuse.low
	case !job.t.target.Met(hash):
		return nil, nil
	}
	ev.Block = true
	return &foundBlock{t: job.t, header: header, coinbase: coinbase, hash: hash, conn: c.id, worker: ev.Worker}, nil
}

// header puts the share's header together, or says which field is wrong.
func (c *poolConn) header(s *sv1.Submit, job *poolJob) (h work.Header, coinbase []byte, refused *refusal) {
	p := c.pool
	if s.Extranonce2.Len() != p.cfg.Extranonce2Size {
		return h, nil, refuse.en2
	}
	t := job.t
	ntime := s.NTime
	if ntime == 0 {
		ntime = t.ntime
	}
	switch {
	case ntime < t.ntime:
		return h, nil, refuse.timeOld
	case time.Duration(ntime-t.ntime)*time.Second > p.cfg.MaxNTimeRoll:
		return h, nil, refuse.timeNew
	}
	version, ok := p.cfg.VersionRule.apply(job.mask|c.mask, t.version, s)
	if !ok {
		return h, nil, refuse.mask
	}
	coinbase = work.AppendCoinbase(nil, job.coinb1, job.en1, s.Extranonce2, job.coinb2)
	root := work.MerkleRoot(work.DoubleSHA256(coinbase), job.branches)
	h = work.Header{
		Version: version, PrevHash: t.prevHash, MerkleRoot: root,
		NTime: ntime, NBits: t.nbits, Nonce: s.Nonce,
	}
	return h, coinbase, nil
}

// apply reads the sixth parameter; ok is false when a bit is outside the mask.
func (r VersionRule) apply(mask work.VersionMask, v work.Version, s *sv1.Submit) (rolled work.Version, ok bool) {
	if !s.HasVersionBits {
		return v, true
	}
	if !mask.Allows(s.VersionBits) {
		return v, false
	}
	switch r {
	case RuleOr:
		return mask.Or(v, s.VersionBits), true
	case RuleXor:
		return mask.Xor(v, s.VersionBits), true
	case RuleBIP310:
	}
	return mask.Replace(v, s.VersionBits), true
}
