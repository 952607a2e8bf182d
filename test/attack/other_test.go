//go:build !linux

package attack

import "testing"

// TestAttack says why it does nothing.
func TestAttack(t *testing.T) {
	t.Skip("SKIPPED: make attack needs Linux: /proc, epoll and sched_setaffinity")
}
