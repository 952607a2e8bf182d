package vardiff_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/vardiff"
)

func TestHashrateOfNobody(t *testing.T) {
	c := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start())
	if h := c.Hashrate(start().Add(time.Hour)); h != 0 {
		t.Errorf("%g without a share", h)
	}
}

// TestHashrateIsNotTooHighAtFirst: one share that comes at once is as good as
// the wanted rate, not more.
func TestHashrateIsNotTooHighAtFirst(t *testing.T) {
	c := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start())
	c.Share(1000, start())
	within(t, "first share", c.Hashrate(start()), 1000*(1<<32)/10.0, 1.001)
}

// TestHashrate of a fast miner through all changes of its difficulty.
func TestHashrate(t *testing.T) {
	for _, perMinute := range []float64{1, 6, 60} {
		for seed := range uint64(30) {
			f := newFarm(&vardiff.Config{SharesPerMinute: perMinute}, vardiff.Difficulty(1e12, perMinute), seed, 200e12)
			f.run(time.Minute + time.Duration(20/perMinute*float64(time.Minute)))
			within(t, "young", f.control.Hashrate(f.time()), 200e12, 2.5)
			f.run(3 * time.Hour)
			within(t, "old", f.control.Hashrate(f.time()), 200e12, 1.8)
		}
	}
}

func TestHashrateSurvivesTold(t *testing.T) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start()), start()
	for range 300 {
		now = now.Add(10 * time.Second)
		c.Share(1000, now)
	}
	before := c.Hashrate(now)
	within(t, "steady", before, 1000*(1<<32)/10.0, 1.05)
	c.Told(64000, now)
	if after := c.Hashrate(now); after != before {
		t.Errorf("%g, was %g", after, before)
	}
}

func TestHashrateFades(t *testing.T) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start()), start()
	for range 300 {
		now = now.Add(10 * time.Second)
		c.Share(1000, now)
	}
	last := c.Hashrate(now)
	for range 12 {
		now = now.Add(5 * time.Minute)
		h := c.Hashrate(now)
		within(t, "after the averaging time", h, last/2.718, 1.02)
		last = h
	}
}
