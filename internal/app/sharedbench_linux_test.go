package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loka/stratum/internal/load"
)

// The benchmarks of shared mode. The proxy runs in the test's process, the
// miners in a child process, so that the process's CPU time and memory are
// the proxy's. Every figure stands beside that of a bare server that was
// measured in the same run, in turns; all are medians of several rounds. A
// ratio of one is as good as the bare thing.
//
// The difficulty is so low that the load finds a share in a few hashes.

// sharedMiners are the numbers of miners that are measured.
func sharedMiners() []int { return []int{1000, 5000, 18000} }

// BenchmarkSharedFanout measures a new block's way from the pool to all
// miners, beside two goroutines that write the same line to the same sockets.
//
//	written-ms   is the time from before the pool's first byte until the kernel
//	             has the line in the last miner's queue. The miners sleep.
//	received-ms  is the time until the last miner has read it, all of them
//	             reading meanwhile on the same cores,
//	x_…          are both as multiples of the bare loop's.
func BenchmarkSharedFanout(b *testing.B) {
	for _, n := range sharedMiners() {
		b.Run(fmt.Sprintf("miners=%d", n), func(b *testing.B) { benchFanout(b, n) })
	}
}

func benchFanout(b *testing.B, n int) {
	b.Helper()
	// Few writes are over before the scheduler has found the second core, or
	// not, so there they are measured more often.
	rounds := max(9, 20_000/n)
	f := newFarm(b, n)
	f.connect(f.addr, n, true)
	defer f.leave(b, f.addr)
	f.renew() // the first has caches to fill
	notify := f.duelFanout(b, n, rounds, func() {}, f.pool.Announce)
	b.ReportMetric(float64(len(notify)), "B/notify")
}

// BenchmarkSharedShares measures the CPU time of a share that is checked in
// full and answered, beside a bare server that answers lines of the same size
// without a look at them, on fresh sockets. In a closed loop each miner has one
// share outstanding; paced, 5,000 shares a second are spread over 1,000
// miners. What is kept of single shares is no part of it, but for the last: it is
// written to the disk seconds later, which here would be while the other has its turn.
//
//	cpu-us/share  is the proxy's CPU time for a share and its answer,
//	x_bare        is that as a multiple of the bare server's,
//	allocs/share  counts the proxy's allocations,
//	shares/s      and load-us/share (the load's CPU time) say who was busy,
//	x_growth      is how much more a share costs than at 1,000 miners, as a
//	              multiple of how much more the bare server's does.
func BenchmarkSharedShares(b *testing.B) {
	var few, bareFew float64
	for _, n := range sharedMiners() {
		b.Run(fmt.Sprintf("closed/miners=%d", n), func(b *testing.B) {
			ours, bare := benchShares(b, n, fmt.Sprintf("closed %d", max(60_000, 4*n)), keepsNone)
			if n == sharedMiners()[0] {
				few, bareFew = ours, bare
			} else if few > 0 {
				b.ReportMetric(ours/few/(bare/bareFew), "x_growth")
			}
		})
	}
	b.Run("paced/miners=1000", func(b *testing.B) { benchShares(b, 1000, "paced 5000 5000", keepsNone) })
	b.Run("kept/miners=1000", func(b *testing.B) { benchShares(b, 1000, "paced 5000 5000", "") })
}

// keepsNone is the configuration of a proxy that keeps sums, but no single shares.
const keepsNone = "[storage]\nkeep_shares = \"0s\"\n"

func benchShares(b *testing.B, n int, command, text string) (ours, bare float64) {
	b.Helper()
	const cycles, rounds = 3, 3
	f := newFarm(b, n, text)
	plain := bareServer(b, f.addr)
	proxyCost, bareCost := &load.Cost{}, &load.Cost{}
	for range cycles {
		for _, side := range []struct {
			addr string
			cost *load.Cost
		}{{f.addr, proxyCost}, {plain, bareCost}} {
			f.connect(side.addr, n, false)
			f.load.do("%s", command) // the first round fills caches
			for range rounds {
				f.load.measure(side.cost, command)
			}
			f.leave(b, side.addr)
		}
	}
	ours, bare = load.Median(proxyCost.CPU), load.Median(bareCost.CPU)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours, "cpu-us/share")
	b.ReportMetric(bare, "bare-cpu-us/share")
	b.ReportMetric(ours/bare, "x_bare")
	b.ReportMetric(load.Median(proxyCost.Allocs), "allocs/share")
	b.ReportMetric(load.Median(proxyCost.Rate), "shares/s")
	b.ReportMetric(load.Median(bareCost.Rate), "bare-shares/s")
	b.ReportMetric(load.Median(proxyCost.Load), "load-us/share")
	return ours, bare
}

// BenchmarkSharedIdle measures what a miner costs that has work and is
// silent, beside the bare server's.
//
//	B/miner         is objects of the heap and stacks once the garbage is gone, with
//	                the miners less without,
//	rss-B/miner     is what the process's resident memory grew by,
//	worked-B/miner  is B/miner once each has handed in a share or two.
func BenchmarkSharedIdle(b *testing.B) {
	n := sharedMiners()[len(sharedMiners())-1]
	b.Run(fmt.Sprintf("miners=%d", n), func(b *testing.B) { benchIdle(b, n) })
}

func benchIdle(b *testing.B, n int) {
	b.Helper()
	f := newFarm(b, n)
	plain := bareServer(b, f.addr)
	grew := func(addr string) (inHeap, resident, worked float64) {
		heap, rss := inUse(b)
		f.connect(addr, n, false)
		time.Sleep(500 * time.Millisecond)
		heapAfter, rssAfter := inUse(b)
		f.load.do("closed %d", 2*n)
		heapWorked, _ := inUse(b)
		f.leave(b, addr)
		return (heapAfter - heap) / float64(n), (rssAfter - rss) / float64(n), (heapWorked - heap) / float64(n)
	}
	ours, resident, worked := grew(f.addr)
	bare, _, _ := grew(plain)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours, "B/miner")
	b.ReportMetric(worked, "worked-B/miner")
	b.ReportMetric(resident, "rss-B/miner")
	b.ReportMetric(bare, "bare-B/miner")
	b.ReportMetric(ours/bare, "x_bare")
}

// BenchmarkSharedStorm measures how long it takes until miners that all
// connect at once have work, beside a bare server with the same three round
// trips: accept, subscribe, authorize and a job. At most 3,000 wait for their
// first answer, which is what the kernel's queue of connections to accept
// takes.
//
//	ms          is from the first connection until the last miner's first job,
//	x_bare      is that as a multiple of the bare server's.
func BenchmarkSharedStorm(b *testing.B) {
	n := sharedMiners()[len(sharedMiners())-1]
	b.Run(fmt.Sprintf("miners=%d", n), func(b *testing.B) { benchStorm(b, n) })
}

func benchStorm(b *testing.B, n int) {
	b.Helper()
	const rounds = 5
	f := newFarm(b, n)
	plain := bareServer(b, f.addr)
	storm := func(addr string) float64 {
		took := f.connect(addr, n, false)
		f.leave(b, addr)
		return took.Seconds() * 1e3
	}
	storm(f.addr) // the first has caches to fill
	var d load.Duel
	for range rounds {
		d.Round(storm(f.addr), storm(plain))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(load.Median(d.Ours), "ms")
	b.ReportMetric(load.Median(d.Bare), "bare-ms")
	b.ReportMetric(load.Median(d.Ratio), "x_bare")
}
