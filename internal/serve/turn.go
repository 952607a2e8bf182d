package serve

import "github.com/loka/stratum/internal/turns"

// Those who may be many and have much to say wait for a turn: connections without a
// worker, and whoever says more at a time than is read. A flood then waits among
// itself.
//
// What follows, and turn, known and loud, belongs to who reads the connection.

// takeTurn waits for a turn if one is needed and there is none.
func (c *Conn) takeTurn() {
	switch {
	case c.turn.Held():
	case !c.known:
		c.turn = c.server.deps.Turns.Take(turns.Stranger)
	case c.loud:
		c.turn = c.server.deps.Turns.Take(turns.Loud)
	}
}

// Loud has what is said next wait for a turn; see [wire.Handler].
func (c *Conn) Loud() { c.loud = true }
