package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/view"
)

// listenerCheck is what the names of the checks of listeners begin with.
const listenerCheck = "listener:"

// acceptWithin is how long a listener may take to accept. The machine may be busy, so
// one that is late once is degraded, and down from the second time on.
const acceptWithin = 3 * time.Second

// lookAtListeners connects to each listener, to see that its loop accepts.
func (a *App) lookAtListeners() func(ctx context.Context, now time.Time) checks {
	since := make(map[string]time.Time)
	return func(ctx context.Context, now time.Time) checks {
		a.mu.Lock()
		all := slices.Clone(a.served)
		stopping := a.accepting == nil || a.accepting.Err() != nil
		a.mu.Unlock()
		found, failing := make(checks), make(map[string]time.Time)
		if stopping { // they are closed on purpose
			return found
		}
		for _, s := range all {
			probing, cancel := context.WithTimeout(ctx, acceptWithin/time.Duration(len(all))+time.Second)
			err := s.listener.Probe(probing)
			cancel()
			if err != nil {
				failing[s.address] = now
				if at, ok := since[s.address]; ok {
					failing[s.address] = at
				}
			}
			found[listenerCheck+s.address] = checkListener(err, failing[s.address], now)
		}
		since = failing
		return found
	}
}

// checkListener judges what came of a probe; since is when the first of those in a row
// was that failed.
func checkListener(err error, since, now time.Time) view.Check {
	switch {
	case err == nil:
		return view.Check{Status: view.OK, Detail: "it accepts connections"}
	case errors.Is(err, listen.ErrNotAccepted) && !now.After(since):
		return view.Check{
			Status: view.Degraded, Detail: "it did not accept a connection in time",
			Advice: "wait for the next look, in seconds; the machine may be busy",
		}
	}
	return view.Check{
		Status: view.Down,
		Detail: fmt.Sprintf("it takes no miners since %s: %v", max(now.Sub(since), 0).Round(time.Second), err),
		Advice: "look at the log for what accept says, at the check descriptors, and whether a firewall closes loopback; loka tries on",
	}
}
