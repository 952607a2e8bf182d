// Package pace spaces what must not be logged as often as it happens: what
// strangers, or a pool that repeats itself, can cause at will must not fill a
// disk.
//
// It knows no log and no clock. A [Pace] is safe for any number of goroutines.
package pace

import (
	"sync/atomic"
	"time"
)

// Every is the time between two lines of one kind.
const Every = time.Minute

// Pace lets one event through in each [Every]. Its zero value is ready.
type Pace struct{ last atomic.Int64 } // Unix nanoseconds

// Due says whether an event at now may pass, and if so counts it as passed.
// Of several at the same time one passes.
func (p *Pace) Due(now time.Time) bool {
	last := p.last.Load()
	return (last == 0 || now.UnixNano()-last >= int64(Every)) && p.last.CompareAndSwap(last, now.UnixNano())
}
