package link

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// State is how a pool is doing, as the API spells it.
type State string

// The states of a [Keeper].
const (
	// Connecting: not yet usable, and nothing has failed yet.
	Connecting State = "connecting"
	// Active: subscribed, our login authorized, and a job is there.
	Active State = "active"
	// Down: the latest attempt failed, the connection ended, or the pool took
	// our login and sends no job. It is tried again; the state stays until
	// the pool is active.
	Down State = "down"
)

// Facts is what a pool has told us of itself.
type Facts struct {
	Extranonce1     work.Extranonce
	Extranonce2Size int
	// VersionMask is what the pool lets us roll; 0 is nothing.
	VersionMask work.VersionMask
	Difficulty  work.Difficulty
	// Job is the newest job, nil before the first.
	Job *mining.Job
}

// Status is a snapshot of a [Keeper].
type Status struct {
	State State
	// Since is when the state was entered.
	Since time.Time
	// Reason says why the pool is down; it is empty otherwise.
	Reason mining.Reason
	// Error is one line for people: what went wrong and what to do; while
	// connecting, what is awaited. It is empty while the pool is active.
	Error string
	// Facts are the current connection's or, while there is none, the last
	// one's. Known says that there are any.
	Facts Facts
	Known bool
	// Attempts counts the connections tried.
	Attempts uint64
}

// Status returns a snapshot.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// State is how the pool is doing.
func (k *Keeper) State() State { return k.Status().State }

// Ready says that the pool can be used now.
func (k *Keeper) Ready() bool { return k.State() == Active }

// Facts is what is known of the pool, from an earlier connection if there is
// none now. ok is false before anything was.
func (k *Keeper) Facts() (facts Facts, ok bool) {
	status := k.Status()
	return status.Facts, status.Known
}

// DownError is why a pool cannot be used.
type DownError struct {
	Pool string
	// Why is the one word for it.
	Why mining.Reason
	// Text is one line for people: what went wrong and what to do.
	Text string
}

// Error names the pool and says what is wrong.
func (e *DownError) Error() string { return "pool " + e.Pool + " is down: " + e.Text }

// Reason is the one word for it.
func (e *DownError) Reason() mining.Reason { return e.Why }

// Wait returns the pool's facts as soon as the current connection has told
// them: extranonce and version mask. While the pool is down it returns a
// *[DownError] at once, so that nobody waits for what has just failed.
func (k *Keeper) Wait(ctx context.Context) (Facts, error) {
	for {
		k.mu.Lock()
		status, known, changed := k.status, k.try.known && !k.try.stuck, k.changed
		k.mu.Unlock()
		if known {
			return status.Facts, nil
		}
		if status.State == Down {
			return Facts{}, &DownError{Pool: k.cfg.Link.Pool, Why: status.Reason, Text: status.Error}
		}
		select {
		case <-ctx.Done():
			return Facts{}, context.Cause(ctx)
		case <-changed:
		}
	}
}
