package serve

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// decoded tells how long it took until there was a request, and begins the next step;
// zero where it is no share, or its read is not one of those that are timed. The
// reader calls it.
func (c *Conn) decoded(req *mining.Request) time.Time {
	req.Mark = time.Time{}
	if req.Kind != mining.Submit {
		return req.Mark
	}
	read := c.wire.Mark()
	if read.IsZero() {
		return read
	}
	req.Mark = time.Now()
	m := &c.server.deps.Metrics
	m.ReadSeconds.Observe(req.At.Sub(read).Seconds())
	m.DecodeSeconds.Observe(req.Mark.Sub(req.At).Seconds())
	return req.Mark
}

// answered tells how long the reply took from the end of the last step of others. Where
// nobody else has taken one, for the share was refused on its way, that is no measure.
func (c *Conn) answered(decoded, mark time.Time) {
	if decoded.IsZero() {
		return
	}
	c.replied = time.Now()
	if mark.After(decoded) {
		c.server.deps.Metrics.AnswerSeconds.Observe(c.replied.Sub(mark).Seconds())
	}
}

// stopWatch has it told how long it takes from the last reply of the read until that
// is written.
func (c *Conn) stopWatch() {
	c.wire.SetMark(c.replied)
	c.replied = time.Time{}
}

// render says the work that the session was given, and tells how long that took where
// the miner is the first to have it. c.mu is held.
func (c *Conn) render(w *mining.Work) {
	if w == nil || w.Rendered() {
		c.session.Flush(c.out())
		return
	}
	begun := time.Now()
	c.session.Flush(c.out())
	if w.Rendered() { // else it waits for something
		c.server.deps.Metrics.RenderSeconds.Observe(time.Since(begun).Seconds())
	}
}
