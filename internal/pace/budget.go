package pace

import (
	"sync"
	"time"
)

// What a [Budget] lets through: so many at once, and so many a second after that.
const (
	Burst     = 1000
	PerSecond = 5
)

// Budget lets each event through as long as there are few, and a part of them where
// there are very many: what tells of single miners is worth reading, but whoever may
// connect can cause it at will. Its zero value is ready.
type Budget struct {
	mu     sync.Mutex
	spent  float64
	at     time.Time
	missed uint64
}

// Pass says whether an event at now may pass, and if so how many have not since the last
// one that did.
func (b *Budget) Pass(now time.Time) (ok bool, missed uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if since := now.Sub(b.at); since > 0 {
		b.spent = max(0, b.spent-PerSecond*since.Seconds())
		b.at = now
	}
	if b.spent > Burst-1 {
		b.missed++
		return false, 0
	}
	b.spent++
	missed, b.missed = b.missed, 0
	return true, missed
}
