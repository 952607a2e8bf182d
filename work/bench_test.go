package work_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/loka/stratum/internal/testkit/turns"
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
// parsed. x_sha256 is that as a multiple of the fourteen pairs of SHA-256 that it
// cannot do without, called on bytes that are ready, and headers/op of plain SHA-256d
// of a header, both measured in the same run in turns.
func BenchmarkShareCheck(b *testing.B) {
	s := benchShare(b)
	scratch := make([]byte, 0, 512)
	goal := target(8192)
	met := 0
	check := func() {
		if goal.Met(s.headerHash(scratch)) {
			met++
		}
	}
	header := s.header(scratch).Append(nil)
	coinbase := make([]byte, 250)
	pairs := func() {
		hashTwice(coinbase)
		for range len(s.branches) {
			hashTwice(header[:64])
		}
		hashTwice(header)
	}
	turns.Compare(b, check, turns.Of("x_sha256", pairs), turns.Of("headers/op", func() { hashTwice(header) }))
	if met > 0 {
		b.Fatalf("a padded coinbase cannot meet its target, but did %d times", met)
	}
}

// hashed keeps results from being optimized away: the compiler cannot see that nobody
// reads it.
var hashed byte

func hashTwice(b []byte) {
	first := sha256.Sum256(b)
	second := sha256.Sum256(first[:])
	hashed = second[0]
}

// BenchmarkHashing is the parts of a share's check, each as a multiple of the same
// pairs of SHA-256 called on bytes that are ready.
func BenchmarkHashing(b *testing.B) {
	s := benchShare(b)
	header := s.header(nil)
	bytes := header.Append(nil)
	coinbase := work.AppendCoinbase(nil, s.prefix, s.en1, s.en2, s.suffix)
	id := work.DoubleSHA256(coinbase)
	for _, part := range []struct {
		name       string
		ours, bare func()
	}{
		{"header", func() { hashed = header.Hash()[0] }, func() { hashTwice(bytes) }},
		{"coinbase", func() { hashed = work.DoubleSHA256(coinbase)[0] }, func() { hashTwice(coinbase) }},
		{"merkle", func() { hashed = work.MerkleRoot(id, s.branches)[0] }, func() {
			for range s.branches {
				hashTwice(bytes[:64])
			}
		}},
	} {
		b.Run(part.name, func(b *testing.B) {
			turns.Compare(b, part.ours, turns.Of("x_sha256", part.bare))
		})
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
