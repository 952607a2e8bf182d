package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/store/storetest"
)

// BenchmarkLogWaits appends to the log twenty times a second while the same file takes a
// minute of 18,000 workers, and says how long the slowest of them took: so much more of
// what happened is lost if the process is killed then. x_alone is how many times as long as
// the slowest with nothing beside it, x_taking which part of the time that the minute took.
func BenchmarkLogWaits(b *testing.B) {
	ctx := b.Context()
	farm := &storetest.Farm{Workers: 18_000, Shares: 1, Begins: store.Day.Floor(noon()), Minutes: 1}
	for _, c := range []struct {
		name string
		take func(s *sqlite.Store, c *store.Chunk) error
	}{
		{"sums", func(s *sqlite.Store, c *store.Chunk) error { c.Shares = nil; return s.Apply(ctx, c) }},
		{"sums and shares", func(s *sqlite.Store, c *store.Chunk) error { return s.Apply(ctx, c) }},
		{"totals", func(s *sqlite.Store, c *store.Chunk) error {
			state, err := s.State(ctx)
			if err != nil {
				return err
			}
			totals := make([]store.Total, 0, len(c.Rollups))
			for i := range c.Rollups {
				totals = append(totals, store.Total{Key: c.Rollups[i].Key, Cell: c.Rollups[i].Cell})
			}
			return s.Settle(ctx, state.Last, totals)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := open(b)
			number := uint64(0)
			one := *farm
			if err := c.take(s, one.Next()); err != nil { // which enters the names
				b.Fatal(err)
			}
			alone := longest(b, s, &number, func() error { time.Sleep(time.Second); return nil })
			var beside, took []time.Duration
			for b.Loop() {
				chunk := one.Next()
				began := time.Now()
				beside = append(beside, longest(b, s, &number, func() error { return c.take(s, chunk) }))
				took = append(took, time.Since(began))
			}
			worst := slices.Max(beside)
			b.ReportMetric(worst.Seconds()*1e3, "ms-longest")
			b.ReportMetric(worst.Seconds()/alone.Seconds(), "x_alone")
			b.ReportMetric(worst.Seconds()/slices.Max(took).Seconds(), "x_taking")
		})
	}
}

// longest appends frames until what is done is over, and returns how long the slowest took.
func longest(b *testing.B, s *sqlite.Store, number *uint64, do func() error) time.Duration {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { defer cancel(); done <- do() }()
	var most time.Duration
	for ctx.Err() == nil {
		*number++
		began := time.Now()
		if err := s.Append(b.Context(), frame(*number, 20_000)); err != nil {
			b.Fatal(fmt.Errorf("appending: %w", err))
		}
		most = max(most, time.Since(began))
		time.Sleep(50 * time.Millisecond)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return most
}
