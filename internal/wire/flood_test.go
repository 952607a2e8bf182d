package wire

import (
	"bytes"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// A peer that talks faster than it is listened to cannot talk its deadlines
// away.
func TestFloodDoesNotStopTheClock(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			way(t, Config{}, func(r *rig) {
				begun := time.Now()
				r.handler.line = func(string) error {
					time.Sleep(time.Millisecond)
					return nil
				}
				r.handler.tick = func(now time.Time) (mining.Reason, time.Time) {
					if now.Sub(begun) >= 50*time.Millisecond {
						return mining.AuthorizeTimeout, time.Time{}
					}
					return "", begun.Add(50 * time.Millisecond)
				}
				r.start()
				line := append(bytes.Repeat([]byte{'x'}, 1023), '\n')
				for said := 0; said < 4<<20; said += len(line) {
					if _, err := r.peer.Write(line); err != nil {
						r.end(mining.AuthorizeTimeout)
						return
					}
				}
				t.Fatal("4 MiB were taken after the deadline")
			})
		})
	}
}
