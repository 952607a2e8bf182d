package ledger

import (
	"testing"
	"time"
)

// TestClockPutBack: a clock that is put back makes nobody a hundred times as fast,
// and windows go on from there.
func TestClockPutBack(t *testing.T) {
	for _, back := range []time.Duration{10 * time.Second, 2 * time.Minute, time.Hour, 48 * time.Hour} {
		l := New(Config{}, epoch)
		w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
		now := mine(l, w, p, epoch, 900).Add(-back)
		for range 30 {
			now = mine(l, w, p, now, 10)
			s := l.Snapshot(now)
			for i := range Window(windowCount) {
				for what, got := range map[string]float64{"total": s.Total.Recent[i].Hashrate(), "worker": s.Workers[0].Recent[i].Hashrate(), "pool": s.Pools[0].Recent[i].Hashrate()} {
					if !closeTo(got, 10, 25) {
						t.Fatalf("put back by %v, %v later the %s's window of %v shows %.2f a second", back, now.Sub(epoch), what, i, got/(1<<32))
					}
				}
			}
		}
	}
}
