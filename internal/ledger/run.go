package ledger

import (
	"context"
	"log/slog"
	"time"
)

// sampleEvery is how often Run samples the windows: a fifth of the smallest
// step, so that a sample is never late by much.
const sampleEvery = time.Second

// Run samples the windows and saves the books to path every interval, until
// ctx ends; then it saves once more and returns that save's error. With an
// empty path nothing is saved. A save that goes wrong on the way is logged
// when it begins to and when it is over, and tried again at the next
// interval.
func (l *Ledger) Run(ctx context.Context, path string, interval time.Duration, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	var last time.Time
	var failing bool
	for {
		select {
		case <-ctx.Done():
			if path == "" {
				return nil
			}
			return l.Save(path, time.Now()) //nolint:forbidigo // Run is where the clock comes in; ctx ended between ticks
		case now := <-tick.C:
			l.Tick(now)
			if last.IsZero() {
				last = now
			}
			if path == "" || now.Sub(last) < interval {
				continue
			}
			last = now
			err := l.Save(path, now)
			if err != nil && !failing {
				log.WarnContext(ctx, "ledger cannot be saved", "error", err, "retry_in", interval)
			} else if err == nil && failing {
				log.InfoContext(ctx, "ledger is saved again", "path", path)
			}
			failing = err != nil
		}
	}
}
