package bans

import (
	"time"

	"github.com/loka/stratum/internal/events"
)

// event tells what has become of an entry.
func (e *Entry) event(what string, now time.Time) events.Event {
	done := map[Kind]string{Ban: " is banned", Pause: " is paused"}[e.Kind]
	if what == events.Lifted {
		done = map[Kind]string{Ban: " is not banned any more", Pause: " is not paused any more"}[e.Kind]
	}
	ev := events.Event{
		At: now, Kind: events.Ban, What: what, Reason: string(e.Cause), Worker: e.Login, Who: e.By, Detail: e.Comment, Message: e.String() + done,
	}
	if e.Prefix.IsValid() {
		ev.Remote = e.Prefix.String()
	}
	if what == events.Added {
		if e.Cause == Threat {
			ev.Severity = events.Warning
		}
		if e.Comment != "" {
			ev.Message += ": " + e.Comment
		}
		if until := e.Until; !until.IsZero() {
			ev.Until = &until
		}
	}
	return ev
}
