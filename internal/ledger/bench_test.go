package ledger

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

func entry(l *Ledger, name string) Entry {
	return Entry{
		Worker: l.Worker(name, "r", epoch), Pool: l.Pool("p", epoch),
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
		do   func()
	}{
		{"recording", func() { l.Record(e); l.Record(news) }},
		{"recording and booking", func() { l.Record(e); l.Record(news); l.Tick(epoch) }},
		// 10,000 are more than a queue holds: the recorder books them itself.
		{"recording more than fits", func() {
			for range 10_000 {
				l.Record(e)
			}
		}},
	} {
		if n := testing.AllocsPerRun(100, c.do); n != 0 {
			t.Errorf("%s a share allocates %v times", c.name, n)
		}
	}
}

// BenchmarkRecord prints the cost of booking a share and what it is in plain
// shared atomic additions of the same run; to compare on a noisy machine.
func BenchmarkRecord(b *testing.B) {
	l := New(Config{}, epoch)
	e := entry(l, "w")
	b.Run("one", func(b *testing.B) { // what the share path waits for
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
	b.Run("booked", func(b *testing.B) { // all of it
		b.ReportAllocs()
		for b.Loop() {
			l.Record(e)
		}
		ratio(b, 1)
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
}

func BenchmarkSnapshot20k(b *testing.B) {
	l := New(Config{}, epoch)
	for i := range 20_000 {
		l.Record(entry(l, string(rune(0x4e00+i))))
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Snapshot(epoch.Add(time.Minute))
	}
}

func BenchmarkTick20k(b *testing.B) {
	l := New(Config{}, epoch)
	for i := range 20_000 {
		l.Record(entry(l, string(rune(0x4e00+i))))
	}
	now := epoch
	for b.Loop() {
		now = now.Add(5 * time.Second)
		l.Tick(now)
	}
}

func BenchmarkRemember20k(b *testing.B) {
	l := New(Config{}, epoch)
	for i := range 20_000 {
		l.Record(entry(l, string(rune(0x4e00+i))))
	}
	for b.Loop() {
		l.Remember(epoch.Add(time.Hour))
	}
}
