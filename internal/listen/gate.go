package listen

import (
	"sync"
	"time"

	"github.com/loka/stratum/internal/guard"
)

// Gate starts connections in the order and at the pace that a door says. Listeners
// share one. Who waits at it has no goroutine.
type Gate struct {
	// Static after construction.
	door *guard.Door
	// private says that nobody but one listener knows of it.
	private bool

	// Guarded by mu.
	mu sync.Mutex
	// busy says that somebody lets in; again that he is to look once more.
	busy, again bool
	timer       *time.Timer
}

// NewGate makes the gate of a door.
func NewGate(door *guard.Door) *Gate { return &Gate{door: door} }

// pass starts whoever may start now, and sees to it that it is called again when
// somebody else may. Of several calls at a time one does the work.
func (g *Gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.again = true
	if g.busy {
		return
	}
	g.busy = true
	for g.again {
		g.again = false
		g.mu.Unlock()
		wait := g.start()
		g.mu.Lock()
		g.wake(wait)
	}
	g.busy = false
}

// start starts whoever may start, and says after what time others may.
func (g *Gate) start() time.Duration {
	for {
		guest, wait := g.door.Next(time.Now())
		if guest == nil {
			return wait
		}
		guest.Start()
	}
}

// wake has pass called after a while; 0 is never. g.mu is held.
func (g *Gate) wake(after time.Duration) {
	switch {
	case after == 0:
	case g.timer == nil:
		g.timer = time.AfterFunc(after, g.pass)
	default:
		g.timer.Reset(after)
	}
}
