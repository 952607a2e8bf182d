package work_test

import (
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/work"
)

// benchShare has a coinbase of 250 bytes and 12 branches, as on mainnet.
func benchShare(tb testing.TB) share {
	tb.Helper()
	s := loadShares(tb)[0].parse(tb)
	pad := 250 - len(s.prefix) - s.en1.Len() - s.en2.Len() - len(s.suffix)
	s.suffix = slices.Concat(s.suffix, make([]byte, pad))
	if len(s.branches) != 12 {
		tb.Fatalf("%d branches", len(s.branches))
	}
	return s
}

// BenchmarkShareCheck is everything that decides about a share once it is
// parsed. Its second figure is how many plain SHA-256d of a header take as
// long, measured in the same run.
func BenchmarkShareCheck(b *testing.B) {
	s := benchShare(b)
	scratch := make([]byte, 0, 512)
	goal := target(8192)
	met := 0
	b.ReportAllocs()
	for b.Loop() {
		if goal.Met(s.headerHash(scratch)) {
			met++
		}
	}
	check := b.Elapsed()
	header := s.header(scratch).Append(nil)
	start := time.Now()
	for range b.N {
		if h := work.DoubleSHA256(header); goal.Met(h) {
			met++
		}
	}
	b.ReportMetric(float64(check)/float64(time.Since(start)), "headers/op")
	if met > 0 {
		b.Fatalf("a padded coinbase cannot meet its target, but did %d times", met)
	}
}

func BenchmarkHeaderHash(b *testing.B) {
	s := benchShare(b)
	header := s.header(nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = header.Hash()
	}
}

func BenchmarkDifficultyTarget(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = work.Difficulty(0.001).Target()
	}
}

func BenchmarkHashDifficulty(b *testing.B) {
	s := benchShare(b)
	h := s.headerHash(nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = h.Difficulty()
	}
}
