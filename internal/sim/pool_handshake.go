package sim

import (
	"fmt"
	"slices"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

func (c *poolConn) subscribe(m *sv1.Message) {
	p := c.pool
	var req sv1.Subscribe
	if err := req.Decode(m.Params); err != nil {
		c.refuse(m, &refusal{sv1.CodeOther, err.Error()})
		return
	}
	q := p.Quirks()
	if line, silent := q.Subscribe.instead(m.ID, "Initialising"); silent || line != nil {
		if line != nil {
			c.answer(m, line)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.subscribed
	c.subscribed = true
	if first {
		c.userAgent = string(req.UserAgent)
		c.resume(string(req.Session))
	}
	if first && q.NotifyBeforeSubscribe {
		c.firstWork()
	}
	reply := sv1.SubscribeReply{Session: []byte(c.session), Extranonce1: c.en1, Extranonce2Size: p.cfg.Extranonce2Size}
	c.answer(m, p.cfg.Dialect.appendSubscribe(nil, m.ID, &reply))
	if first && !q.NotifyBeforeSubscribe {
		c.firstWork()
	}
}

// resume names the session, and gives it an earlier one's extranonce1 if the
// miner names that one.
func (c *poolConn) resume(earlier string) {
	p := c.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	owner, known := p.sessions[earlier]
	switch {
	case known && p.cfg.ResumeSessions && p.conns[owner] == nil:
		delete(p.sessions, earlier)
		c.en1 = p.extranonce1(owner, 0)
	default:
		owner = c.id
	}
	c.session = fmt.Sprintf("%08x", c.id)
	if p.cfg.ResumeSessions && len(p.sessions) < maxLedgerConns {
		p.sessions[c.session] = owner
	}
}

func (c *poolConn) firstWork() {
	t := c.pool.newest()
	if t == nil {
		c.send((&sv1.SetDifficulty{Difficulty: c.difficulty}).Append(nil))
		c.told = c.difficulty
		return
	}
	c.sendJob(t, true)
}

func (c *poolConn) configure(m *sv1.Message) {
	p := c.pool
	var req sv1.Configure
	if err := req.Decode(m.Params); err != nil {
		c.refuse(m, &refusal{sv1.CodeOther, err.Error()})
		return
	}
	q := p.Quirks()
	c.mu.Lock()
	defer c.mu.Unlock()
	if line, silent := q.Configure.instead(m.ID, "Initialising"); silent || (line != nil && q.Configure != ReplyRefused) {
		if line != nil {
			c.answer(m, line)
		}
		return
	}
	granted := p.cfg.VersionMask & req.VersionMask
	if q.Configure == ReplyRefused || !req.VersionRolling {
		granted = 0
	}
	if req.VersionRolling {
		c.mask = granted
	}
	if granted != 0 && q.MaskBeforeConfigure {
		c.setMask(granted)
	}
	c.answer(m, configureLine(m.ID, &req, granted, q.ConfigureExtraKeys))
	if granted != 0 && q.MaskAfterConfigure {
		c.setMask(granted)
	}
}

func configureLine(id []byte, req *sv1.Configure, granted work.VersionMask, extra bool) []byte {
	if extra {
		line := append([]byte(`{"id":`), id...)
		return fmt.Appendf(line, `,"result":{"version-rolling":%t,"version-rolling.mask":"%s","minimum-difficulty":true,"subscribe-extranonce":true},"error":null}`+"\n",
			granted != 0, granted)
	}
	reply := sv1.ConfigureReply{VersionMask: granted, Unknown: req.Unknown}
	if req.VersionRolling {
		reply.VersionRolling = grantIf(granted != 0)
	}
	if req.MinimumDifficulty {
		reply.MinimumDifficulty = sv1.GrantYes
	}
	if req.SubscribeExtranonce {
		reply.SubscribeExtranonce = sv1.GrantYes
	}
	if req.Info {
		reply.Info = sv1.GrantYes
	}
	return reply.Append(nil, id)
}

func grantIf(yes bool) sv1.Grant {
	if yes {
		return sv1.GrantYes
	}
	return sv1.GrantNo
}

func (c *poolConn) authorize(m *sv1.Message) {
	p := c.pool
	var req sv1.Authorize
	if err := req.Decode(m.Params); err != nil {
		c.refuse(m, &refusal{sv1.CodeOther, err.Error()})
		return
	}
	q := p.Quirks()
	switch q.Authorize {
	case ReplySilent:
		return
	case ReplyRefused:
		c.answer(m, fmt.Appendf(nil, `{"id":%s,"result":false,"error":null}`+"\n", m.ID))
		return
	case ReplyError, ReplyString:
		c.refuse(m, refuse.unauthorized)
		return
	case ReplyNormal:
	}
	login := string(req.User)
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.cfg.OneWorker && len(c.workers) > 0 {
		return // as ckpool: not even an answer
	}
	if !slices.Contains(c.workers, login) {
		if len(c.workers) >= maxWorkers {
			c.refuse(m, refuse.unauthorized)
			return
		}
		c.workers = append(c.workers, login)
	}
	p.authorized.Add(1)
	p.log.Info("worker authorized", "conn", c.id, "worker", login, "agent", c.userAgent)
	c.answer(m, p.cfg.Dialect.appendAccept(nil, m.ID, true))
}

func (c *poolConn) suggest(m *sv1.Message) {
	var req sv1.SuggestDifficulty
	if err := req.DecodeMessage(m); err != nil {
		c.refuse(m, &refusal{sv1.CodeOther, err.Error()})
		return
	}
	c.grant(m)
	if c.pool.cfg.SharesPerMinute <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retarget(req.Difficulty)
}

// instead is the line that takes the place of a proper answer; nil with silent
// when there is none, nil without when the proper answer is to be given.
func (r ReplyMode) instead(id []byte, text string) (line []byte, silent bool) {
	switch r {
	case ReplySilent:
		return nil, true
	case ReplyString:
		return sv1.AppendText(nil, id, text), false
	case ReplyError, ReplyRefused:
		return sv1.AppendError(nil, id, sv1.CodeOther, "Not supported."), false
	case ReplyNormal:
	}
	return nil, false
}

// appendSubscribe appends the subscribe reply: with both tuples, or with one
// (ckpool), or with one flat tuple (p2pool).
func (d Dialect) appendSubscribe(dst, id []byte, r *sv1.SubscribeReply) []byte {
	tuples := `["mining.notify","%s"]`
	switch d {
	case DialectP2Pool:
	case DialectCKPool:
		tuples = "[" + tuples + "]"
	case DialectArray, DialectObject, DialectString:
		return r.Append(dst, id)
	}
	dst = fmt.Appendf(dst, `{"error":null,"result":[`+tuples+`,"%s",%d],"id":`, r.Session, r.Extranonce1, r.Extranonce2Size)
	dst = appendRawID(dst, id)
	return append(dst, "}\n"...)
}
