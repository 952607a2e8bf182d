package sqlite_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/storetest"
)

// BenchmarkApply is beside a plain loop of inserts.
func BenchmarkApply(b *testing.B) {
	s := open(b)
	storetest.BenchApply(b, s, func(c *store.Chunk) (time.Duration, error) {
		began := time.Now()
		err := s.Bare(b.Context(), c)
		return time.Since(began), err
	})
}

func BenchmarkQuestions(b *testing.B) {
	storetest.BenchQuestions(b, open(b), func() error { return nil })
}
