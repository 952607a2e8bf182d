package ratelimit_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
)

// setBack is a time by a clock that was set back after it was first looked at: the
// monotonic reading goes on, and the rest is seconds before.
func setBack(at time.Time, seconds uint64) time.Time {
	// The first word has a flag, 33 bits of seconds and 30 of nanoseconds.
	*(*uint64)(unsafe.Pointer(&at)) -= seconds << 30
	return at
}

// A clock that is set back holds nobody.
func TestClockSetBack(t *testing.T) {
	start := time.Now()
	if back := setBack(start, 3600); back.Sub(start) != 0 || start.Unix()-back.Unix() != 3600 {
		t.Fatalf("the clock was set from %v to %v", start, back)
	}
	all := ratelimit.Rate{PerSecond: 300, Burst: 3000}
	for name, cfg := range map[string]ratelimit.Config{
		"the defaults": ratelimit.DefaultConfig(), "a worker's": {Worker: all}, "an address's": {Address: all}, "a subnet's": {Subnet: all},
	} {
		r := newRig(cfg, ratelimit.Metrics{})
		r.now = start
		w, m := mining.NewWorker("farm.1"), r.connect("192.0.2.1")
		r.send(m, mining.Submit, w, 100)
		r.now = setBack(start.Add(time.Second), 3600)
		if hold := r.send(m, mining.Submit, w, 1); hold != 0 {
			t.Errorf("%s: held for %v", name, hold)
		}
	}
}
