package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/loka/stratum/internal/profile"
)

const (
	// nativeSchema is that of what is exported: 8 buckets for each doubling, as most
	// exporters have it.
	nativeSchema = 3
	// merged is how many of a profile's buckets are one of these.
	merged = 1 << (profile.Schema - nativeSchema)
	// classic is how many of a profile's buckets are one of a histogram for those who
	// know no native ones: as much as a doubling.
	classic = 1 << profile.Schema
)

// stepCollector tells how long the steps of walks take.
type stepCollector struct {
	profile *profile.Profile
	desc    *prometheus.Desc
}

func newStepCollector(p *profile.Profile) *stepCollector {
	return &stepCollector{p, prometheus.NewDesc(namespace+"_step_duration_seconds",
		"How long each step of the way of a share and of a job takes; some are timed now and then, GET /api/v1/profile says which and what each is.",
		[]string{"walk", "step"}, nil)}
}

// Describe implements [prometheus.Collector].
func (c *stepCollector) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements [prometheus.Collector].
func (c *stepCollector) Collect(out chan<- prometheus.Metric) {
	for _, s := range profile.Steps() {
		facts := s.Facts()
		labels, err := prometheus.NewConstMetric(c.desc, prometheus.UntypedValue, 0, string(facts.Walk), facts.Name)
		if err != nil {
			out <- prometheus.NewInvalidMetric(c.desc, err)
			continue
		}
		out <- &stepMetric{Metric: labels, took: c.profile.Of(s).Snapshot()}
	}
}

// stepMetric is one step's histogram, both classic and native.
type stepMetric struct {
	prometheus.Metric // which it is

	took *profile.Snapshot
}

// Write implements [prometheus.Metric].
func (m *stepMetric) Write(to *dto.Metric) error {
	if err := m.Metric.Write(to); err != nil {
		return fmt.Errorf("write step: %w", err)
	}
	h := &dto.Histogram{SampleCount: &m.took.Count, SampleSum: &m.took.Sum}
	m.classic(h)
	m.native(h)
	to.Untyped, to.Histogram = nil, h
	return nil
}

func (m *stepMetric) classic(h *dto.Histogram) {
	var sum uint64
	for i, n := range m.took.Counts {
		sum += n
		if i%classic == 0 && i != profile.Buckets-1 { // the last holds what is longer, too
			bound, upTo := profile.Bound(i), sum
			h.Bucket = append(h.Bucket, &dto.Bucket{CumulativeCount: &upTo, UpperBound: &bound})
		}
	}
}

// native fills in the native buckets: the number of the one that ends at 1 s is 0.
func (m *stepMetric) native(h *dto.Histogram) {
	schema, threshold := int32(nativeSchema), profile.Bound(0)
	h.Schema, h.ZeroThreshold, h.ZeroCount = &schema, &threshold, &m.took.Counts[0]
	const first = profile.LeastExp<<nativeSchema + 1
	next, before := int32(0), int64(0)
	for i := 0; i < (profile.Buckets-1)/merged; i++ {
		var n int64
		for _, count := range m.took.Counts[1+i*merged : 1+(i+1)*merged] {
			n += int64(count) //nolint:gosec // far below
		}
		if n == 0 {
			continue
		}
		at := int32(first + i) //nolint:gosec // some hundred
		if last := len(h.PositiveSpan) - 1; last >= 0 && at == next {
			*h.PositiveSpan[last].Length++
		} else {
			offset, length := at-next, uint32(1)
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: &offset, Length: &length})
		}
		h.PositiveDelta = append(h.PositiveDelta, n-before)
		next, before = at+1, n
	}
	if len(h.PositiveSpan) == 0 { // else nobody could tell that it is a native one
		h.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32), Length: new(uint32)}}
	}
}
