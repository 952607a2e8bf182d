package app_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"
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
	sockets := serverSockets(b, f.addr)
	if len(sockets) != n {
		b.Fatalf("%d sockets of %d miners found", len(sockets), n)
	}
	line := ""
	ours := func() time.Time {
		begin, err := f.pool.announce()
		if err != nil {
			b.Fatal(err)
		}
		return begin
	}
	bare := func() time.Time {
		begin := time.Now()
		if err := rawFanout(sockets, []byte(line)); err != nil {
			b.Fatal(err)
		}
		return begin
	}
	written := func(send func() time.Time) float64 {
		begin := send()
		// Asleep, so that the miners take no time from the sender.
		time.Sleep(100*time.Millisecond + time.Duration(n)*25*time.Microsecond)
		r := f.load.do("gather")
		line = r.Sample
		return float64(r.Last-begin.UnixNano()) / 1e6
	}
	received := func(send func() time.Time) float64 {
		f.load.do("watch")
		begin := send()
		return float64(f.load.report().Last-begin.UnixNano()) / 1e6
	}
	b.ReportMetric(0, "ns/op")
	for _, way := range []struct {
		name    string
		measure func(func() time.Time) float64
	}{{"written", written}, {"received", received}} {
		way.measure(ours) // the first has caches to fill, and line to learn
		var d duel
		for range rounds {
			d.round(way.measure(ours), way.measure(bare))
		}
		b.ReportMetric(median(d.ours), way.name+"-ms")
		b.ReportMetric(median(d.bare), "bare-"+way.name+"-ms")
		b.ReportMetric(median(d.ratio), "x_"+way.name)
	}
	b.ReportMetric(float64(len(line)), "B/notify")
}

// BenchmarkSharedShares measures the CPU time of a share that is checked in
// full and answered, beside a bare server that answers lines of the same size
// without a look at them, on fresh sockets. In a closed loop each miner has one
// share outstanding; paced, 5,000 shares a second are spread over 1,000
// miners.
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
			ours, bare := benchShares(b, n, fmt.Sprintf("closed %d", max(60_000, 4*n)))
			if n == sharedMiners()[0] {
				few, bareFew = ours, bare
			} else if few > 0 {
				b.ReportMetric(ours/few/(bare/bareFew), "x_growth")
			}
		})
	}
	b.Run("paced/miners=1000", func(b *testing.B) { benchShares(b, 1000, "paced 5000 5000") })
}

func benchShares(b *testing.B, n int, command string) (ours, bare float64) {
	b.Helper()
	const cycles, rounds = 3, 3
	f := newFarm(b, n)
	plain := bareServer(b, learn(b, f.addr))
	proxyCost, bareCost := &shareCost{}, &shareCost{}
	for range cycles {
		for _, side := range []struct {
			addr string
			cost *shareCost
		}{{f.addr, proxyCost}, {plain, bareCost}} {
			f.connect(side.addr, n, false)
			f.load.do("%s", command) // the first round fills caches
			for range rounds {
				side.cost.measure(f.load, command)
			}
			f.leave(b, side.addr)
		}
	}
	ours, bare = median(proxyCost.cpu), median(bareCost.cpu)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours, "cpu-us/share")
	b.ReportMetric(bare, "bare-cpu-us/share")
	b.ReportMetric(ours/bare, "x_bare")
	b.ReportMetric(median(proxyCost.allocs), "allocs/share")
	b.ReportMetric(median(proxyCost.rate), "shares/s")
	b.ReportMetric(median(bareCost.rate), "bare-shares/s")
	b.ReportMetric(median(proxyCost.load), "load-us/share")
	return ours, bare
}

// shareCost gathers rounds of a load: microseconds of CPU time, and so on, a
// share.
type shareCost struct{ cpu, load, rate, allocs []float64 }

func (c *shareCost) measure(p *loadProcess, command string) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	mallocs, before := m.Mallocs, cpuTime()
	r := p.do("%s", command)
	cpu := cpuTime() - before
	runtime.ReadMemStats(&m)
	n := float64(r.Answered)
	c.cpu = append(c.cpu, float64(cpu.Nanoseconds())/1e3/n)
	c.load = append(c.load, float64(r.CPU)/1e3/n)
	c.rate = append(c.rate, n/time.Duration(r.Elapsed).Seconds())
	c.allocs = append(c.allocs, float64(m.Mallocs-mallocs)/n)
}

// BenchmarkSharedIdle measures what a miner costs that has work and is
// silent, beside the bare server's.
//
//	B/miner         is heap and stacks in use after two collections, with the
//	                miners less without,
//	rss-B/miner     is what the process's resident memory grew by,
//	worked-B/miner  is B/miner once each has handed in a share or two.
func BenchmarkSharedIdle(b *testing.B) {
	n := sharedMiners()[len(sharedMiners())-1]
	b.Run(fmt.Sprintf("miners=%d", n), func(b *testing.B) { benchIdle(b, n) })
}

func benchIdle(b *testing.B, n int) {
	b.Helper()
	f := newFarm(b, n)
	plain := bareServer(b, learn(b, f.addr))
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
	plain := bareServer(b, learn(b, f.addr))
	storm := func(addr string) float64 {
		took := f.connect(addr, n, false)
		f.leave(b, addr)
		return took.Seconds() * 1e3
	}
	storm(f.addr) // the first has caches to fill
	var d duel
	for range rounds {
		d.round(storm(f.addr), storm(plain))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(d.ours), "ms")
	b.ReportMetric(median(d.bare), "bare-ms")
	b.ReportMetric(median(d.ratio), "x_bare")
}
