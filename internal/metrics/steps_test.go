package metrics

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/profile"
)

func decode(d expfmt.Decoder) (*dto.MetricFamily, error) {
	f := new(dto.MetricFamily)
	return f, d.Decode(f)
}

// stepOf is a step's histogram as a scraper of the binary format has it.
func stepOf(t *testing.T, m *Metrics, step profile.Step) *dto.Histogram {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", binary)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	decoder := expfmt.NewDecoder(w.Body, expfmt.ResponseFormat(w.Header()))
	for {
		f, err := decode(decoder)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range f.GetMetric() {
			labels := one.GetLabel()
			if f.GetName() == "loka_step_duration_seconds" && labels[0].GetValue() == step.Facts().Name && labels[1].GetValue() == string(step.Facts().Walk) {
				return one.GetHistogram()
			}
		}
	}
	t.Fatalf("no histogram of step %d", step)
	return nil
}

// collected is a step's histogram as the registry has it.
func collected(t *rapid.T, p *profile.Profile, step profile.Step) *dto.Histogram {
	out := make(chan prometheus.Metric, len(profile.Steps()))
	newStepCollector(p).Collect(out)
	close(out)
	for m := range out {
		var one dto.Metric
		if err := m.Write(&one); err != nil {
			t.Fatal(err)
		}
		if labels := one.GetLabel(); labels[0].GetValue() == step.Facts().Name && labels[1].GetValue() == string(step.Facts().Walk) {
			return one.GetHistogram()
		}
	}
	t.Fatalf("no histogram of step %d", step)
	return nil
}

// A scraper of the binary format has the native histogram.
func TestNativeHistogramIsServed(t *testing.T) {
	m, err := New(Config{Source: &fakeSource{books: ledger.New(ledger.Config{}, epoch)}})
	if err != nil {
		t.Fatal(err)
	}
	if h := stepOf(t, m, profile.JobLast); h.GetSchema() != nativeSchema || len(h.GetPositiveSpan()) != 1 || h.GetSampleCount() != 0 {
		t.Errorf("at the start it is %v", h)
	}
}

// A step's native and classic histogram both say what was observed.
func TestStepHistograms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := profile.New(profile.Config{})
		all := rapid.SliceOfN(rapid.OneOf(rapid.Just(0.0), rapid.Just(1.0), rapid.Map(rapid.Float64Range(-27, 8.9), math.Exp2)), 0, 50).Draw(rt, "seconds")
		for _, v := range all {
			p.Of(profile.ShareJudge).Observe(v)
		}
		h := collected(rt, p, profile.ShareJudge)
		if h.GetSampleCount() != uint64(len(all)) || h.GetSchema() != nativeSchema || len(h.GetPositiveSpan()) == 0 {
			rt.Fatalf("it is %v", h)
		}
		for _, b := range h.GetBucket() {
			if want := upTo(all, b.GetUpperBound()); b.GetCumulativeCount() != want {
				rt.Fatalf("up to %v there are %d, want %d of %v", b.GetUpperBound(), b.GetCumulativeCount(), want, all)
			}
		}
		if want := upTo(all, h.GetZeroThreshold()); h.GetZeroCount() != want {
			rt.Fatalf("%d are as good as zero, want %d", h.GetZeroCount(), want)
		}
		seen, index, count, next := h.GetZeroCount(), int32(0), int64(0), 0
		for _, span := range h.GetPositiveSpan() {
			index += span.GetOffset()
			for range span.GetLength() {
				count += h.GetPositiveDelta()[next]
				next++
				seen += uint64(count)
				end := math.Exp2(float64(index) / (1 << nativeSchema)) // the native bucket of this number ends here
				exact := index%(1<<nativeSchema) == 0                  // a power of two; of others two ways to work it out may differ
				if want := upTo(all, end); seen != want && (exact || upTo(all, end*(1-1e-12)) == upTo(all, end*(1+1e-12))) {
					rt.Fatalf("up to bucket %d, %v, there are %d, want %d of %v", index, end, seen, want, all)
				}
				index++
			}
		}
		if seen != uint64(len(all)) {
			rt.Fatalf("%d are in native buckets, want %d", seen, len(all))
		}
	})
}

func upTo(all []float64, bound float64) (n uint64) {
	for _, v := range all {
		if v <= bound {
			n++
		}
	}
	return n
}

// Every step has a series from the start, as text too.
func TestEveryStepHasASeries(t *testing.T) {
	m, _ := newMetrics(t)
	for _, accept := range []string{"", openMetrics} {
		body, _ := scrape(t, m, accept)
		for _, s := range profile.Steps() {
			f := s.Facts()
			if got := value(t, body, `loka_step_duration_seconds_count{step="`+f.Name+`",walk="`+string(f.Walk)+`"}`); got != "0" {
				t.Errorf("%s %s is %s at the start", f.Walk, f.Name, got)
			}
		}
		if !strings.Contains(body, `loka_step_duration_seconds_bucket{step="judge",walk="share",le="`) {
			t.Error("there are no classic buckets")
		}
	}
}
