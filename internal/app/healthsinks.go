package app

import (
	"fmt"
	"time"

	"github.com/loka/stratum/internal/recorder"
	"github.com/loka/stratum/internal/view"
)

const (
	// sinkDown is for how long a sink may have taken nothing to be degraded only.
	sinkDown = 5 * time.Minute
	// crashTold is for how long it is told that the run before has crashed.
	crashTold = time.Hour
)

// SinkState is how it goes with one place that alerts are sent to.
type SinkState struct {
	// Name is the sink's, as configured.
	Name string
	// Err is why it took nothing the last time; nil is that it did, or was not asked.
	Err error
	// Since is when the first of those failures in a row was.
	Since time.Time
	// Waiting is how many alerts wait for it, Dropped how many were given up.
	Waiting int
	Dropped uint64
}

// checkSinks are the checks of all sinks of alerts.
func checkSinks(all []SinkState, now time.Time) checks {
	found := make(checks, len(all))
	for _, s := range all {
		c := view.Check{Status: view.OK, Detail: fmt.Sprintf("it takes alerts; %d wait", s.Waiting)}
		if s.Err != nil {
			c = view.Check{
				Status: view.Degraded,
				Detail: fmt.Sprintf("it has taken no alert for %s, %d wait, %d were given up: %v", max(now.Sub(s.Since), 0).Round(time.Second), s.Waiting, s.Dropped, s.Err),
				Advice: "nobody is told by it: look at its settings in [alerts] and whether this machine reaches it; `loka alerts test` tries it",
			}
			if now.Sub(s.Since) > sinkDown {
				c.Status = view.Down
			}
		}
		found["alert_sink:"+s.Name] = c
	}
	return found
}

// checkCrash tells of a crash of the run before.
func checkCrash(last *recorder.Crash, started time.Time) func(now time.Time) view.Check {
	return func(now time.Time) view.Check {
		if last == nil || now.Sub(started) > crashTold {
			return view.Check{Status: view.OK, Detail: "none of late"}
		}
		return view.Check{
			Status: view.Degraded,
			Detail: fmt.Sprintf("the run before ended at %s: %s", last.At.UTC().Format(time.RFC3339), last.First()),
			Advice: "send " + recorder.LastCrashFile + " in data_dir to who maintains loka; what was booked is there but for the last half second",
		}
	}
}
