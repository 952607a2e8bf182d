package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

// Source is what is read at a scrape.
type Source interface {
	// Connected counts open miner connections.
	Connected() int
	// SlotsInUse counts the slots that miners have.
	SlotsInUse() int
	// PoolStates returns every configured pool.
	PoolStates() []view.PoolState
	// PoolBooks returns the books by pool.
	PoolBooks() []ledger.Pool
	// Keeping says how the keeping of shares goes.
	Keeping() view.Keeping
	// Ready says that at least one route can serve work.
	Ready() bool
}

// viewCollector reads a Source at every scrape.
type viewCollector struct {
	source Source
	pools  func() []string

	miners, slots, ready    *prometheus.Desc
	connections, pooled     *prometheus.Desc
	up, difficulty, lastJob *prometheus.Desc
	breaker, state          *prometheus.Desc
	lost, signal            *prometheus.Desc
	score, blockDelay       *prometheus.Desc
	tipLag, tipAlone        *prometheus.Desc
	connectRTT, rejects     *prometheus.Desc
	submitRTT, submitP90    *prometheus.Desc
	silences, disconnects   *prometheus.Desc
	shares, poolShares      *prometheus.Desc
	work, poolWork          *prometheus.Desc
}

func newViewCollector(source Source, pools func() []string) *viewCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &viewCollector{
		source: source, pools: pools,
		miners:      desc("miners_connected", "Open miner connections."),
		slots:       desc("slots_in_use", "Miners that have a slot, a part of a pool connection's search space that no other miner has."),
		ready:       desc("ready", "1 while at least one route can serve work."),
		connections: desc("pool_connections", "Open connections to the pool, the probe included.", "pool"),
		pooled:      desc("pool_miners", "Miners whose work comes from the pool.", "pool"),
		up:          desc("pool_up", "1 while the pool serves work or could.", "pool"),
		state:       desc("pool_state", "1 for the state that the pool is in, 0 for the others; see API.md.", "pool", "state"),
		breaker:     desc("pool_breaker_state", "1 for the state that the pool's breaker is in, 0 for the others: closed lets connections be made, open does not, half_open lets one try.", "pool", "state"),
		difficulty:  desc("pool_difficulty", "The pool's difficulty at its last job; 0 until there is one.", "pool"),
		lastJob:     desc("pool_last_job_timestamp_seconds", "When the pool's last job came, in seconds since 1970; 0 until there is one.", "pool"),
		score:       desc("pool_quality", "How well the pool serves, from 0 to 1, by all that is measured of it; 1 until anything is.", "pool"),
		connectRTT:  desc("pool_connect_rtt_seconds", "Median of the time that connecting to the pool took, of the latest 16 connections; 0 until there is one.", "pool"),
		submitRTT:   desc("pool_submit_rtt_seconds", "Median of the time to the pool's answer to a share, of the last 10 to 20 minutes; 0 where there was none.", "pool"),
		submitP90:   desc("pool_submit_rtt_p90_seconds", "90th percentile of the time to the pool's answer to a share, of the last 10 to 20 minutes; 0 where there was none.", "pool"),
		rejects:     desc("pool_reject_ratio", "Part of the shares of the last 10 to 20 minutes that the pool refused or did not answer.", "pool"),
		blockDelay:  desc("pool_block_delay_seconds", "How much later than the first pool the pool gave work on a new block, mean of the latest 16; 0 where there is nothing to compare.", "pool"),
		tipLag:      desc("pool_tip_lag_seconds", "For how long at a time the pool worked on an old block while most other pools had gone on, the longest of the last 10 to 20 minutes.", "pool"),
		tipAlone:    desc("pool_tip_alone_seconds", "For how long at a time the pool worked on a block that no other pool knew, the longest of the last 10 to 20 minutes.", "pool"),
		silences:    desc("pool_silences", "Connections on which nothing came in time, and jobs that none followed for 5 minutes, of the last 10 to 20 minutes.", "pool"),
		disconnects: desc("pool_disconnects", "Connections that the pool or the network ended or did not let come about, of the last 10 to 20 minutes; those within 10 s are one.", "pool"),
		signal:      desc("pool_signal", "1 while the signal is on, something about the pool that its operator should look at; CONFIG.md says what each means.", "pool", "signal"),
		lost:        desc("work_not_submitted_total", "Work that miners did above the pool's difficulty while it climbed, and that the pool could not be paid for, in difficulty-1 shares; times 2^32 it is hashes.", "pool"),
		shares:      desc("shares_total", "Shares by our own verdict; they outlive a restart.", "pool", "verdict"),
		poolShares:  desc("pool_shares_total", "Shares by the pool's verdict; they outlive a restart.", "pool", "verdict"),
		work:        desc("work_accepted_total", "Sum of the assigned difficulty of shares that we accepted; times 2^32 it is hashes.", "pool"),
		poolWork:    desc("pool_work_accepted_total", "Sum of the pool's difficulty of shares that it accepted; times 2^32 it is hashes.", "pool"),
	}
}

// Describe implements [prometheus.Collector].
func (c *viewCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.miners, c.slots, c.ready, c.connections, c.pooled, c.up, c.state, c.breaker, c.difficulty, c.lastJob, c.lost, c.signal, c.score, c.connectRTT, c.submitRTT, c.submitP90, c.rejects, c.blockDelay, c.tipLag, c.tipAlone, c.silences, c.disconnects, c.shares, c.poolShares, c.work, c.poolWork} {
		out <- d
	}
}

// Collect implements [prometheus.Collector]. What the source says of pools that
// were never configured is left out. One that is not configured any more has no
// state, which somebody might wait for, but what was counted for it stays.
func (c *viewCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(c.miners, float64(c.source.Connected()))
	gauge(c.slots, float64(c.source.SlotsInUse()))
	gauge(c.ready, truth(c.source.Ready()))

	states := make(map[string]view.PoolState)
	for _, s := range c.source.PoolStates() {
		states[s.Name] = s
	}
	books := make(map[string]ledger.Tally)
	for _, b := range c.source.PoolBooks() {
		books[b.Name] = b.Tally
	}
	pools := c.pools()
	for _, name := range pools {
		s, ok := states[name]
		if !ok {
			continue
		}
		gauge(c.connections, float64(s.Connections), name)
		gauge(c.pooled, float64(s.Miners), name)
		gauge(c.up, truth(up(s.State)), name)
		for _, state := range view.PoolStates() {
			gauge(c.state, truth(s.State == state), name, state)
		}
		for _, state := range view.BreakerStates() {
			gauge(c.breaker, truth(s.Breaker == state), name, state)
		}
		gauge(c.difficulty, float64(s.Difficulty), name)
		var at float64
		if !s.LastJobAt.IsZero() {
			at = float64(s.LastJobAt.UnixMilli()) / 1000
		}
		gauge(c.lastJob, at, name)
		counter(c.lost, s.WorkNotSubmitted, name)
		c.collectSignals(s.Watched.Signals, func(k watch.Kind, on bool) { gauge(c.signal, truth(on), name, string(k)) })
		c.collectQuality(&s.Quality, func(d *prometheus.Desc, v float64) { gauge(d, v, name) })
	}
	for _, name := range append(pools, ledger.NoPool) {
		t := books[name]
		for _, v := range mining.Verdicts() {
			counter(c.shares, float64(t.Ours.Of(v)), name, v.String())
			if name != ledger.NoPool {
				counter(c.poolShares, float64(t.Pools.Of(v)), name, v.String())
			}
		}
		counter(c.work, t.WorkAccepted(), name)
		if name != ledger.NoPool {
			counter(c.poolWork, t.PoolWorkAccepted(), name)
		}
	}
}

func (*viewCollector) collectSignals(on []watch.Signal, gauge func(k watch.Kind, on bool)) {
	for _, k := range watch.Kinds() {
		gauge(k, slices.ContainsFunc(on, func(one watch.Signal) bool { return one.Kind == k }))
	}
}

func (c *viewCollector) collectQuality(q *quality.Report, gauge func(d *prometheus.Desc, v float64)) {
	score := 1.0
	if q.Known {
		score = q.Score
	}
	gauge(c.score, score)
	gauge(c.connectRTT, q.Connect.Seconds())
	gauge(c.submitRTT, q.Submit.Seconds())
	gauge(c.submitP90, q.SubmitP90.Seconds())
	gauge(c.rejects, q.RejectRate())
	gauge(c.blockDelay, q.BlockDelay.Seconds())
	gauge(c.tipLag, q.Behind.Seconds())
	gauge(c.tipAlone, q.Alone.Seconds())
	gauge(c.silences, float64(q.Silences))
	gauge(c.disconnects, float64(q.Disconnects))
}

// up says that a pool in this state serves work or could.
func up(state string) bool {
	return state == view.PoolActive || state == view.PoolStandby || state == view.PoolDegraded
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
