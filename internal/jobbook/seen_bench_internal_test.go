package jobbook

import (
	"fmt"
	"sync"
	"testing"

	"github.com/loka/stratum/internal/testkit/turns"
)

// BenchmarkSeen is remembering shares, by one goroutine and by two at one time, as many
// as are remembered by default. x_map is that as a multiple of a map under a mutex,
// x_syncmap of a sync.Map, which both forget nothing.
func BenchmarkSeen(b *testing.B) {
	const each = 1 << 12
	for _, goroutines := range []int{1, 2} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			all := func(add func(n uint64)) func() {
				return func() {
					var wg sync.WaitGroup
					for g := range goroutines {
						wg.Go(func() {
							for n := range uint64(each) {
								add(n*uint64(goroutines) + uint64(g))
							}
						})
					}
					wg.Wait()
				}
			}
			var mu sync.Mutex
			plain := make(map[mark]bool)
			var concurrent sync.Map
			s := newSeen(2 * each * goroutines)
			ns := turns.Compare(b, func() {
				s.forget()
				all(func(n uint64) { s.add(hashOf(n)) })()
			}, turns.Of("x_map", func() {
				clear(plain)
				all(func(n uint64) {
					h := hashOf(n)
					p := mark{n, uint64(h[8])}
					mu.Lock()
					plain[p] = true
					mu.Unlock()
				})()
			}), turns.Of("x_syncmap", func() {
				concurrent.Clear()
				all(func(n uint64) { concurrent.LoadOrStore(hashOf(n), true) })()
			}))
			b.ReportMetric(ns/float64(each*goroutines), "ns/share")
		})
	}
}
