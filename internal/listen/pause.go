package listen

import (
	"context"
	"time"
)

const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// pauses spaces the attempts of an accept loop that has errors.
type pauses struct{ next time.Duration }

// first reports whether no error came before since the last success.
func (p *pauses) first() bool { return p.next == 0 }

// hurry has the next pause be the shortest: something was done about the error.
func (p *pauses) hurry() { p.next = shortestPause / 2 }

// over resets after a success and reports whether there was an error before.
func (p *pauses) over() bool {
	was := p.next > 0
	p.next = 0
	return was
}

// wait waits, each time twice as long, until ctx ends.
func (p *pauses) wait(ctx context.Context) {
	p.next = min(max(2*p.next, shortestPause), longestPause)
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
