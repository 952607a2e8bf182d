package ratelimit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// Name is the middleware's.
const Name = "rate_limit"

// Config is the middleware's settings. A zero Rate is no limit.
type Config struct {
	// Submits, Logins and Others are of each connection, by kind of line. Submits
	// are for each authorized worker of it.
	Submits, Logins, Others Rate
	// Worker, Address and Subnet are of all that one worker sends as shares,
	// whatever its connections, and of all lines from one address or subnet.
	Worker, Address, Subnet Rate
	// Bits4 and Bits6 are the prefix lengths that make a subnet; 0 is the default.
	Bits4, Bits6 int
	// MaxHold is the longest wait for a token; 0 is the default.
	MaxHold time.Duration
}

// DefaultConfig returns limits that no miner meets that is of use: at difficulty
// 512 a machine of 300 TH/s sends 136 shares a second.
func DefaultConfig() Config {
	return Config{
		Submits: Rate{PerSecond: 300, Burst: 3000},
		Logins:  Rate{PerSecond: 5, Burst: 300},
		Others:  Rate{PerSecond: 10, Burst: 200},
		Bits4:   24, Bits6: 64,
		MaxHold: 30 * time.Second,
	}
}

// Metrics counts lines after which the reader was held, by kind. Nil fields count
// nothing.
type Metrics struct{ Submits, Logins, Others pipeline.Counter }

// kind is what a bucket of a connection is for.
type kind int

const (
	submits kind = iota
	logins
	others
	numKinds
)

// kindOf is the kind of a request.
func kindOf(k mining.RequestKind) kind {
	switch k {
	case mining.Submit:
		return submits
	case mining.Authorize:
		return logins
	case mining.Negotiate, mining.Open, mining.Suggest:
	}
	return others
}

// Middleware holds who is too fast. Use [New].
type Middleware struct {
	metrics [numKinds]pipeline.Counter
	cfg     atomic.Pointer[settings]
	slot    pipeline.Slot
	// began is when the first connection came, which buckets count from: what they
	// say must not hang on the clock's being set.
	begin sync.Once
	began time.Time

	workers   *table[string]
	addresses *table[netip.Addr]
	subnets   *table[netip.Prefix]
}

// settings are a Config as it is worked with.
type settings struct {
	Config

	kinds                   [numKinds]limit
	worker, address, subnet limit
}

// New returns the middleware.
func New(cfg Config, metrics Metrics) *Middleware {
	m := &Middleware{
		metrics: [numKinds]pipeline.Counter{metrics.Submits, metrics.Logins, metrics.Others},
		workers: newTable[string](), addresses: newTable[netip.Addr](), subnets: newTable[netip.Prefix](),
	}
	m.Reconfigure(cfg)
	return m
}

// Reconfigure puts other settings in place, for connections that there are, too.
func (m *Middleware) Reconfigure(cfg Config) {
	d := DefaultConfig()
	if cfg.MaxHold <= 0 {
		cfg.MaxHold = d.MaxHold
	}
	if cfg.Bits4 <= 0 || cfg.Bits4 > 32 {
		cfg.Bits4 = d.Bits4
	}
	if cfg.Bits6 <= 0 || cfg.Bits6 > 128 {
		cfg.Bits6 = d.Bits6
	}
	m.cfg.Store(&settings{
		Config: cfg,
		kinds:  [numKinds]limit{limitOf(cfg.Submits, 1), limitOf(cfg.Logins, 1), limitOf(cfg.Others, 1)},
		worker: limitOf(cfg.Worker, 1), address: limitOf(cfg.Address, 1), subnet: limitOf(cfg.Subnet, 1),
	})
}

// Name is "rate_limit".
func (*Middleware) Name() string { return Name }

// Wrap returns the limit before next.
func (m *Middleware) Wrap(next pipeline.Handler, slot pipeline.Slot) pipeline.Handler {
	m.slot = slot
	return &handler{Middleware: m, next: next}
}

type handler struct {
	*Middleware

	next pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	c := pipeline.Kept[conn](m, h.slot)
	if c == nil {
		return h.next.Handle(m, req)
	}
	hold := h.line(c, kindOf(req.Kind), req.Worker, req.At)
	a := h.next.Handle(m, req)
	if req.Kind == mining.Authorize && a.Verdict == mining.Accepted {
		c.workers++ // late ones are not known here: a login more or less is not the point
	}
	return pipeline.Reaction{Hold: hold}.Into(a)
}

// Watch implements [pipeline.Watcher]: lines that were no request count as well.
func (m *Middleware) Watch(_ *mining.Miner, state any, e pipeline.Event) (r pipeline.Reaction) {
	c, ok := state.(*conn)
	if !ok {
		return r
	}
	switch e.Kind {
	case pipeline.Answered, pipeline.Malformed, pipeline.Unsupported:
		r.Hold = m.line(c, others, nil, e.At)
	case pipeline.Refused:
		r.Hold = m.line(c, kindOf(e.Of), nil, e.At)
	case pipeline.Late:
		if e.Of == mining.Authorize && e.Verdict == mining.Accepted {
			c.workers += e.Times
		}
	case pipeline.Retargeted:
	}
	return r
}

// since is a time in nanoseconds from when the first connection came.
func (m *Middleware) since(at time.Time) int64 { return int64(at.Sub(m.began)) }

// line takes the tokens for a line and returns how long the slowest is away.
func (m *Middleware) line(c *conn, k kind, w *mining.Worker, at time.Time) time.Duration {
	cfg, now := m.cfg.Load(), m.since(at)
	c.last = now
	l := cfg.kinds[k]
	if k == submits && c.workers > 1 && !l.off() {
		l = limitOf(cfg.Submits, c.workers)
	}
	var hold time.Duration
	if !l.off() {
		hold = c.own[k].take(l, now, cfg.MaxHold)
	}
	hold = max(hold, m.common(c, cfg, now))
	if k == submits && !cfg.worker.off() && w != nil {
		hold = max(hold, c.worker(m.workers, w, now).take(cfg.worker, now, cfg.MaxHold))
	}
	if hold > 0 {
		pipeline.Count(m.metrics[k])
	}
	return hold
}

// common takes the tokens of where the connection comes from.
func (m *Middleware) common(c *conn, cfg *settings, now int64) (hold time.Duration) {
	if !cfg.address.off() && c.from.IsValid() {
		if c.address == nil {
			c.address = m.addresses.acquire(c.from, now)
		}
		hold = c.address.take(cfg.address, now, cfg.MaxHold)
	}
	if !cfg.subnet.off() && c.from.IsValid() {
		if c.subnet == nil {
			c.net = subnetOf(c.from, cfg)
			c.subnet = m.subnets.acquire(c.net, now)
		}
		hold = max(hold, c.subnet.take(cfg.subnet, now, cfg.MaxHold))
	}
	return hold
}

// subnetOf is what an address's subnet is.
func subnetOf(addr netip.Addr, cfg *settings) netip.Prefix {
	bits := cfg.Bits6
	if addr.Is4() {
		bits = cfg.Bits4
	}
	p, _ := addr.Prefix(bits) // both are in range
	return p
}
