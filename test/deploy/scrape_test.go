package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrape is what /metrics said: a figure for each series, and when that was.
type scrape struct {
	at     time.Time
	values map[string]float64
	// counters are the names of what only grows.
	counters map[string]bool
}

// The labels that Prometheus gives to what it scrapes, as the cases have them.
const scrapedLabels = `instance="127.0.0.1:9090",job="loka"`

// parse reads /metrics. Names of series have their labels sorted, Prometheus' own
// among them.
func parse(t *testing.T, text []byte, at time.Time) *scrape {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s := &scrape{at: at, values: make(map[string]float64), counters: make(map[string]bool)}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			s.add(name, family.GetType(), m)
		}
	}
	return s
}

// add takes one metric, in all of its series.
func (s *scrape) add(name string, kind dto.MetricType, m *dto.Metric) {
	labels := map[string]string{"job": "loka", "instance": "127.0.0.1:9090"}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	const listener = "0.0.0.0:3334" // the rig takes a free port
	if _, ok := labels["listener"]; ok {
		labels["listener"] = listener
	}
	if strings.HasPrefix(labels["check"], "listener:") {
		labels["check"] = "listener:" + listener
	}
	put := func(name, extra, value string, v float64, grows bool) {
		all := maps.Clone(labels)
		if extra != "" {
			all[extra] = value
		}
		s.values[series(name, all)] = v
		s.counters[series(name, all)] = grows
	}
	switch kind { //nolint:exhaustive // the others are not served
	case dto.MetricType_COUNTER:
		put(name, "", "", m.GetCounter().GetValue(), true)
	case dto.MetricType_GAUGE:
		put(name, "", "", m.GetGauge().GetValue(), false)
	case dto.MetricType_UNTYPED:
		put(name, "", "", m.GetUntyped().GetValue(), false)
	case dto.MetricType_SUMMARY:
		put(name+"_sum", "", "", m.GetSummary().GetSampleSum(), true)
		put(name+"_count", "", "", float64(m.GetSummary().GetSampleCount()), true)
		for _, one := range m.GetSummary().GetQuantile() {
			put(name, "quantile", short(one.GetQuantile()), one.GetValue(), false)
		}
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		put(name+"_sum", "", "", h.GetSampleSum(), true)
		put(name+"_count", "", "", float64(h.GetSampleCount()), true)
		for _, one := range h.GetBucket() {
			le := short(one.GetUpperBound())
			if math.IsInf(one.GetUpperBound(), 1) {
				le = "+Inf"
			}
			put(name+"_bucket", "le", le, float64(one.GetCumulativeCount()), true)
		}
	}
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// series is a series' name with its labels, in their order.
func series(name string, labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s=%q", k, labels[k]))
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

// goOn writes, for promtool, how each series would go on for so many minutes: what
// grew between two scrapes grows on as fast, what is a time of late stays as late, and
// all else stays as it is. Times are counted from the second scrape.
func goOn(first, second *scrape, minutes int) map[string]string {
	passed := second.at.Sub(first.at).Minutes()
	now := float64(second.at.UnixNano()) / 1e9
	all := make(map[string]string, len(second.values))
	for name, v := range second.values {
		slope := 0.0
		metric, _, _ := strings.Cut(name, "{")
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			continue
		case strings.HasSuffix(metric, "_timestamp_seconds") || metric == "process_start_time_seconds":
			if v == 0 {
				break // it has not happened
			}
			v -= now
			if v > -60 && v <= 1 && metric != "process_start_time_seconds" {
				slope = 60
			}
		case second.counters[name]:
			if before, ok := first.values[name]; ok {
				slope = (v - before) / passed
			}
		}
		all[name] = fmt.Sprintf("%s+%sx%d", plain(v), plain(slope), minutes)
	}
	return all
}

// plain writes a figure without an exponent, which promtool takes for a sum.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
