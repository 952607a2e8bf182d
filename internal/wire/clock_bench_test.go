package wire

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/turns"
)

// BenchmarkClock is what a read spends on knowing when it was, of which one in so many
// is timed. x_now is that as a multiple of a look at the clock.
func BenchmarkClock(b *testing.B) {
	for _, every := range []int{0, 1, 16} {
		b.Run(fmt.Sprintf("one_in=%d", every), func(b *testing.B) {
			a, peer := net.Pipe()
			b.Cleanup(func() { _ = io.Closer(peer).Close() })
			c := New(a, nil, &Config{TimeOneIn: every})
			var last time.Time
			turns.Compare(b, func() { c.time() }, turns.Of("x_now", func() { last = time.Now() }))
			if last.IsZero() {
				b.Error("no time")
			}
		})
	}
}
