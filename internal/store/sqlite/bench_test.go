package sqlite_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/store/storetest"
)

// rows is how many single shares questions are asked beside: LOKA_BENCH_ROWS.
func rows(b *testing.B) int {
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

// BenchmarkApply takes a minute of 20,000 workers with one share each, and compares
// that with as many bare rows by a plain loop of inserts, none of them looked at again.
func BenchmarkApply(b *testing.B) {
	s := open(b)
	farm := &storetest.Farm{Workers: 20_000, Shares: 1, Begins: noon(), Minutes: 1}
	if err := s.Apply(b.Context(), farm.Next()); err != nil { // which enters the names
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	count := 0
	for b.Loop() {
		b.StopTimer()
		c := farm.Next()
		began := time.Now()
		bare(b, s, c)
		theirs += time.Since(began)
		b.StartTimer()
		began = time.Now()
		if err := s.Apply(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		count += len(c.Shares) + len(c.Rollups)
	}
	b.ReportMetric(float64(count)/ours.Seconds(), "rows/s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-bare")
}

// BenchmarkQuestions asks about a day beside which there are many single shares.
func BenchmarkQuestions(b *testing.B) {
	s := open(b)
	day := store.Day.Floor(noon())
	farm, chunks := storetest.Day(day, rows(b))
	began := time.Now()
	count := 0
	for range chunks {
		c := farm.Next()
		if err := s.Apply(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		count += len(c.Shares)
	}
	b.Logf("%d single shares in %v", count, time.Since(began).Round(time.Second))
	f := store.Filter{Instance: "farm", From: day, To: day.Add(24 * time.Hour)}
	worker := f
	worker.Worker = farm.Login(777)
	ctx := b.Context()
	for _, q := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"WorkerByMinute", func() (int, error) {
			p, err := s.Series(ctx, worker, store.Minute)
			return len(p), err
		}},
		{"WorkerByHour", func() (int, error) {
			p, err := s.Series(ctx, worker, store.Hour)
			return len(p), err
		}},
		{"FarmByMinute", func() (int, error) { p, err := s.Series(ctx, f, store.Minute); return len(p), err }},
		{"FarmByHour", func() (int, error) { p, err := s.Series(ctx, f, store.Hour); return len(p), err }},
		{"WorkersOfDay", func() (int, error) {
			p, err := s.Sums(ctx, f, store.Hour, store.Group{Worker: true})
			return len(p), err
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

// bare inserts as many rows as a chunk has into a table without an index.
func bare(b *testing.B, s *sqlite.Store, c *store.Chunk) {
	b.Helper()
	if err := s.Bare(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}
