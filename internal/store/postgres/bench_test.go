package postgres_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/storetest"
)

// BenchmarkApply is beside bare rows by COPY.
func BenchmarkApply(b *testing.B) {
	s := open(b, servers.Database(b))
	storetest.BenchApply(b, s, func(c *store.Chunk) (time.Duration, error) {
		began := time.Now()
		err := s.Bare(b.Context(), c)
		return time.Since(began), err
	})
}

func BenchmarkQuestions(b *testing.B) {
	s := open(b, servers.Database(b))
	storetest.BenchQuestions(b, s, func() error {
		return s.Exec(b.Context(), "ANALYZE") // autovacuum would have done it by then
	})
}
