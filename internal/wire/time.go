package wire

import (
	"math/rand/v2"
	"time"
)

// Mark is when the read that Line and Flush are called for was over, zero where it is
// not one of those that are timed. The reader alone may ask.
func (c *Conn) Mark() time.Time { return c.mark }

// SetMark says since when it is timed until what the read in progress brought about is
// written; zero is not at all. The reader alone may say so, and only of a read that is
// timed.
func (c *Conn) SetMark(at time.Time) { c.mark = at }

// time looks at the clock where the read that is over is to be timed. The first of a
// connection that is is drawn by lot: else those of many miners that connected
// together would be.
func (c *Conn) time() {
	every := c.cfg.TimeOneIn
	if every <= 0 {
		return
	}
	c.mark = time.Time{}
	switch {
	case c.untimed > 1:
		c.untimed--
		return
	case c.untimed == 0:
		c.untimed = rand.Int32N(int32(every)) //nolint:gosec // no secret, and small
		if c.untimed > 0 {
			return
		}
	}
	c.untimed = int32(every) //nolint:gosec // small
	c.mark = time.Now()
}

// timed says that what the read brought about is written, as far as the peer takes it.
func (c *Conn) timed() {
	if _, unheard := c.cfg.Metrics.Written.(nothing); unheard || c.mark.IsZero() {
		return
	}
	c.cfg.Metrics.Written.Observe(time.Since(c.mark).Seconds())
	c.mark = time.Time{}
}
