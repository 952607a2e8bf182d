package patterns

import (
	"sync/atomic"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/steer"
)

// Name is the middleware's.
const Name = "patterns"

// List is what is let in and what is not. Texts are globs: * is any text, ? one
// character.
type List struct {
	// Allow, if not empty, lets in only what one of its globs matches.
	Allow []string
	// Deny keeps out what one of its globs matches, allowed or not.
	Deny []string
	// Close says that the connection ends once it is told so.
	Close bool
}

// Config is the middleware's settings.
type Config struct{ UserAgent, Worker, Address List }

// Metrics counts refused requests. Nil fields count nothing.
type Metrics struct{ Opens, Logins pipeline.Counter }

// Middleware is the door keeper. Use [New].
type Middleware struct {
	rules   atomic.Pointer[rules]
	metrics Metrics
}

// rules are a Config as it is worked with.
type rules struct{ userAgent, worker, address rule }

type rule struct {
	allow, deny steer.Globs
	close       bool
	reason      mining.Reason
}

// New returns the middleware.
func New(cfg Config, metrics Metrics) *Middleware {
	m := &Middleware{metrics: metrics}
	m.Reconfigure(cfg)
	return m
}

// Reconfigure puts other lists in place, for who comes from now on.
func (m *Middleware) Reconfigure(cfg Config) {
	compile := func(l List, reason mining.Reason) rule {
		return rule{steer.CompileGlobs(l.Allow), steer.CompileGlobs(l.Deny), l.Close, reason}
	}
	m.rules.Store(&rules{
		userAgent: compile(cfg.UserAgent, mining.UserAgentDenied),
		worker:    compile(cfg.Worker, mining.WorkerDenied),
		address:   compile(cfg.Address, mining.AddressDenied),
	})
}

// none says that the rule lets all in.
func (r *rule) none() bool { return r.allow.Empty() && r.deny.Empty() }

// refuses says that a text is kept out.
func (r *rule) refuses(text string) bool {
	return r.deny.Match(text) || !r.allow.Empty() && !r.allow.Match(text)
}

// Name is "patterns".
func (*Middleware) Name() string { return Name }

// Wrap returns the door before next.
func (m *Middleware) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	return &handler{Middleware: m, next: next}
}

type handler struct {
	*Middleware

	next pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	var broken *rule
	verdict, counter := mining.Invalid, h.metrics.Opens
	switch req.Kind {
	case mining.Open:
		broken = h.rules.Load().opens(m, req)
	case mining.Authorize:
		broken = h.rules.Load().authorizes(m, req)
		verdict, counter = mining.Unauthorized, h.metrics.Logins
	case mining.Negotiate, mining.Submit, mining.Suggest:
	}
	if broken == nil {
		return h.next.Handle(m, req)
	}
	pipeline.Count(counter)
	a := pipeline.Refuse(req, verdict)
	if broken.close {
		a.Close = broken.reason
	}
	return a
}

// opens is the rule that a subscribe breaks, or nil.
func (r *rules) opens(m *mining.Miner, req *mining.Request) *rule {
	if !r.userAgent.none() && r.userAgent.refuses(req.UserAgent) {
		return &r.userAgent
	}
	return r.from(m)
}

// authorizes is the rule that a login breaks, or nil.
func (r *rules) authorizes(m *mining.Miner, req *mining.Request) *rule {
	if !r.worker.none() && req.Worker != nil && r.worker.refuses(req.Worker.Login) {
		return &r.worker
	}
	return r.from(m)
}

// from is the rule that a miner's address breaks, or nil.
func (r *rules) from(m *mining.Miner) *rule {
	if r.address.none() || m == nil || !m.Remote.IsValid() {
		return nil
	}
	if r.address.refuses(m.Remote.Addr().Unmap().String()) {
		return &r.address
	}
	return nil
}
