package link

import (
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/loka/stratum/internal/mining"
)

const (
	// breakAfter is how many connections in a row have to fail for a breaker to
	// open; of the probe's, one is enough.
	breakAfter = 3
	// breakFor is the time between two connections that an open breaker lets try.
	// Who dials has longer pauses of its own: it must not take longer to find that
	// the pool is back.
	breakFor = time.Second
)

// Breaker keeps connections away from a pool that takes none, whoever dials:
// it is closed, or open, or half open while one connection tries whether the pool
// is back. A connection has failed if the pool did not subscribe it; what comes
// later, such as a login that is refused, is no trouble of the pool's. Any number
// of goroutines may use it. Nil is always closed.
type Breaker struct {
	breaker circuitbreaker.CircuitBreaker[any]
}

// NewBreaker makes a breaker, closed. onChange is called after a change, from
// any goroutine; nil is nobody.
func NewBreaker(onChange func()) *Breaker {
	b := circuitbreaker.NewBuilder[any]().WithFailureThreshold(breakAfter).WithSuccessThreshold(1).WithDelay(breakFor)
	if onChange != nil {
		b = b.OnStateChanged(func(circuitbreaker.StateChangedEvent) { onChange() })
	}
	return &Breaker{b.Build()}
}

// BreakerState is a state of a [Breaker], as the API spells it.
type BreakerState string

// The states.
const (
	Closed   BreakerState = "closed"
	Open     BreakerState = "open"
	HalfOpen BreakerState = "half_open"
)

// State is how the breaker is.
func (b *Breaker) State() BreakerState {
	if b == nil {
		return Closed
	}
	switch b.breaker.State() {
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	case circuitbreaker.ClosedState:
	}
	return Closed
}

// Allow lets a link be run now that has the breaker in its [Deps], or not. Where
// it does, that has to be run.
func (b *Breaker) Allow() bool { return b == nil || b.breaker.TryAcquirePermit() }

// Wait is for how long at the most it makes no sense to ask again, if nothing
// changes.
func (b *Breaker) Wait() time.Duration {
	if left := b.breaker.RemainingDelay(); left > 0 {
		return left
	}
	return breakFor // another connection tries
}

// probe lets the probe's link be run, at the probe's own pace.
func (b *Breaker) probe() {
	if b == nil {
		return
	}
	if b.breaker.IsOpen() {
		b.breaker.HalfOpen()
	}
	b.breaker.TryAcquirePermit()
}

// took notes that the pool has subscribed a link.
func (b *Breaker) took(probe bool) {
	switch {
	case b == nil:
	case probe:
		b.breaker.Close()
	default:
		b.breaker.RecordSuccess()
	}
}

// ended notes that a link has ended that the pool has not subscribed.
func (b *Breaker) ended(reason mining.Reason, probe bool) {
	if b == nil {
		return
	}
	ours := reason == mining.Shutdown || reason == mining.MinerGone || reason == mining.NoMiners
	switch {
	case !ours && !probe:
		b.breaker.RecordFailure()
	case !ours, b.breaker.IsHalfOpen(): // nobody knows, and another one may try
		b.breaker.Open()
	}
}
