package serve

import "github.com/loka/stratum/internal/turns"

// Those who may be many and have much to say wait for a turn: connections without a
// worker, and whoever says more at a time than is read. A flood then waits among
// itself.
//
// What follows, and turn, known and loud, belongs to who reads the connection.

// needsTurn says for what a turn is needed, if there is none.
func (c *Conn) needsTurn() (turns.Class, bool) {
	switch {
	case c.turn.Held():
	case !c.known:
		return turns.Stranger, true
	case c.loud:
		return turns.Loud, true
	}
	return 0, false
}

// takeTurn waits for a turn if one is needed.
func (c *Conn) takeTurn() {
	if class, needed := c.needsTurn(); needed {
		c.turn = c.server.deps.Turns.Take(class)
	}
}

// takeLineTurn is takeTurn for the line at hand. While it waits what others tell the
// miner leaves: a new block's work must not wait for the turn of a miner that has much
// to say.
func (c *Conn) takeLineTurn() {
	class, needed := c.needsTurn()
	if !needed {
		return
	}
	var free bool
	if c.turn, free = c.server.deps.Turns.Try(class); free {
		return
	}
	c.wire.Uncork()
	c.turn = c.server.deps.Turns.Take(class)
	c.wire.Cork()
}

// Loud has what is said next wait for a turn; see [wire.Handler].
func (c *Conn) Loud() { c.loud = true }
