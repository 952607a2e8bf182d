package middleware

import (
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// Name is the middleware's word in configuration, logs, metrics and docs.
const Name = "max_workers"

// Config is the middleware's settings.
type Config struct {
	// MaxWorkers is how many workers a connection may log in; 0 is any number.
	MaxWorkers int
}

// Metrics counts what was refused. Nil fields count nothing.
type Metrics struct {
	Refused pipeline.Counter
}

// Middleware is the bound. Use [New].
type Middleware struct {
	max     atomic.Int64
	metrics Metrics
	slot    pipeline.Slot
}

// New returns the middleware.
func New(cfg Config, metrics Metrics) *Middleware {
	m := &Middleware{metrics: metrics}
	m.Reconfigure(cfg)
	return m
}

// Reconfigure puts other settings in place while miners are connected: what many
// goroutines read is replaced atomically.
func (m *Middleware) Reconfigure(cfg Config) { m.max.Store(int64(cfg.MaxWorkers)) }

// Name implements [pipeline.Middleware].
func (*Middleware) Name() string { return Name }

// Wrap implements [pipeline.Middleware].
func (m *Middleware) Wrap(next pipeline.Handler, slot pipeline.Slot) pipeline.Handler {
	m.slot = slot
	return pipeline.HandlerFunc(func(miner *mining.Miner, req *mining.Request) mining.Answer {
		return m.handle(next, miner, req)
	})
}

// conn is what is kept of a connection. No lock guards it: all that is about one
// connection comes from one goroutine.
type conn struct{ workers int }

// Enter implements [pipeline.Enterer].
func (*Middleware) Enter(*mining.Miner, time.Time) any { return new(conn) }

func (m *Middleware) handle(next pipeline.Handler, miner *mining.Miner, req *mining.Request) mining.Answer {
	c := pipeline.Kept[conn](miner, m.slot)
	if req.Kind != mining.Authorize || c == nil {
		return next.Handle(miner, req)
	}
	if most := m.max.Load(); most > 0 && int64(c.workers) >= most {
		pipeline.Count(m.metrics.Refused)
		a := pipeline.Refuse(req, mining.Unauthorized)
		a.Text = "Too many workers"
		return a
	}
	a := next.Handle(miner, req)
	if a.Verdict == mining.Accepted {
		c.workers++
	}
	return a
}

// Watch implements [pipeline.Watcher]: in dedicated mode the pool's answer to a
// login comes later.
func (*Middleware) Watch(_ *mining.Miner, state any, e pipeline.Event) pipeline.Reaction {
	if c, ok := state.(*conn); ok && e.Kind == pipeline.Late && e.Of == mining.Authorize && e.Verdict == mining.Accepted {
		c.workers += e.Times
	}
	return pipeline.Reaction{}
}
