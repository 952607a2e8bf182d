package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// EventKind says what an [Event] tells.
type EventKind uint8

// The kinds of event, each with the fields of [Event] that it fills.
const (
	// Subscribed: the pool took us. Extranonce1, Extranonce2Size. Once.
	Subscribed EventKind = iota + 1
	// Job: the pool gave a job. Job. Never before Subscribed.
	Job
	// Difficulty: the pool set our difficulty. Difficulty.
	Difficulty
	// Extranonce: the pool changed the extranonce after Subscribed; it is
	// valid from the next job on. Extranonce1, Extranonce2Size.
	Extranonce
	// Mask: what the pool lets us roll is known or has changed. VersionMask;
	// 0 is nothing. Where a mask was asked for at least one comes, before or
	// after Subscribed: a pool that does not answer in time counts as 0.
	Mask
	// Authorized: an authorize was answered. Tag, Verdict (Accepted,
	// Unauthorized, Invalid for a login we cannot send, Unanswered), Late,
	// RTT, Code, Text.
	Authorized
	// Verdict: a submit was answered. Tag, Verdict, Late, RTT, Code, Text.
	Verdict
	// Message: the pool has a text for people. Text.
	Message
	// Reconnect: the pool asks us to go elsewhere; who is told decides.
	// Host and Port (empty and 0: the same place), Wait.
	Reconnect
	// BadLine: a line could not be used and was skipped. Text says why.
	BadLine
	// AnsweredTwice: a submit that the pool had answered was answered once
	// more, which changes nothing. Tag, Verdict (of the new answer), First (of
	// the first, the same or not), RTT, Code, Text. Each further answer is one
	// of them, as long as the submit is remembered.
	AnsweredTwice
)

// String names the kind as logs do.
func (k EventKind) String() string {
	names := [...]string{
		"unknown", "subscribed", "job", "difficulty", "extranonce", "mask",
		"authorized", "verdict", "message", "reconnect", "bad_line",
		"answered_twice",
	}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Event is one thing a pool said or left unsaid, in neutral words. Its kind
// says which fields are set.
type Event struct {
	Kind EventKind
	// Late marks a verdict that came after the tag's first verdict was
	// Unanswered.
	Late bool
	// Local marks a verdict of our own on what was never sent to the pool.
	Local bool
	// Verdict is final: never Pending.
	Verdict mining.Verdict
	// First is what the pool answered first, of AnsweredTwice.
	First mining.Verdict
	// Port is Reconnect's, 0 where the pool named none.
	Port uint16
	// Extranonce1 and Extranonce2Size (in bytes) are the pool's.
	Extranonce1     work.Extranonce
	Extranonce2Size int
	VersionMask     work.VersionMask
	Difficulty      work.Difficulty
	Job             *mining.Job
	// Tag is the caller's own number of an authorize or a submit.
	Tag uint64
	// RTT is the time between a request and its verdict.
	RTT time.Duration
	// Wait is how long Reconnect asks us to wait first.
	Wait time.Duration
	// Code is the pool's error code, 0 where there is none.
	Code int
	// Text is the pool's words or ours: printable ASCII, at most MaxText bytes.
	Text string
	// Host is where Reconnect points, printable ASCII, at most MaxText bytes.
	Host string
}

// MaxText bounds every text that comes from a pool, in bytes.
const MaxText = 200

// CloseError ends a session.
type CloseError struct {
	// Why is the one word for it.
	Why mining.Reason
	// Err says more; it is never nil.
	Err error
}

// Error says why the session ended, the pool's words included.
func (e *CloseError) Error() string { return string(e.Why) + ": " + e.Err.Error() }

// Unwrap returns what is behind it.
func (e *CloseError) Unwrap() error { return e.Err }

// Reason is the one word for why the session ended.
func (e *CloseError) Reason() mining.Reason { return e.Why }
