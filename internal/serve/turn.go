package serve

import "context"

// takeTurn has a connection without a worker wait until fewer than Config.Strangers
// others are looked after, in the order in which they ask. A flood of strangers then
// waits among itself: whoever mines finds the processors busy with a few of them at the
// most, and not with all that have something to say. Nobody keeps a turn while it
// waits for anybody.
//
// It belongs to who reads the connection, and so do turn and known.
func (c *Conn) takeTurn() {
	turns := c.server.turns
	if turns == nil || c.known || c.turn {
		return
	}
	// Turns are short, so the end of the connection need not break this off.
	c.turn = turns.Acquire(context.Background(), 1) == nil
}

// giveTurn gives it back, if there is one.
func (c *Conn) giveTurn() {
	if c.turn {
		c.turn = false
		c.server.turns.Release(1)
	}
}
