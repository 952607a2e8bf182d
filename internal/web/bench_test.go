package web

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkPages prints the 99th percentile of what a page takes with 10,000 workers, each
// time with everything read anew.
func BenchmarkPages(b *testing.B) {
	f := newFarm(10_000)
	now := epoch
	s, err := New(Deps{Model: f, Now: func() time.Time { now = now.Add(time.Second); return now }, Log: fakeLog{}})
	if err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{"overview": "/", "workers": "/workers?sort=-hashrate", "found": "/workers?q=999&sort=-rejects"} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				body(b, s, path)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
