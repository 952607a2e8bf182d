package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/profile"
	"github.com/loka/stratum/internal/view"
)

// Config names what label values depend on.
type Config struct {
	// Version is the program's.
	Version string
	// Pools are the configured pools' names.
	Pools []string
	// Source is read at every scrape; [view.Model] is one.
	Source Source
	// Certificates are those that miners are shown; nil is none. It is asked at every
	// scrape.
	Certificates func() []Certificate
	// Door is read at every scrape, too; nil has no guests.
	Door Door
	// Profile is read at every scrape, too; nil is one of which nothing is timed.
	Profile *profile.Profile
	// Workers reads a little of every worker's book and WorkerCount counts them; nil is
	// no worker. Series of each there are by [Metrics.Reconfigure] only.
	Workers     func() []ledger.Brief
	WorkerCount func() int
	// Routes and Queues are read at every scrape; nil are none.
	Routes func() []view.Route
	Queues func() Queues
	// Alerts is read at every scrape; nil is nothing of them.
	Alerts func() Alerts
	// Health is read at every scrape; nil has no checks.
	Health func() view.Health
}

// Metrics hands out what is counted. Make it with [New].
type Metrics struct {
	// JobFanout takes seconds from the last byte of a pool's job to the last
	// write on a miner's socket, ShareDuration seconds from a submit's line
	// to its verdict.
	JobFanout, ShareDuration *ShardedHistogram
	// Accepted counts accepted sockets, AcceptErrors errors of accept.
	Accepted, AcceptErrors prometheus.Counter
	// VardiffUp and VardiffDown count changes of a miner's difficulty.
	VardiffUp, VardiffDown prometheus.Counter
	// Guard is what is counted of the guard of miners' connections.
	Guard Guard
	// Bans is what is counted of bans and pauses.
	Bans Bans

	registry *prometheus.Registry
	workers  *workers
	perPool  perPool
	wires    map[mining.Side]Wire
	closed   map[mining.Side]map[mining.Reason]prometheus.Counter
	refused  map[string]map[mining.RequestKind]prometheus.Counter
	http     map[string]prometheus.Counter
}

// Wire is what is counted for the connections of one side.
type Wire struct {
	BytesIn, BytesOut, LinesIn, FramesOut, Superseded, Dropped *Sharded
	// Slow is how many connections' peers keep lines waiting.
	Slow prometheus.Gauge
}

// Last is a gauge that is set to what was observed last.
type Last struct{ prometheus.Gauge }

// Observe sets the gauge.
func (l Last) Observe(v float64) { l.Set(v) }

// Middlewares lists the values of the label middleware: those that refuse
// requests.
func Middlewares() []string {
	return []string{"validate", "identity", "threat", "patterns", "bans", "logins"}
}

// New makes all metrics on a registry of their own.
func New(cfg Config) (*Metrics, error) {
	b := builder{registry: prometheus.NewRegistry()}
	m := &Metrics{registry: b.registry, workers: newWorkers(cfg.Workers)}
	b.register(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsScheduler)))
	b.register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b.register(newViewCollector(cfg.Source, m.poolNames))
	b.register(newBooksCollector(cfg.Source, m.poolNames))
	b.register(newCertificateCollector(cfg.Certificates))
	b.registerDoor(cfg.Door)
	b.register(newRouteCollector(cfg.Routes))
	b.register(newQueueCollector(cfg.Queues))
	b.register(newAlertCollector(cfg.Alerts))
	b.register(newHealthCollector(cfg.Health))
	b.registerWorkers(m.workers, cfg.WorkerCount)
	b.register(newStepCollector(cmp.Or(cfg.Profile, profile.New(profile.Config{}))))

	info := b.gauges("build_info", "The program's version and the Go release it was built with; always 1.", "version", "go")
	info.WithLabelValues(cfg.Version, runtime.Version()).Set(1)

	m.JobFanout = b.histogram("job_fanout_seconds", "Time from the last byte of a pool's job to the last write on a miner's socket.")
	m.ShareDuration = b.histogram("share_duration_seconds", "Time from a share's line to its verdict; in dedicated mode the pool's answer is part of it.")
	m.Accepted = b.counters("connections_accepted_total", "Sockets accepted from miners.").WithLabelValues()
	m.AcceptErrors = b.counters("accept_errors_total", "Errors of accepting a socket, such as too few file descriptors.").WithLabelValues()

	changes := b.counters("vardiff_changes_total", "Changes of a miner's difficulty in shared mode.", "direction")
	m.VardiffUp, m.VardiffDown = changes.WithLabelValues("up"), changes.WithLabelValues("down")

	m.Bans = newBans(&b)
	m.perPool.build(&b)
	m.AddPools(cfg.Pools...)
	m.buildWires(&b)
	m.buildClosed(&b)
	m.Guard.build(&b)
	m.buildHTTP(&b)
	return m, errors.Join(b.errs...)
}

func (m *Metrics) buildWires(b *builder) {
	m.wires = make(map[mining.Side]Wire)
	slow := b.gauges("connections_slow", "Connections whose peer has not taken all that it was sent: lines wait for it.", "side")
	for _, side := range []mining.Side{mining.Downstream, mining.Upstream} {
		labels := prometheus.Labels{"side": string(side)}
		m.wires[side] = Wire{
			Slow:       slow.WithLabelValues(string(side)),
			BytesIn:    b.sharded("received_bytes_total", "Bytes read from the connections of a side.", labels),
			BytesOut:   b.sharded("sent_bytes_total", "Bytes written to the connections of a side.", labels),
			LinesIn:    b.sharded("received_lines_total", "Complete lines read from the connections of a side.", labels),
			FramesOut:  b.sharded("sent_lines_total", "Lines written to the connections of a side.", labels),
			Superseded: b.sharded("superseded_lines_total", "Queued lines that a newer one made needless.", labels),
			Dropped:    b.sharded("dropped_lines_total", "Queued lines that the end of a connection left unsent.", labels),
		}
	}
}

func (m *Metrics) buildClosed(b *builder) {
	closed := b.counters("connections_closed_total", "Ended connections by side (downstream: miners, upstream: pools) and reason; see REASONS.md.", "side", "reason")
	m.closed = make(map[mining.Side]map[mining.Reason]prometheus.Counter)
	for _, side := range []mining.Side{mining.Downstream, mining.Upstream} {
		m.closed[side] = make(map[mining.Reason]prometheus.Counter)
		for _, reason := range mining.Reasons(side) {
			m.closed[side][reason] = closed.WithLabelValues(string(side), string(reason))
		}
	}
	refused := b.counters("requests_refused_total", "Miners' requests that a middleware refused, by kind of request.", "middleware", "kind")
	m.refused = make(map[string]map[mining.RequestKind]prometheus.Counter)
	for _, name := range Middlewares() {
		m.refused[name] = make(map[mining.RequestKind]prometheus.Counter)
		for _, kind := range []mining.RequestKind{mining.Negotiate, mining.Open, mining.Authorize, mining.Submit} {
			m.refused[name][kind] = refused.WithLabelValues(name, kind.String())
		}
	}
}

// Wire returns what is counted for the connections of a side.
func (m *Metrics) Wire(side mining.Side) Wire { return m.wires[side] }

// Closed returns the counter of connections of a side that end for a reason.
func (m *Metrics) Closed(side mining.Side, reason mining.Reason) prometheus.Counter {
	if c, ok := m.closed[side][reason]; ok {
		return c
	}
	return m.closed[side][mining.InternalError]
}

// Refused returns the counter of requests that a middleware refuses. Values
// that [Middlewares] and the request kinds do not list are counted as the
// first middleware's submits.
func (m *Metrics) Refused(middleware string, kind mining.RequestKind) prometheus.Counter {
	if c, ok := m.refused[middleware][kind]; ok {
		return c
	}
	return m.refused[Middlewares()[0]][mining.Submit]
}

// builder registers and remembers what went wrong.
type builder struct {
	registry *prometheus.Registry
	errs     []error
}

const namespace = "loka"

func (b *builder) register(c prometheus.Collector) {
	if err := b.registry.Register(c); err != nil {
		b.errs = append(b.errs, fmt.Errorf("register metric: %w", err))
	}
}

func (b *builder) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	b.register(v)
	return v
}

func (b *builder) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	b.register(v)
	return v
}

func (b *builder) sharded(name, help string, labels prometheus.Labels) *Sharded {
	c := NewSharded(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels})
	b.register(c)
	return c
}

func (b *builder) histogram(name, help string) *ShardedHistogram {
	h := NewShardedHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help})
	b.register(h)
	return h
}
