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
	if n := testing.AllocsPerRun(1000, func() { l.Record(e); l.RecordPool(e) }); n != 0 {
		t.Errorf("booking a share allocates %v times", n)
	}
}

// BenchmarkRecord prints the cost of booking a share and what it is in plain
// shared atomic additions of the same run; to compare on a noisy machine.
func BenchmarkRecord(b *testing.B) {
	l := New(Config{}, epoch)
	e := entry(l, "w")
	b.Run("one", func(b *testing.B) {
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

func BenchmarkSave20k(b *testing.B) {
	l := New(Config{}, epoch)
	for i := range 20_000 {
		l.Record(entry(l, string(rune(0x4e00+i))))
	}
	var size int
	for b.Loop() {
		data, err := l.encode(epoch.Add(time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		size = len(data)
	}
	b.ReportMetric(float64(size)/20_000, "B/worker")
}
