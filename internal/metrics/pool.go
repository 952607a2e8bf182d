package metrics

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
)

// Pool is what is counted for one pool.
type Pool struct {
	// Jobs counts jobs passed on to miners, BadLines the pool's lines that
	// were skipped, Late verdicts that came after their time.
	Jobs, BadLines, Late prometheus.Counter
	// RTT keeps the last observed time, in seconds.
	RTT Last

	discrepancies map[mining.Verdict]prometheus.Counter
	reconnects    map[dial.RedirectOutcome]prometheus.Counter
}

// Reconnects returns the counter of the pool's wishes that a connection go
// elsewhere, by what became of them.
func (p Pool) Reconnects(outcome dial.RedirectOutcome) prometheus.Counter {
	return p.reconnects[outcome]
}

// Discrepancies returns the counter of shares that we found valid and that
// the pool refused with a verdict, when no race explains it. A verdict that is
// no refusal is counted as invalid.
func (p Pool) Discrepancies(v mining.Verdict) prometheus.Counter {
	if c, ok := p.discrepancies[v]; ok {
		return c
	}
	return p.discrepancies[mining.Invalid]
}

// Refusals lists the verdicts with which a pool can refuse a share.
func Refusals() []mining.Verdict {
	return slices.DeleteFunc(mining.Verdicts(), func(v mining.Verdict) bool {
		return v == mining.Accepted || v == mining.Unanswered || v == mining.Unpaid
	})
}

// perPool is what is counted for each pool there is, or was since the start.
type perPool struct {
	// Static after construction.
	jobs, bad, late, odd, sent *prometheus.CounterVec
	rtt                        *prometheus.GaugeVec

	mu    sync.Mutex
	names []string
	pools map[string]Pool
}

func (pp *perPool) build(b *builder) {
	pp.pools = make(map[string]Pool)
	pp.jobs = b.counters("jobs_total", "Jobs of the pool that were passed on to miners.", "pool")
	pp.bad = b.counters("pool_bad_lines_total", "Lines of the pool that were skipped because they are malformed or out of bounds.", "pool")
	pp.late = b.counters("pool_late_answers_total", "Answers of the pool to shares that had been given up as unanswered.", "pool")
	pp.rtt = b.gauges("pool_rtt_seconds", "Time between the last answered share and the pool's answer; 0 until there is one.", "pool")
	pp.odd = b.counters("pool_discrepancies_total", "Shares that are valid by our own check and that the pool refused, when no race explains it.", "pool", "verdict")
	pp.sent = b.counters("pool_reconnects_total", "Times that the pool asked one of our connections to reconnect elsewhere: followed, or why not.", "pool", "outcome")
}

// AddPools begins to count for pools that are configured now. What was counted for
// one stays when it is not configured any more.
func (m *Metrics) AddPools(names ...string) {
	pp := &m.perPool
	pp.mu.Lock()
	defer pp.mu.Unlock()
	for _, name := range names {
		if _, ok := pp.pools[name]; ok {
			continue
		}
		p := Pool{
			Jobs: pp.jobs.WithLabelValues(name), BadLines: pp.bad.WithLabelValues(name),
			Late: pp.late.WithLabelValues(name), RTT: Last{pp.rtt.WithLabelValues(name)},
			discrepancies: make(map[mining.Verdict]prometheus.Counter),
			reconnects:    make(map[dial.RedirectOutcome]prometheus.Counter),
		}
		for _, outcome := range dial.RedirectOutcomes() {
			p.reconnects[outcome] = pp.sent.WithLabelValues(name, string(outcome))
		}
		for _, v := range Refusals() {
			p.discrepancies[v] = pp.odd.WithLabelValues(name, v.String())
		}
		pp.names, pp.pools[name] = append(pp.names, name), p
	}
}

// poolNames are those of all pools that are counted for.
func (m *Metrics) poolNames() []string {
	m.perPool.mu.Lock()
	defer m.perPool.mu.Unlock()
	return slices.Clone(m.perPool.names)
}

// Pool returns what is counted for a pool; a name that was not added is the
// caller's mistake and counts nowhere.
func (m *Metrics) Pool(name string) Pool {
	m.perPool.mu.Lock()
	defer m.perPool.mu.Unlock()
	if p, ok := m.perPool.pools[name]; ok {
		return p
	}
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "nowhere_total", Help: "Never registered."})
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "nowhere", Help: "Never registered."})
	nowhere := Pool{
		Jobs: counter, BadLines: counter, Late: counter, RTT: Last{gauge},
		discrepancies: map[mining.Verdict]prometheus.Counter{mining.Invalid: counter},
		reconnects:    make(map[dial.RedirectOutcome]prometheus.Counter),
	}
	for _, outcome := range dial.RedirectOutcomes() {
		nowhere.reconnects[outcome] = counter
	}
	return nowhere
}
