package events

import (
	"slices"
	"time"
)

// Kind says what an event is about.
type Kind string

// The kinds of events, with what may happen in each.
const (
	// Proxy: this program; [Started], [Stopping], and [Ended] where it did not say so.
	Proxy Kind = "proxy"
	// Connection: a miner's; [Opened] (its first worker has logged in), [Closed].
	Connection Kind = "connection"
	// Share: a sample of the shares; What is our verdict.
	Share Kind = "share"
	// Block: a share that meets the network's target; [Found].
	Block Kind = "block"
	// Job: what pools give; [NewBlock], [Work].
	Job Kind = "job"
	// Pool: a pool's state; [Entered].
	Pool Kind = "pool"
	// Switch: miners that went from a pool to another; [Moved], [Balanced].
	Switch Kind = "switch"
	// Alert: what an operator should look at; [Pending], [Firing], [Resolved].
	Alert Kind = "alert"
	// Ban: who is kept out; [Added], [Lifted].
	Ban Kind = "ban"
	// Act: what an administrator did; [Done], or [SignedIn] to the page and [SignedOut].
	Act Kind = "act"
	// Reload: another configuration; [Applied], [Refused].
	Reload Kind = "reload"
)

// Kinds lists them.
func Kinds() []Kind {
	return []Kind{Proxy, Connection, Share, Block, Job, Pool, Switch, Alert, Ban, Act, Reload}
}

// KindOf is the kind of a name; ok is false where there is none.
func KindOf(name string) (k Kind, ok bool) {
	i := slices.Index(Kinds(), Kind(name))
	if i < 0 {
		return "", false
	}
	return Kinds()[i], true
}

// What happened, as [Event.What] has it.
const (
	Started, Stopping, Ended  = "started", "stopping", "ended"
	Opened, Closed            = "opened", "closed"
	Found                     = "found"
	NewBlock, Work            = "new_block", "work"
	Entered                   = "entered"
	Moved, Balanced           = "moved", "balanced"
	Pending, Firing, Resolved = "pending", "firing", "resolved"
	Added, Lifted             = "added", "lifted"
	Done                      = "done"
	SignedIn, SignedOut       = "signed_in", "signed_out"
	Applied, Refused          = "applied", "refused"
)

// Severity says how much an event matters.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Event is one thing that has happened, or several of a kind at once. Whoever publishes
// one fills in what there is; ID is the log's.
type Event struct {
	ID       uint64    `json:"id" doc:"Grows with each event, over restarts too, and is never given twice; not all ids are given"`
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind" enum:"proxy,connection,share,block,job,pool,switch,alert,ban,act,reload"`
	What     string    `json:"what" doc:"What happened, in one word of the kind's: proxy started, stopping, ended (without having said so); connection opened, closed; share its verdict; block found; job new_block, work; pool entered; switch moved, balanced; alert pending, firing, resolved; ban added, lifted; act done, signed_in, signed_out; reload applied, refused"`
	Severity Severity  `json:"severity" enum:"info,warning,critical"`
	Message  string    `json:"message" doc:"The same in a sentence"`

	Pool   string `json:"pool,omitempty" doc:"The pool that it is about; of a switch the one that miners go to"`
	Route  string `json:"route,omitempty"`
	Worker string `json:"worker,omitempty" doc:"A login"`
	Miner  uint64 `json:"miner,omitempty" doc:"The connection's id, as in /api/v1/miners"`
	Remote string `json:"remote,omitempty" doc:"Where it came from, address:port or a network"`
	// From and To are a pool's states, or a switch's pools.
	From string `json:"from,omitempty" doc:"Of a pool the state before, of a switch the pool before"`
	To   string `json:"to,omitempty" doc:"Of a pool the state now, of a switch the pool now"`
	// Reason is one word where there is one: a [mining.Reason], a pool's reason, an
	// alert's name.
	Reason string `json:"reason,omitempty" doc:"Why, in one word: why a connection ended, why a pool is in its state, why miners moved, which alert it is"`
	Who    string `json:"who,omitempty" doc:"Who did it: a token's name, a user of the machine, a signal"`
	Detail string `json:"detail,omitempty" doc:"More of it in words: of a pool what is wrong, of an act what it has changed"`

	Count uint64  `json:"count,omitempty" doc:"For how many it stands, where it is not one: miners that moved, connections or shares that are not told of one by one"`
	Value float64 `json:"value,omitempty" doc:"Of a share the difficulty that its hash reached, of a job the pool's difficulty, of an alert what was measured"`
	// Until is when it ends by itself.
	Until *time.Time `json:"until,omitempty" doc:"Of a ban: when it ends"`
}

// Publisher takes events; [Log] is one. It never waits, and what it is given is its own.
type Publisher interface{ Publish(e Event) }

// Nobody is a Publisher that forgets everything.
type Nobody struct{}

// Publish implements [Publisher].
func (Nobody) Publish(Event) {}

// Kept says that the event is worth remembering over a restart: it says what became of
// pools, of miners' pools, and of what administrators see and do.
func (e *Event) Kept() bool {
	switch e.Kind { //nolint:exhaustive // all others are
	case Connection, Share, Job:
		return false
	case Switch:
		return e.What != Balanced // which a split does all the time
	}
	return true
}

// Gap is what a follower is told in place of events that are forgotten by now, or that
// were not kept over a restart.
type Gap struct {
	After  uint64 `json:"after" doc:"The id that was asked to resume after"`
	Oldest uint64 `json:"oldest" doc:"From which id on there is everything"`
}

// Timeline is what became of a pool in some time.
type Timeline struct {
	Pool      string     `json:"pool"`
	From      time.Time  `json:"from"`
	To        time.Time  `json:"to"`
	Intervals []Interval `json:"intervals" nullable:"false" doc:"Its states, one after the other, without gaps"`
	Switches  []Event    `json:"switches" nullable:"false" doc:"Miners that came or went, oldest first, the latest 1000"`
}

// Unknown is the state of a pool in a time of which nothing is known, NotRunning of one
// when this program was not running.
const (
	Unknown    = "unknown"
	NotRunning = "not_running"
	// Removed is the state of a pool that is not configured any more.
	Removed = "removed"
)

// Interval is a time during which a pool was in one state.
type Interval struct {
	State   string    `json:"state" enum:"unknown,not_running,connecting,active,standby,degraded,down,disabled,removed"`
	Reason  string    `json:"reason" doc:"Why it was in that state, in one word"`
	Error   string    `json:"error" doc:"What was wrong, in words; empty: nothing"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Seconds float64   `json:"seconds"`
}

// Page is a part of the log.
type Page struct {
	Events []Event `json:"events" nullable:"false" doc:"The latest first"`
	// Before is what to ask for next; 0: there are no older ones.
	Before uint64 `json:"before" doc:"Ask for before=THIS to have the older ones that follow; 0: there are none"`
}
