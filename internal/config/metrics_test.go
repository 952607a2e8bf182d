package config

import (
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	if got, want := load(t, minimal, Options{}).Metrics, (Metrics{MaxWorkers: 20_000}); got != want {
		t.Errorf("by itself it is %+v, want %+v", got, want)
	}
	c := load(t, minimal+"\n[metrics]\nper_worker = true\nmax_workers = 50\ntop = 100\n", Options{})
	if want := (Metrics{PerWorker: true, MaxWorkers: 50, Top: 100}); c.Metrics != want {
		t.Errorf("it is %+v, want %+v", c.Metrics, want)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0].String(), "metrics.top: is above max_workers, which holds") {
		t.Errorf("notes are %v", c.Notes)
	}
	c = load(t, minimal+"\n[metrics]\nmax_workers = 50\ntop = 10\n", Options{})
	if len(c.Notes) != 2 || !strings.Contains(c.Notes[0].String(), "has no effect with per_worker = false") {
		t.Errorf("notes are %v", c.Notes)
	}
}
