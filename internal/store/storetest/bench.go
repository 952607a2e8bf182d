package storetest

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/loka/stratum/internal/store"
)

// BenchApply gives a warehouse a minute of 20,000 workers with one share each, and
// compares that with as many bare rows, which bare writes into a table without an
// index and says how long that took; none of them is looked at again.
func BenchApply(b *testing.B, w store.Warehouse, bare func(*store.Chunk) (time.Duration, error)) {
	b.Helper()
	farm := &Farm{Workers: 20_000, Shares: 1, Begins: store.Day.Floor(start()).Add(12 * time.Hour), Minutes: 1}
	if err := w.Apply(b.Context(), farm.Next()); err != nil { // which enters the names
		b.Fatal(err)
	}
	var theirs time.Duration
	count := 0
	for b.Loop() {
		b.StopTimer()
		c := farm.Next()
		took, err := bare(c)
		if err != nil {
			b.Fatal(err)
		}
		theirs += took
		b.StartTimer()
		if err := w.Apply(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		count += len(c.Shares) + len(c.Rollups)
	}
	b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(b.Elapsed().Seconds()/theirs.Seconds(), "x-bare")
}

// BenchQuestions asks a warehouse about a day beside which there are many single
// shares: LOKA_BENCH_ROWS of them. filled is called once they are there.
func BenchQuestions(b *testing.B, w store.Warehouse, filled func() error) {
	b.Helper()
	ctx, day := b.Context(), store.Day.Floor(start())
	farm, chunks := Day(day, benchRows(b))
	count := 0
	for range chunks {
		c := farm.Next()
		if err := w.Apply(ctx, c); err != nil {
			b.Fatal(err)
		}
		count += len(c.Shares)
	}
	if err := filled(); err != nil {
		b.Fatal(err)
	}
	b.Logf("beside %d single shares", count)
	all := store.Filter{Instance: "farm", From: day, To: day.Add(24 * time.Hour)}
	one := all
	one.Worker = farm.Login(777)
	series := func(f store.Filter, s store.Step) func() (int, error) {
		return func() (int, error) {
			p, err := w.Series(ctx, f, s)
			return len(p), err
		}
	}
	for _, q := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"WorkerByMinute", series(one, store.Minute)},
		{"WorkerByHour", series(one, store.Hour)},
		{"FarmByMinute", series(all, store.Minute)},
		{"FarmByHour", series(all, store.Hour)},
		{"WorkersOfDay", func() (int, error) {
			s, err := w.Sums(ctx, all, store.Hour, store.Group{Worker: true})
			return len(s), err
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				if n, err := q.ask(); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// benchRows is how many single shares questions are asked beside.
func benchRows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("LOKA_BENCH_ROWS")
	if text == "" {
		return 1_440_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
