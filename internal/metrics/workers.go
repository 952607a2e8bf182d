package metrics

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/loka/stratum/internal/ledger"
)

// WorkerSeries says of which workers there are series.
type WorkerSeries struct {
	// On says that there are any, Most bounds of how many; of more there are those that
	// were seen first.
	On   bool
	Most int
	// Top, if not 0, is of how many there are, those with the largest hashrate.
	Top int
}

// workers are the series of each worker. There may be very many, so they are no
// collector's: they are written to the exposition as they are read from the books.
type workers struct {
	books func() []ledger.Brief
	cfg   atomic.Pointer[WorkerSeries]
	// leftOut is how many the latest scrape had no series of.
	leftOut atomic.Int64
	// sheets lend the memory that they are written with.
	sheets sync.Pool
	// turns bounds how many are written at a time.
	turns chan struct{}
}

func newWorkers(books func() []ledger.Brief) *workers {
	w := &workers{books: books, turns: make(chan struct{}, mostScrapes), sheets: sync.Pool{New: func() any { return new(sheet) }}}
	w.cfg.Store(&WorkerSeries{})
	return w
}

func (w *workers) on() bool { return w.books != nil && w.cfg.Load().On }

// chosen are the workers that have series.
func (w *workers) chosen() []ledger.Brief {
	cfg := w.cfg.Load()
	all := w.books()
	known := len(all)
	most := max(cfg.Most, 0)
	if cfg.Top > 0 {
		most = min(most, cfg.Top)
	}
	if len(all) > most {
		slices.SortFunc(all, func(a, b ledger.Brief) int {
			if cfg.Top > 0 && a.Hashrate != b.Hashrate {
				return cmp.Compare(b.Hashrate, a.Hashrate)
			}
			return cmp.Or(cmp.Compare(a.Since, b.Since), strings.Compare(a.Name, b.Name))
		})
		all = all[:most]
	}
	w.leftOut.Store(int64(known - len(all)))
	return all
}

// workerFamily is one figure of each worker.
type workerFamily struct {
	// name is without the suffix of a counter.
	name, help string
	counter    bool
	of         func(b *ledger.Brief) float64
	append     func(to []byte, b *ledger.Brief) []byte
}

// workerFamilies are the figures of each worker.
func workerFamilies() []workerFamily {
	return []workerFamily{
		{
			"worker_hashrate", "Hashrate of the worker in H/s, by the shares of the last 10 minutes that we accepted.", false,
			func(b *ledger.Brief) float64 { return whole(b.Hashrate) },
			func(to []byte, b *ledger.Brief) []byte { return appendWhole(to, b.Hashrate) },
		},
		{
			"worker_shares_accepted", "Shares of the worker that we accepted; they outlive a restart.", true,
			func(b *ledger.Brief) float64 { return float64(b.Accepted) },
			func(to []byte, b *ledger.Brief) []byte { return strconv.AppendUint(to, b.Accepted, 10) },
		},
		{
			"worker_shares_rejected", "Shares of the worker with any other verdict of ours; they outlive a restart.", true,
			func(b *ledger.Brief) float64 { return float64(b.Rejected) },
			func(to []byte, b *ledger.Brief) []byte { return strconv.AppendUint(to, b.Rejected, 10) },
		},
		{
			"worker_last_share_timestamp_seconds", "When the worker's last share came, of any verdict, in seconds since 1970; 0: never.", false,
			func(b *ledger.Brief) float64 { return float64(b.LastShareAt / int64(time.Second)) },
			func(to []byte, b *ledger.Brief) []byte {
				return strconv.AppendInt(to, b.LastShareAt/int64(time.Second), 10)
			},
		},
	}
}

// whole is a hashrate without fractions, which nobody measures.
func whole(v float64) float64 { return math.Round(v) }

func appendWhole(to []byte, v float64) []byte {
	if v >= 0 && v < 1<<63 {
		return strconv.AppendUint(to, uint64(whole(v)), 10)
	}
	return strconv.AppendFloat(to, whole(v), 'g', -1, 64)
}

// full is the family's name as samples have it.
func (f *workerFamily) full() string {
	if f.counter {
		return namespace + "_" + f.name + "_total"
	}
	return namespace + "_" + f.name
}

// chunk is how much of the exposition is handed on at a time, in bytes.
const chunk = 64 << 10

// sheet is the memory that series are written with, and each worker's labels, which are
// made once and copied for its other figures.
type sheet struct {
	out, labels []byte
	ends        []int
}

// write writes the series of workers as text, in the form of OpenMetrics or in
// Prometheus' own.
func (s *sheet) write(to io.Writer, all []ledger.Brief, openMetrics bool) error {
	s.out, s.labels, s.ends = s.out[:0], s.labels[:0], s.ends[:0]
	for i := range all {
		s.labels = append(s.labels, `{worker="`...)
		s.labels = appendLabel(s.labels, all[i].Name)
		s.labels = append(s.labels, `"} `...)
		s.ends = append(s.ends, len(s.labels))
	}
	families := workerFamilies()
	for k := range families {
		f := &families[k]
		name, kind := f.full(), "gauge"
		if f.counter {
			kind = "counter"
		}
		head := name
		if openMetrics {
			head = namespace + "_" + f.name
		}
		s.out = append(s.out, "# HELP "+head+" "+f.help+"\n# TYPE "+head+" "+kind+"\n"...)
		begin := 0
		for i := range all {
			s.out = append(s.out, name...)
			s.out = append(s.out, s.labels[begin:s.ends[i]]...)
			s.out = f.append(s.out, &all[i])
			s.out = append(s.out, '\n')
			begin = s.ends[i]
			if len(s.out) < chunk {
				continue
			}
			if _, err := to.Write(s.out); err != nil {
				return fmt.Errorf("write series of workers: %w", err)
			}
			s.out = s.out[:0]
		}
	}
	if _, err := to.Write(s.out); err != nil {
		return fmt.Errorf("write series of workers: %w", err)
	}
	return nil
}

// appendLabel appends a label's value: a login, which strangers choose.
func appendLabel(to []byte, value string) []byte {
	if !utf8.ValidString(value) {
		value = strings.ToValidUTF8(value, "�")
	}
	from := 0
	for i := range len(value) {
		var as string
		switch value[i] {
		case '\\':
			as = `\\`
		case '"':
			as = `\"`
		case '\n':
			as = `\n`
		default:
			continue
		}
		to = append(to, value[from:i]...)
		to = append(to, as...)
		from = i + 1
	}
	return append(to, value[from:]...)
}

// Gather implements [prometheus.Gatherer], for who does not take text.
func (w *workers) Gather() ([]*dto.MetricFamily, error) {
	if !w.on() {
		return nil, nil
	}
	all := w.chosen()
	families := workerFamilies()
	out := make([]*dto.MetricFamily, 0, len(families))
	label := "worker"
	for k := range families {
		f := &families[k]
		name, help, kind := f.full(), f.help, dto.MetricType_GAUGE
		if f.counter {
			kind = dto.MetricType_COUNTER
		}
		family := &dto.MetricFamily{Name: &name, Help: &help, Type: &kind, Metric: make([]*dto.Metric, 0, len(all))}
		for i := range all {
			v, login := f.of(&all[i]), strings.ToValidUTF8(all[i].Name, "�")
			m := &dto.Metric{Label: []*dto.LabelPair{{Name: &label, Value: &login}}}
			if f.counter {
				m.Counter = &dto.Counter{Value: &v}
			} else {
				m.Gauge = &dto.Gauge{Value: &v}
			}
			family.Metric = append(family.Metric, m)
		}
		out = append(out, family)
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// registerWorkers makes what there is of all workers together.
func (b *builder) registerWorkers(w *workers, count func() int) {
	b.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "workers", Help: "Workers that are connected or ever submitted a share."}, func() float64 {
		if count == nil {
			return 0
		}
		return float64(count())
	}))
	b.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "worker_series_left_out",
		Help: "Workers of which the scrape before this one had no series although metrics.per_worker is on, for max_workers or top.",
	}, func() float64 { return float64(w.leftOut.Load()) }))
}

// Reconfigure says from now on of which workers there are series.
func (m *Metrics) Reconfigure(cfg WorkerSeries) {
	m.workers.cfg.Store(&cfg)
	if !cfg.On {
		m.workers.leftOut.Store(0)
	}
}
