package events

import (
	"fmt"
	"strconv"
	"strings"
)

// maxText bounds each text of an event, and maxMessage its message, in bytes.
const maxText, maxMessage = 200, 1000

// bound keeps what others have said of themselves short.
func (e *Event) bound() {
	for _, of := range []*string{&e.Pool, &e.Route, &e.Worker, &e.Remote, &e.From, &e.To, &e.Reason, &e.Who} {
		*of = clip(*of, maxText)
	}
	e.Message, e.Detail = clip(e.Message, maxMessage), clip(e.Detail, maxMessage)
}

// clip bounds a text, and keeps it on one line.
func clip(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// sentence says in words what an event's fields do.
func sentence(e *Event) string {
	reason := strings.ReplaceAll(e.Reason, "_", " ")
	switch e.Kind {
	case Proxy:
		return map[string]string{
			Started: "loka was started", Stopping: "loka was stopped",
			Ended: "loka ended without saying so: it was killed, or the machine went down",
		}[e.What]
	case Connection:
		return ofConnection(e, reason)
	case Switch:
		return ofSwitch(e, reason)
	case Pool:
		if e.Detail != "" {
			return "pool " + e.Pool + " is " + e.To + ": " + e.Detail
		}
		return "pool " + e.Pool + " is " + e.To + because(reason)
	case Job:
		if e.What == NewBlock {
			return "pool " + e.Pool + " works on a new block"
		}
		return many(e.Count, "job", "jobs") + " of pool " + e.Pool
	case Share:
		return many(e.Count, "share", "shares") + " like this: " + strings.ReplaceAll(e.What, "_", " ") + ", of worker " + e.Worker
	case Block:
		return "worker " + e.Worker + " found a block for pool " + e.Pool
	case Ban, Alert, Act, Reload:
		if e.Count > 1 {
			return fmt.Sprintf("%d more within a second: %s %s%s", e.Count, e.Kind, e.What, because(reason))
		}
	}
	return strings.TrimSpace(string(e.Kind) + " " + e.What + because(reason))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

func many(n uint64, one, more string) string {
	if n <= 1 {
		return "one " + one
	}
	return strconv.FormatUint(n, 10) + " " + more
}

func ofConnection(e *Event, reason string) string {
	does := map[string]string{Opened: "logged in", Closed: "disconnected"}[e.What]
	switch {
	case e.Count > 1:
		return fmt.Sprintf("%d more connections within a second: %s%s", e.Count, does, because(reason))
	case e.Worker != "":
		return e.Worker + " " + does + because(reason)
	}
	return "a connection from " + e.Remote + " that never logged in ended" + because(reason)
}

func ofSwitch(e *Event, reason string) string {
	of := ""
	if e.Route != "" {
		of = " of route " + e.Route
	}
	if e.Count <= 1 && e.Worker != "" {
		return fmt.Sprintf("%s%s moved from pool %s to %s%s", e.Worker, of, e.From, e.To, because(reason))
	}
	return fmt.Sprintf("%s%s moved from pool %s to %s%s", many(e.Count, "miner", "miners"), of, e.From, e.To, because(reason))
}
