package ledger

import (
	"context"
	"time"
)

// bookEvery is how often Run books what is in the queues: a good deal more
// often than a queue can fill up.
const bookEvery = 100 * time.Millisecond

// Run books shares and samples the windows until ctx ends, and once more then.
func (l *Ledger) Run(ctx context.Context) {
	tick := time.NewTicker(bookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.Tick(time.Now()) //nolint:forbidigo // Run is where the clock comes in; ctx ended between ticks
			return
		case now := <-tick.C:
			l.Tick(now)
		}
	}
}
