package config

// Metrics is the [metrics] table: what there is of each worker in the exposition.
type Metrics struct {
	// PerWorker says that there are series of each worker, MaxWorkers of how many at
	// the most; the first that were seen have them.
	PerWorker  bool `toml:"per_worker"`
	MaxWorkers int  `toml:"max_workers"`
	// Top gives series to so many workers only, those with the largest hashrate; 0
	// makes no such choice.
	Top int `toml:"top"`
}

// mostWorkerSeries bounds max_workers: as many as there are books for.
const mostWorkerSeries = 100_000

func defaultMetrics() Metrics { return Metrics{MaxWorkers: 20_000} }

// checkMetrics checks the [metrics] table.
func (l *loader) checkMetrics(m Metrics) {
	if m.MaxWorkers < 1 || m.MaxWorkers > mostWorkerSeries {
		l.add("metrics.max_workers", "%s is out of range; write a number from 1 to %d", l.quote("metrics.max_workers", m.MaxWorkers), mostWorkerSeries)
	}
	if m.Top < 0 || m.Top > mostWorkerSeries {
		l.add("metrics.top", "%s is out of range; write a number from 1 to %d, or 0 for all", l.quote("metrics.top", m.Top), mostWorkerSeries)
	}
}

// noteInertMetrics remarks on what of metrics has no effect.
func (l *loader) noteInertMetrics(m Metrics) {
	for _, key := range []string{"max_workers", "top"} {
		if at := "metrics." + key; !m.PerWorker && l.given[at] {
			l.note(at, "has no effect with per_worker = false")
		}
	}
	if m.PerWorker && m.Top > m.MaxWorkers {
		l.note("metrics.top", "is above max_workers, which holds")
	}
}

// metricsMeanings is the documentation of the keys of [metrics].
func metricsMeanings() map[string]meaning {
	return map[string]meaning{
		"metrics.per_worker":  {"Whether there are `loka_worker_*` series of each worker. A worker is four of them.", ""},
		"metrics.max_workers": {"For how many workers at the most. Where there are more, those that were seen first have them, so that series do not come and go; `loka_worker_series_left_out` counts the others.", ""},
		"metrics.top":         {"If not 0, only so many workers have series: those with the largest hashrate of the last 10 minutes.", ""},
	}
}
