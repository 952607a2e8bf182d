package ledger

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/loka/stratum/internal/testkit/turns"
)

// BenchmarkInterning is finding the book of a login that is known, and letting it go,
// of one worker and of 20,000 in no order. x_map is that as a multiple of looking the
// login up in a map under a lock that readers share.
func BenchmarkInterning(b *testing.B) {
	for _, workers := range []int{1, 20_000} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := New(Config{}, epoch)
			var mu sync.RWMutex
			plain := make(map[string]*WorkerBook)
			logins := make([]string, workers)
			for i := range logins {
				logins[i] = fmt.Sprintf("farm.rig%05d", i)
				plain[logins[i]] = l.Worker(logins[i], "r", epoch)
			}
			rand.Shuffle(workers, func(i, j int) { logins[i], logins[j] = logins[j], logins[i] })
			i, j, found := 0, 0, 0
			turns.Compare(b, func() {
				w := l.Worker(logins[i%workers], "r", epoch)
				l.Release(w)
				i++
			}, turns.Of("x_map", func() {
				mu.RLock()
				w := plain[logins[j%workers]]
				mu.RUnlock()
				if w != nil {
					found++
				}
				j++
			}))
			if found == 0 {
				b.Error("the map has nobody")
			}
		})
	}
}
