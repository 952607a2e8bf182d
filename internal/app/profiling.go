package app

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/profile"
)

// noteSteps remembers every few seconds what was timed until then, so that it can be said
// what the last minutes were like, until ctx ends.
func (a *App) noteSteps(ctx context.Context) error {
	ticker := time.NewTicker(profile.NoteEvery)
	defer ticker.Stop()
	a.counts.steps.Note(time.Now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			a.counts.steps.Note(now)
		}
	}
}
