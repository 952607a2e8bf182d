package serve

import (
	"errors"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// maxHold bounds how long an answer may hold a connection's reader: while it is
// held nobody notices that the miner has left.
const maxHold = 30 * time.Second

// Line handles one line; see [wire.Handler].
func (c *Conn) Line(line []byte) error {
	if c.server.draining.Load() {
		c.hold()
		return nil
	}
	c.takeLineTurn()
	now := time.Now()
	h, err := c.hear(line, now)
	if err != nil {
		if end, ok := errors.AsType[*downstream.CloseError](err); ok {
			return &closing{end.Reason}
		}
		return err
	}
	if h.late.shares[mining.Accepted] > 0 {
		c.earn()
	}
	if h.req == nil {
		for _, r := range h.refused {
			c.server.deps.House.Refused(&c.miner, r.Worker, r.Verdict)
		}
		return c.react(h.tell(c, now))
	}
	r := h.tell(c, now)
	if r.Close != "" {
		return &closing{r.Close}
	}
	return c.react(r.Add(c.ask(h.req, now)))
}

// heard is what a line came to.
type heard struct {
	// req is for the house; nil where the session has answered the line.
	req *mining.Request
	// refused are the shares that the session refused.
	refused []downstream.Refused
	// malformed and unsupported say so of the line.
	malformed, unsupported bool
	// retargeted says that the miner has another difficulty than at its last line.
	retargeted bool
	// late is what was answered since then.
	late late
}

// hear hands a line to the session. What it says leaves with the Flush, or at
// once where the connection ends by it.
func (c *Conn) hear(line []byte, now time.Time) (h heard, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = true
	out := c.out()
	told := len(out.Refused())
	h.req, err = c.session.Line(line, now, out)
	h.refused = out.Refused()[told:]
	malformed, unsupported := c.session.Useless()
	h.malformed, h.unsupported = malformed != c.malformed, unsupported != c.unsupported
	c.malformed, c.unsupported = malformed, unsupported
	if d := c.session.Difficulty(); d != c.difficulty {
		c.difficulty, h.retargeted = d, true
	}
	h.late, c.late = c.late, late{}
	if err != nil {
		c.send()
	}
	return h, err
}

// tell tells the watch what else there is than a request.
func (h *heard) tell(c *Conn, now time.Time) (r pipeline.Reaction) {
	watch, e := c.server.deps.Watch, pipeline.Event{At: now, Times: 1}
	if h.retargeted {
		e.Kind = pipeline.Retargeted
		r = r.Add(watch.Tell(&c.miner, e))
	}
	if h.late.any {
		r = r.Add(h.late.tell(watch, &c.miner, now))
	}
	for _, s := range h.refused {
		e.Kind, e.Of, e.Verdict, e.Worker = pipeline.Refused, mining.Submit, s.Verdict, s.Worker
		r = r.Add(watch.Tell(&c.miner, e))
	}
	switch {
	case h.malformed:
		e.Kind = pipeline.Malformed
	case h.unsupported:
		e.Kind = pipeline.Unsupported
	case h.req == nil && len(h.refused) == 0:
		e.Kind = pipeline.Answered
	default:
		return r
	}
	return r.Add(watch.Tell(&c.miner, e))
}

// ask has the house answer a request, and waits where the session needs the
// answer first.
func (c *Conn) ask(req *mining.Request, now time.Time) pipeline.Reaction {
	req.At = now
	decoded := c.decoded(req)
	kind := req.Kind
	login := ""
	if kind == mining.Authorize && req.Worker != nil {
		login = req.Worker.Login
	}
	answer := c.server.deps.Handler.Handle(&c.miner, req)
	if answer.Verdict == mining.Pending {
		if kind != mining.Submit {
			c.server.deps.House.Flush(&c.miner)
		}
		c.await()
		if kind == mining.Authorize {
			c.settled()
		}
	} else {
		answer.Ticket = req.Ticket
		mark := req.Mark
		c.mu.Lock()
		c.session.Answer(answer, c.out())
		c.mu.Unlock()
		c.answered(decoded, mark)
	}
	if kind == mining.Submit && answer.Verdict == mining.Accepted {
		c.earn()
	}
	if kind == mining.Authorize {
		if answer.Verdict != mining.Pending && answer.Verdict != mining.Accepted {
			c.server.notes.loginRefused(&c.miner, login, answer)
		}
		c.welcome(login)
	}
	return pipeline.Reaction{Close: answer.Close, Hold: answer.Hold}
}

// settled marks what [Conn.await] waited for as a login's answer.
func (c *Conn) settled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late.login, c.late.handshake = c.late.handshake, mining.Pending
	c.late.any = c.late.any || c.late.login != mining.Pending
}

// react does what is to be done about the connection.
func (c *Conn) react(r pipeline.Reaction) error {
	if r.Close != "" {
		return &closing{r.Close}
	}
	if r.Hold > 0 {
		c.pause(min(r.Hold, maxHold))
		// The wire asks between two reads only, and one may have a hundred such lines.
		if reason, _ := c.Tick(time.Now()); reason != "" {
			return &closing{reason}
		}
	}
	return nil
}

// pause keeps the reader for a while, or until the connection ends. What was said
// leaves first, and answers and work go out meanwhile.
func (c *Conn) pause(d time.Duration) {
	c.server.deps.House.Flush(&c.miner)
	c.replied = time.Time{} // what is written now is no measure
	c.mu.Lock()
	c.reading = false
	c.session.Flush(c.out())
	c.send()
	c.mu.Unlock()
	c.wire.Uncork()
	c.turn.Give()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.wire.Done():
	}
	c.loud = true // who is held back has much to say
	c.takeTurn()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = true
	c.wire.Cork()
}

// late counts verdicts on shares that came after their request, by verdict, until
// the reader has told the watch. Refusals that are no fault of the miner's are none.
type late struct {
	any    bool
	shares [mining.NumVerdicts]uint16
	// handshake is what answered the request that the reader waits for, login the
	// same for one that is known to be a login; Pending is nothing.
	handshake, login mining.Verdict
}

// add notes an answer.
func (l *late) add(a mining.Answer, handshake bool) {
	switch {
	case a.Verdict == mining.Pending || int(a.Verdict) >= len(l.shares):
	case handshake:
		l.handshake = a.Verdict
	case a.Excused:
	case l.shares[a.Verdict] < 1<<16-1:
		l.shares[a.Verdict]++
		l.any = true
	}
}

// tell tells the watch all of it.
func (l *late) tell(watch Watch, m *mining.Miner, now time.Time) (r pipeline.Reaction) {
	for v, n := range l.shares {
		if n > 0 {
			r = r.Add(watch.Tell(m, pipeline.Event{
				Kind: pipeline.Late, At: now, Of: mining.Submit, Verdict: mining.Verdict(v), Times: int(n),
			}))
		}
	}
	if l.login != mining.Pending {
		r = r.Add(watch.Tell(m, pipeline.Event{Kind: pipeline.Late, At: now, Of: mining.Authorize, Verdict: l.login, Times: 1}))
	}
	return r
}
