package metrics

import (
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"
)

func newPair() (*Sharded, prometheus.Counter) {
	opts := prometheus.CounterOpts{Namespace: "x", Name: "things_total", Help: "Things, by side.", ConstLabels: prometheus.Labels{"side": "a", "b": "c"}}
	return NewSharded(opts), prometheus.NewCounter(opts)
}

func newHistograms() (*ShardedHistogram, prometheus.Histogram) {
	opts := prometheus.HistogramOpts{Namespace: "x", Name: "wait_seconds", Help: "A wait."}
	ends := bounds()
	ours := NewShardedHistogram(opts)
	opts.Buckets = ends[:]
	return ours, prometheus.NewHistogram(opts)
}

// exposition is what a scraper is served of one collector, in both formats.
func exposition(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, accept := range []string{"", "application/openmetrics-text; version=1.0.0"} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
		text.WriteString(w.Body.String())
	}
	return text.String()
}

// A scraper cannot tell a sharded counter or histogram from a plain one.
func TestShardedExposition(t *testing.T) {
	ours, theirs := newPair()
	if diff := cmp.Diff(exposition(t, theirs), exposition(t, ours)); diff != "" {
		t.Errorf("counter at 0 (-plain +sharded):\n%s", diff)
	}
	for _, v := range []float64{1, 0.5, 1e9, 0, 3} {
		ours.Add(v)
		theirs.Add(v)
	}
	ours.Inc()
	theirs.Inc()
	if diff := cmp.Diff(exposition(t, theirs), exposition(t, ours)); diff != "" {
		t.Errorf("counter (-plain +sharded):\n%s", diff)
	}

	h, plain := newHistograms()
	if diff := cmp.Diff(exposition(t, plain), exposition(t, h)); diff != "" {
		t.Errorf("histogram at 0 (-plain +sharded):\n%s", diff)
	}
	ends := bounds()
	for _, v := range append(ends[:], 0, 1.5, 29, 31, 1e6, math.Inf(1)) {
		h.Observe(v)
		plain.Observe(v)
	}
	if diff := cmp.Diff(exposition(t, plain), exposition(t, h)); diff != "" {
		t.Errorf("histogram (-plain +sharded):\n%s", diff)
	}
	for _, c := range []prometheus.Collector{ours, h} {
		if problems, err := testutil.CollectAndLint(c); err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
	}
}

// addable are values whose sum is one number in whatever order they are added:
// multiples of 2^-10 below 2^32, of which less than 2^11 fill a float64.
func addable() *rapid.Generator[[]float64] {
	return rapid.SliceOf(rapid.OneOf(
		rapid.Map(rapid.Uint32(), func(n uint32) float64 { return float64(n) }),
		rapid.Map(rapid.Uint64Max(1<<42-1), func(n uint64) float64 { return float64(n) / 1024 }),
		rapid.Map(rapid.Uint32Max(1<<15), func(n uint32) float64 { return float64(n) / 1024 }),
	))
}

// inParts counts half of the values here and half in goroutines of their own,
// so in several places.
func inParts(values []float64, count func(float64)) {
	var wg sync.WaitGroup
	for i, v := range values {
		if i%2 == 0 {
			count(v)
			continue
		}
		wg.Go(func() { count(v) })
	}
	wg.Wait()
}

func TestShardedCountsAsPlain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ours, theirs := newPair()
		h, plain := newHistograms()
		values := addable().Draw(rt, "values")
		inParts(values, func(v float64) { ours.Add(v); h.Observe(v) })
		for _, v := range values {
			theirs.Add(v)
			plain.Observe(v)
		}
		if got, want := ours.Value(), testutil.ToFloat64(theirs); got != want {
			rt.Fatalf("the sum is %v, a plain counter's %v", got, want)
		}
		if diff := cmp.Diff(exposition(t, plain), exposition(t, h)); diff != "" {
			rt.Fatalf("-plain +sharded:\n%s", diff)
		}
	})
}

// Values of every size are added up to what a float64 can hold of them: the
// places are added in another order than the values came, so the last bits of
// two sums may differ, by no more than one rounding for each addition.
func TestShardedRoundsAsPlain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ours, theirs := newPair()
		h, plain := newHistograms()
		values := rapid.SliceOf(rapid.Float64Range(0, 1e18)).Draw(rt, "values")
		inParts(values, func(v float64) { ours.Add(v); h.Observe(v) })
		for _, v := range values {
			theirs.Add(v)
			plain.Observe(v)
		}
		additions := float64(len(values) + shards)
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > want*additions*0x1p-52 {
				rt.Errorf("%s: %v, a plain one's %v", what, got, want)
			}
		}
		near("counter", ours.Value(), testutil.ToFloat64(theirs))
		near("histogram", sumOf(t, h), sumOf(t, plain))
	})
}

// sumOf is the sum of what a histogram was told.
func sumOf(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	out := make(chan prometheus.Metric, 1)
	c.Collect(out)
	var m dto.Metric
	if err := (<-out).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetHistogram().GetSampleSum()
}

// What cannot be counted leaves what was counted as it is.
func TestShardedLeavesNonsenseOut(t *testing.T) {
	c, _ := newPair()
	c.Add(2)
	for _, v := range []float64{math.NaN(), -1, -0.5, math.Inf(-1)} {
		c.Add(v)
	}
	if got := c.Value(); got != 2 {
		t.Errorf("counter: %v", got)
	}
	c.Add(0x1p70)
	if got := c.Value(); got != 0x1p70+2 {
		t.Errorf("counter, a large number: %v", got)
	}
	h, plain := newHistograms()
	h.Observe(math.NaN())
	if diff := cmp.Diff(exposition(t, plain), exposition(t, h)); diff != "" {
		t.Errorf("-empty +histogram:\n%s", diff)
	}
}

// Nothing is lost when many count at once, and what a reader sees meanwhile
// never falls.
func TestShardedLosesNothing(t *testing.T) {
	const goroutines, each = 32, 2000
	c, _ := newPair()
	h, plain := newHistograms()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				c.Inc()
				c.Add(0.25)
				h.Observe(0.25)
			}
		})
	}
	last := 0.0
	for range 200 {
		if now := c.Value(); now < last {
			t.Fatalf("fell from %v to %v", last, now)
		} else {
			last = now
		}
	}
	wg.Wait()
	if got := c.Value(); got != goroutines*each*1.25 {
		t.Errorf("counter: %v, want %v", got, goroutines*each*1.25)
	}
	for range goroutines * each {
		plain.Observe(0.25)
	}
	if diff := cmp.Diff(exposition(t, plain), exposition(t, h)); diff != "" {
		t.Errorf("histogram (-plain +sharded):\n%s", diff)
	}
}

// Goroutines that live at one time spread over the places.
func TestShardedSpreads(t *testing.T) {
	const goroutines = 64
	seen := make(chan int, goroutines)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			seen <- shard()
			for len(seen) < goroutines {
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	close(seen)
	places := make(map[int]int)
	for at := range seen {
		if at < 0 || at >= shards {
			t.Fatalf("place %d", at)
		}
		places[at]++
	}
	if len(places) < shards/4 {
		t.Errorf("%d goroutines count in %d places: %v", goroutines, len(places), places)
	}
}

func TestShardedPlacesAreApart(t *testing.T) {
	var c Sharded
	var h ShardedHistogram
	if n := unsafe.Sizeof(c.places[0]); n != padded {
		t.Errorf("a counter's places are %d bytes apart", n)
	}
	if n := unsafe.Sizeof(h.places[0]); n != 2*padded {
		t.Errorf("a histogram's places are %d bytes apart", n)
	}
}

func TestShardedDoesNotAllocate(t *testing.T) {
	c, _ := newPair()
	h, _ := newHistograms()
	if n := testing.AllocsPerRun(1000, func() { c.Inc(); c.Add(3); c.Add(0.5); h.Observe(0.01) }); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}

// BenchmarkSharded prints what counting costs two goroutines at one time, and
// how many times as much it costs them with Prometheus' own types in the same
// run.
func BenchmarkSharded(b *testing.B) {
	ours, theirs := newPair()
	h, plain := newHistograms()
	for _, bench := range []struct {
		name         string
		ours, theirs func()
	}{
		{"counter", ours.Inc, theirs.Inc},
		{"adder", func() { ours.Add(80) }, func() { theirs.Add(80) }},
		{"histogram", func() { h.Observe(0.0002) }, func() { plain.Observe(0.0002) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.ResetTimer()
			inTwo(b.N, bench.ours)
			took := b.Elapsed()
			b.StopTimer()
			begin := time.Now()
			inTwo(b.N, bench.theirs)
			b.ReportMetric(float64(time.Since(begin))/float64(took), "x_prometheus")
		})
	}
}

// inTwo does a thing n times in all, in two goroutines.
func inTwo(n int, do func()) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range n/2 + 1 {
				do()
			}
		})
	}
	wg.Wait()
}
