package quality

import (
	"sync"
	"time"
)

// Span is how long what is recent counts: between one and two of it.
const Span = 10 * time.Minute

// Recent counts what happened in the last ten to twenty minutes. Its zero value
// is ready, and it is safe for any number of goroutines.
type Recent struct {
	mu         sync.Mutex
	since      time.Time
	now, older uint64
}

// Add counts n more.
func (r *Recent) Add(now time.Time, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roll(now)
	r.now += n
}

// Count is how many there were of late.
func (r *Recent) Count(now time.Time) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roll(now)
	return r.now + r.older
}

func (r *Recent) roll(now time.Time) {
	switch age := now.Sub(r.since); {
	case age >= 2*Span:
		r.since, r.now, r.older = now, 0, 0
	case age >= Span:
		r.since, r.now, r.older = r.since.Add(Span), 0, r.now
	}
}
