package identity

import (
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// Config is the middleware's settings; it has none so far.
type Config struct{}

// Metrics counts what was refused. Nil fields count nothing.
type Metrics struct {
	// Unknown counts logins without a name.
	Unknown pipeline.Counter
}

// Middleware makes workers of logins. Use [New].
type Middleware struct {
	metrics Metrics
}

// New returns the middleware.
func New(_ Config, metrics Metrics) *Middleware { return &Middleware{metrics: metrics} }

// Name is "identity".
func (*Middleware) Name() string { return "identity" }

// Wrap returns the middleware before next.
func (m *Middleware) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	return &handler{metrics: m.metrics, next: next}
}

type handler struct {
	metrics Metrics
	next    pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	switch req.Kind {
	case mining.Authorize:
		if req.Worker == nil || req.Worker.Login == "" {
			return h.refuse(req)
		}
		req.Worker = mining.NewWorker(req.Worker.Login)
	case mining.Submit, mining.Negotiate, mining.Open, mining.Suggest:
	}
	return h.next.Handle(m, req)
}

func (h *handler) refuse(req *mining.Request) mining.Answer {
	pipeline.Count(h.metrics.Unknown)
	return pipeline.Refuse(req, mining.Unauthorized)
}
