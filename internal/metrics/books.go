package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// booksCollector reads what shares were worth, and how the keeping of them goes,
// at every scrape.
type booksCollector struct {
	source Source
	pools  func() []string

	value, poolValue, lost    *prometheus.Desc
	sent, sentWork, twice     *prometheus.Desc
	found, expected           *prometheus.Desc
	pending, frames, bytes    *prometheus.Desc
	dropped, journal, storeUp *prometheus.Desc
	shipped                   *prometheus.Desc
}

func newBooksCollector(source Source, pools func() []string) *booksCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &booksCollector{
		source: source, pools: pools,
		value:     desc("value_satoshi_total", "What the shares that we accepted were expected to earn, by their jobs.", "pool"),
		poolValue: desc("pool_value_satoshi_total", "What the shares that the pool accepted were expected to earn, by their jobs.", "pool"),
		lost:      desc("lost_satoshi_total", "What shares that were not paid for were expected to earn, by reason: our own verdicts, the pool's with pool_ before it, and not_submitted.", "pool", "reason"),
		sent:      desc("pool_shares_sent_total", "Shares that were handed to the pool, once it has answered or the time for that is over.", "pool"),
		sentWork:  desc("pool_work_sent_total", "Sum of the pool's difficulty of these; what of it is not in pool_work_accepted_total is not paid for.", "pool"),
		twice:     desc("pool_answered_twice_total", "Answers of the pool to shares that it had answered before.", "pool"),
		found:     desc("blocks_found_total", "Blocks that our miners found.", "pool"),
		expected:  desc("blocks_expected_total", "Blocks that were to be expected of the shares that we accepted.", "pool"),
		pending:   desc("journal_pending_events", "What happened and is in memory only."),
		frames:    desc("journal_backlog_frames", "Frames of the journal that the store does not have."),
		bytes:     desc("journal_backlog_bytes", "Their size."),
		dropped:   desc("shares_dropped_total", "Single shares that were forgotten early for want of memory or disk, whose sums are kept, and those of frames that the disk has spoiled, one each at the least, whose sums are not."),
		journal:   desc("journal_up", "1 while what happens is written to the disk."),
		storeUp:   desc("store_up", "1 while the store takes what the journal has."),
		shipped:   desc("store_shipped_timestamp_seconds", "When the store last had all that the journal had, in seconds since 1970; 0 before."),
	}
}

// Describe implements [prometheus.Collector].
func (c *booksCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.value, c.poolValue, c.lost, c.sent, c.sentWork, c.twice, c.found, c.expected,
		c.pending, c.frames, c.bytes, c.dropped, c.journal, c.storeUp, c.shipped,
	} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *booksCollector) Collect(out chan<- prometheus.Metric) {
	emit := func(kind prometheus.ValueType, d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	books := make(map[string]ledger.Tally)
	for _, b := range c.source.PoolBooks() {
		books[b.Name] = b.Tally
	}
	for _, name := range c.pools() {
		t := books[name]
		counter := func(d *prometheus.Desc, v float64, labels ...string) {
			emit(prometheus.CounterValue, d, v, append([]string{name}, labels...)...)
		}
		counter(c.value, t.Ours[mining.Accepted].Value.Float())
		counter(c.poolValue, t.Pools[mining.Accepted].Value.Float())
		for _, v := range mining.Verdicts() {
			if v != mining.Accepted {
				counter(c.lost, t.Ours[v].Value.Float(), v.String())
				counter(c.lost, t.Pools[v].Value.Float(), view.PoolReason+v.String())
			}
		}
		counter(c.lost, t.Unsent.Value.Float(), view.NotSubmitted)
		counter(c.sent, float64(t.Sent.Shares))
		counter(c.sentWork, t.Sent.Work)
		counter(c.twice, float64(t.Twice.Shares))
		counter(c.found, float64(t.Found.Shares))
		counter(c.expected, t.Blocks)
	}
	k := c.source.Keeping()
	emit(prometheus.GaugeValue, c.pending, float64(k.Pending))
	emit(prometheus.GaugeValue, c.frames, float64(k.BacklogFrames))
	emit(prometheus.GaugeValue, c.bytes, float64(k.BacklogBytes))
	emit(prometheus.CounterValue, c.dropped, float64(k.Dropped))
	emit(prometheus.GaugeValue, c.journal, truth(k.JournalError == nil))
	emit(prometheus.GaugeValue, c.storeUp, truth(k.StoreError == nil))
	emit(prometheus.GaugeValue, c.shipped, seconds(k.Shipped))
}

// seconds is a time in seconds since 1970, 0 for the zero time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
