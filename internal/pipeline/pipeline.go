package pipeline

import (
	"slices"

	"github.com/loka/stratum/internal/mining"
)

// Handler answers a miner's requests. It never blocks: where the answer
// needs somebody else's word its verdict is [mining.Pending] and the answer
// follows by the same ticket.
type Handler interface {
	Handle(m *mining.Miner, req *mining.Request) mining.Answer
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(m *mining.Miner, req *mining.Request) mining.Answer

// Handle calls f.
func (f HandlerFunc) Handle(m *mining.Miner, req *mining.Request) mining.Answer { return f(m, req) }

// Middleware stands between a session and the last handler. It answers a
// request itself or hands it, perhaps completed, to the next handler.
type Middleware interface {
	// Name is the middleware's word in logs, metrics and docs.
	Name() string
	// Wrap returns the handler that stands before next. It is called once.
	Wrap(next Handler) Handler
}

// Compile chains the middlewares before last: the first listed sees a
// request first.
func Compile(last Handler, mws ...Middleware) Handler {
	h := last
	for _, mw := range slices.Backward(mws) {
		h = mw.Wrap(h)
	}
	return h
}

// Refuse is the answer that refuses a request for the given reason.
func Refuse(req *mining.Request, v mining.Verdict) mining.Answer {
	return mining.Answer{Ticket: req.Ticket, Verdict: v}
}

// Counter counts. A nil Counter in a middleware's Metrics counts nothing.
type Counter interface{ Inc() }
