package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Queues is how full what is bounded is.
type Queues struct {
	// FanoutWorks are on their way to miners, of whom FanoutMiners wait for one.
	FanoutWorks, FanoutMiners int
	// LedgerEntries wait to be booked; LedgerHelped is how often a queue was full.
	LedgerEntries int
	LedgerHelped  uint64
	// SharesDue wait for the pool's word.
	SharesDue int
	// Listeners are the addresses that miners connect to.
	Listeners []ListenQueue
	// ListenFull is how often the kernel has dropped who wanted to connect for a queue
	// was full, ListenDropped for whatever reason.
	ListenFull, ListenDropped uint64
	// Turns are those of all who earn nothing.
	Turns []TurnQueue
}

// TurnQueue is how many wait for a turn of a kind, and how long those have waited
// together that have got one.
type TurnQueue struct {
	Kind    string
	Waiting int
	Waited  time.Duration
}

// ListenQueue is what waits to be accepted at an address, and how many may.
type ListenQueue struct {
	Listener      string
	Waiting, Most int
}

// queueCollector reads queues at every scrape.
type queueCollector struct {
	read func() Queues

	works, miners, entries, helped, due *prometheus.Desc
	waiting, most, full, dropped        *prometheus.Desc
	turns, waited                       *prometheus.Desc
}

func newQueueCollector(read func() Queues) *queueCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &queueCollector{
		read:    read,
		works:   desc("fanout_works_waiting", "Works that are on their way to miners."),
		miners:  desc("fanout_miners_waiting", "Miners that wait for one of them."),
		entries: desc("ledger_entries_waiting", "Shares, and news of some, that wait to be booked; that happens ten times a second."),
		helped:  desc("ledger_queue_full_total", "Times that a queue of the ledger was full, so that who had a share booked all that was in it."),
		due:     desc("shares_due", "Shares that a pool was sent and has not answered."),
		waiting: desc("listen_queue_connections", "Connections that the kernel has made and that were not accepted yet; Linux only, as the other loka_listen_*.", "listener"),
		most:    desc("listen_queue_limit", "How many of them it keeps; who comes then is dropped. See net.core.somaxconn.", "listener"),
		full:    desc("listen_overflows_total", "Times since the machine's start that the kernel dropped who wanted to connect, for such a queue was full; of all programs."),
		dropped: desc("listen_drops_total", "The same for whatever reason."),
		turns: desc("turns_waiting", "Who earns nothing and waits for its turn on the half of the processors that all such share: connections to accept, "+
			"handshakes of TLS, connections without a worker (stranger), and miners that say more than is read at a time (loud).", "kind"),
		waited: desc("turns_waited_seconds_total", "Time that all those have waited together that have got their turn.", "kind"),
	}
}

// Describe implements [prometheus.Collector].
func (c *queueCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.works, c.miners, c.entries, c.helped, c.due, c.waiting, c.most, c.full, c.dropped, c.turns, c.waited} {
		out <- d
	}
}

// Collect implements [prometheus.Collector]. Of two listeners at one address, which
// port 0 makes possible, the fuller counts.
func (c *queueCollector) Collect(out chan<- prometheus.Metric) {
	var q Queues
	if c.read != nil {
		q = c.read()
	}
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	counter := func(d *prometheus.Desc, v uint64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	gauge(c.works, q.FanoutWorks)
	gauge(c.miners, q.FanoutMiners)
	gauge(c.entries, q.LedgerEntries)
	counter(c.helped, q.LedgerHelped)
	gauge(c.due, q.SharesDue)
	fullest := make(map[string]ListenQueue, len(q.Listeners))
	for _, l := range q.Listeners {
		if had, ok := fullest[l.Listener]; !ok || l.Waiting > had.Waiting {
			fullest[l.Listener] = l
		}
	}
	for _, l := range fullest {
		gauge(c.waiting, l.Waiting, l.Listener)
		gauge(c.most, l.Most, l.Listener)
	}
	counter(c.full, q.ListenFull)
	counter(c.dropped, q.ListenDropped)
	for _, t := range q.Turns {
		gauge(c.turns, t.Waiting, t.Kind)
		out <- prometheus.MustNewConstMetric(c.waited, prometheus.CounterValue, t.Waited.Seconds(), t.Kind)
	}
}
