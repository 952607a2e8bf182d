package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

func entry(l *Ledger, name string) Entry {
	return Entry{
		Worker: l.Worker(name, "r", epoch), Pool: l.Pool("p", epoch), Route: l.Route("r", epoch), Job: &mining.Job{Network: 1.2e14, Reward: 315_000_000},
		Verdict: mining.Accepted, PoolVerdict: mining.Accepted,
		Difficulty: 512, PoolDifficulty: 1024, ShareDifficulty: 600, At: epoch.Add(time.Second),
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	l := New(Config{}, epoch)
	e := entry(l, "w")
	news := e
	news.Verdict, news.ID = mining.Pending, 7
	for _, c := range []struct {
		name string
		runs int // of which the mean must be none, rounded down: fewer find more
		do   func()
	}{
		{"recording", 100, func() { l.Record(e); l.Record(news) }},
		{"recording and booking", 100, func() { l.Record(e); l.Record(news); l.Tick(epoch) }},
		// 10,000 are more than a queue holds: the recorder books them itself.
		{"recording more than fits", 5, func() {
			for range 10_000 {
				l.Record(e)
			}
		}},
	} {
		if n := testing.AllocsPerRun(c.runs, c.do); n != 0 {
			t.Errorf("%s a share allocates %v times", c.name, n)
		}
	}
}

// BenchmarkRecord prints the cost of booking a share and what it is in plain
// shared atomic additions of the same run; to compare on a noisy machine.
func BenchmarkRecord(b *testing.B) {
	l := New(Config{}, epoch)
	e := entry(l, "w")
	b.Run("one", func(b *testing.B) { // what the share path waits for; the queue is never full
		b.ReportAllocs()
		var n int
		for b.Loop() {
			l.Record(e)
			if n++; n == queueSize/2 {
				b.StopTimer()
				l.Tick(epoch)
				n = 0
				b.StartTimer()
			}
		}
		ratio(b, 1)
	})
	b.Run("booked", func(b *testing.B) { // all of it, of one worker, whose book is at hand
		b.ReportAllocs()
		begun := cpu(b)
		for b.Loop() {
			l.Record(e)
		}
		ratioOfCPU(b, begun)
	})
	b.Run("farm", func(b *testing.B) { // all of it, of 20,000 workers in no order, booked a tenth of a second's at a time
		l, all := benchFarm(20_000)
		for i := range all {
			l.Record(all[i])
		}
		b.ReportAllocs()
		begun := cpu(b)
		var n int
		for b.Loop() {
			l.Record(all[n%len(all)])
			if n++; n%660 == 0 { // a share is two events, and there are 3,300 shares a second
				l.Tick(epoch)
			}
		}
		ratioOfCPU(b, begun)
	})
	b.Run("parallel", func(b *testing.B) {
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			mine := entry(l, string(rune('a'+n.Add(1))))
			for pb.Next() {
				l.Record(mine)
			}
		})
		ratio(b, runtime.GOMAXPROCS(0))
	})
}

// ratio divides what the benchmark took by what as many additions to one
// shared counter take, by as many goroutines.
func ratio(b *testing.B, goroutines int) {
	b.Helper()
	took := b.Elapsed()
	b.StopTimer()
	var shared atomic.Uint64
	var wg sync.WaitGroup
	start := time.Now()
	for range goroutines {
		wg.Go(func() {
			for range b.N/goroutines + 1 {
				shared.Add(1)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(took)/float64(time.Since(start)), "×atomic")
	b.ReportMetric(float64(b.N)/took.Seconds()/float64(goroutines), "events/s/core")
}

// cpu is the process's CPU time.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratioOfCPU is ratio by CPU time, which other processes do not add to.
func ratioOfCPU(b *testing.B, begun time.Duration) {
	b.Helper()
	took := cpu(b) - begun
	b.StopTimer()
	var shared atomic.Uint64
	begun = cpu(b)
	additions := max(b.N, 10_000_000)
	for range additions {
		shared.Add(1)
	}
	one := float64(cpu(b)-begun) / float64(additions)
	b.ReportMetric(float64(took)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(took)/float64(b.N)/one, "×atomic")
	b.ReportMetric(float64(b.N)/took.Seconds(), "events/s/core")
}

// benchFarm is a ledger of workers in no order, and a share of each.
func benchFarm(workers int) (*Ledger, []Entry) {
	l := New(Config{}, epoch)
	all := make([]Entry, workers)
	for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(workers) {
		all[i] = entry(l, fmt.Sprintf("user%d.rig%d", k%100, k))
		all[i].At = epoch
	}
	return l, all
}

// BenchmarkBooks reads and keeps the books of 20,000 and of 100,000 workers, who
// have been there for an hour.
func BenchmarkBooks(b *testing.B) {
	for _, workers := range []int{20_000, 100_000} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l, all := benchFarm(workers)
		for i := range all {
			l.Record(all[i])
		}
		now := epoch
		for range 720 {
			now = now.Add(5 * time.Second)
			l.Tick(now)
		}
		clear(all)
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap := float64(after.HeapAlloc-before.HeapAlloc) / float64(workers)
		for _, of := range []struct {
			name string
			do   func()
		}{
			{"snapshot", func() { l.Snapshot(now) }},
			{"locked", func() { l.read(now) }}, // for how long nobody else books or reads
			{"tick", func() { now = now.Add(5 * time.Second); l.Tick(now) }},
			{"remember", func() { l.Remember(now) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", of.name, workers), func(b *testing.B) {
				b.ReportAllocs()
				begun := cpu(b)
				for b.Loop() {
					of.do()
				}
				took := (cpu(b) - begun) / time.Duration(b.N)
				b.StopTimer()
				b.ReportMetric(float64(took.Microseconds())/1000, "cpu-ms/op")
				b.ReportMetric(float64(took)/float64(copying(b, workers*BookBytes)), "×copy")
				b.ReportMetric(heap, "B/worker")
			})
		}
	}
}

// copying is the CPU time of a plain copy of so many bytes, into memory that is new
// as that of a snapshot is.
func copying(b *testing.B, bytes int) time.Duration {
	b.Helper()
	from := make([]byte, bytes)
	for i := 0; i < bytes; i += 4096 {
		from[i] = 1
	}
	const times = 5
	begun := cpu(b)
	for range times {
		to := append([]byte(nil), from...)
		runtime.KeepAlive(to)
	}
	return (cpu(b) - begun) / times
}

// BenchmarkWait is the longest that a recorder waits while 100,000 workers are read
// all the time: at the pace of a large farm, and as fast as it can, where the queue
// is full whenever somebody reads.
func BenchmarkWait(b *testing.B) {
	for _, pace := range []time.Duration{300 * time.Microsecond, 0} {
		name := "as fast as can be"
		if pace > 0 {
			name = "3300 a second"
		}
		b.Run(name, func(b *testing.B) {
			l, all := benchFarm(100_000)
			for i := range all {
				l.Record(all[i])
			}
			l.Tick(epoch)
			ctx, cancel := context.WithCancel(b.Context())
			var reader sync.WaitGroup
			reader.Go(func() {
				for ctx.Err() == nil {
					l.Snapshot(epoch)
				}
			})
			var worst time.Duration
			n := 0
			for b.Loop() {
				begun := time.Now()
				l.Record(all[n%len(all)])
				worst = max(worst, time.Since(begun))
				n++
				for pace > 0 && time.Since(begun) < pace {
					runtime.Gosched()
				}
			}
			cancel()
			reader.Wait()
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
		})
	}
}
