package validate

import (
	"slices"
	"sync/atomic"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/work"
)

// Config is the middleware's settings. A zero field takes its value from
// [DefaultConfig].
type Config struct {
	// MaxLogin is the longest login, in bytes.
	MaxLogin int
	// MaxPassword is the longest password, in bytes.
	MaxPassword int
	// VersionBits are all the bits that any miner may roll.
	VersionBits work.VersionMask
	// RoutesFor are the names of the routes that a request is of: its miner's, or all
	// that the miner may still come to. It is not asked about shares, nor where no
	// route has a policy; nil is none.
	RoutesFor func(*mining.Miner, *mining.Request) []string
	// Routes are the policies of routes, by their names.
	Routes map[string]Policy
}

// Policy is what a route does not allow. The zero Policy allows all.
type Policy struct {
	// TLS refuses logins by connections that are not encrypted.
	TLS bool
	// NoVersionRolling grants no version bits.
	NoVersionRolling bool
	// NoSuggestions has no effect given to what miners suggest as difficulty.
	NoSuggestions bool
	// NoOptions has none given to what passwords ask for.
	NoOptions bool
	// Workers are globs of which one has to match a login; none takes all.
	Workers []string
}

// textTLS is what who has to come by TLS is told.
const textTLS = "TLS required"

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{MaxLogin: 128, MaxPassword: 256, VersionBits: work.MaskBIP323}
}

// Metrics counts what was refused. Nil fields count nothing.
type Metrics struct {
	// Logins counts refused authorizes.
	Logins pipeline.Counter
	// Shares counts refused submits.
	Shares pipeline.Counter
	// Negotiations counts refused requests for version bits.
	Negotiations pipeline.Counter
}

// Middleware is the check. Use [New].
type Middleware struct {
	cfg     Config
	metrics Metrics
	routes  atomic.Pointer[map[string]policy]
}

// policy is a Policy as it is worked with.
type policy struct {
	Policy

	workers steer.Globs
}

// New returns the middleware.
func New(cfg Config, metrics Metrics) *Middleware {
	d := DefaultConfig()
	if cfg.MaxLogin <= 0 {
		cfg.MaxLogin = d.MaxLogin
	}
	if cfg.MaxPassword <= 0 {
		cfg.MaxPassword = d.MaxPassword
	}
	if cfg.VersionBits == 0 {
		cfg.VersionBits = d.VersionBits
	}
	m := &Middleware{cfg: cfg, metrics: metrics}
	m.Reconfigure(cfg.Routes)
	return m
}

// Reconfigure puts other policies in place, for what is asked from now on.
func (m *Middleware) Reconfigure(routes map[string]Policy) {
	by := make(map[string]policy, len(routes))
	for name, p := range routes {
		by[name] = policy{p, steer.CompileGlobs(p.Workers)}
	}
	m.routes.Store(&by)
}

// Name is "validate".
func (*Middleware) Name() string { return "validate" }

// Wrap returns the check before next.
func (m *Middleware) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	return &handler{Middleware: m, next: next}
}

type handler struct {
	*Middleware

	next pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	switch req.Kind {
	case mining.Authorize:
		if req.Worker == nil || !h.loginOK(req.Worker.Login) || len(req.Password.Reveal()) > h.cfg.MaxPassword {
			pipeline.Count(h.metrics.Logins)
			return pipeline.Refuse(req, mining.Unauthorized)
		}
		if text, refused := h.logsIn(m, req); refused {
			pipeline.Count(h.metrics.Logins)
			a := pipeline.Refuse(req, mining.Unauthorized)
			a.Text = text
			return a
		}
	case mining.Submit:
		if v := h.judge(&req.Share); v != mining.Accepted {
			if req.Worker == nil { // the session has refused it
				v = mining.Unauthorized
			}
			pipeline.Count(h.metrics.Shares)
			return pipeline.Refuse(req, v)
		}
	case mining.Negotiate:
		if all(h.policies(m, req), func(p policy) bool { return p.NoVersionRolling }) {
			pipeline.Count(h.metrics.Negotiations)
			return pipeline.Refuse(req, mining.Invalid)
		}
	case mining.Suggest:
		if all(h.policies(m, req), func(p policy) bool { return p.NoSuggestions }) {
			return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted} // it is told, not asked
		}
	case mining.Open:
	}
	return h.next.Handle(m, req)
}

// logsIn applies the policies of a login's routes to it: whether it is refused, and what
// the miner is told, if not the usual words. One that comes before the subscribe may have
// several left, each of which may refuse it: nobody is asked again once it is on one.
func (h *handler) logsIn(m *mining.Miner, req *mining.Request) (text string, refused bool) {
	routes := h.policies(m, req)
	for _, p := range routes {
		switch {
		case p.TLS && !m.TLS:
			return textTLS, true
		case !p.workers.Empty() && !p.workers.Match(req.Worker.Login):
			return "", true
		}
	}
	// Before this is set the options have had their say in which route it is.
	req.NoOptions = all(routes, func(p policy) bool { return p.NoOptions })
	return "", false
}

// policies are those of the routes that a request may be of.
func (h *handler) policies(m *mining.Miner, req *mining.Request) (some []policy) {
	known := *h.routes.Load()
	if len(known) == 0 || h.cfg.RoutesFor == nil {
		return nil
	}
	for _, name := range h.cfg.RoutesFor(m, req) {
		some = append(some, known[name])
	}
	return some
}

// all says that there are policies, and that all have something in them.
func all(policies []policy, has func(policy) bool) bool {
	return len(policies) > 0 && !slices.ContainsFunc(policies, func(p policy) bool { return !has(p) })
}

func (h *handler) loginOK(login string) bool {
	if login == "" || len(login) > h.cfg.MaxLogin {
		return false
	}
	for i := range len(login) { // bytes, not runes
		if login[i] < 0x21 || login[i] > 0x7e {
			return false
		}
	}
	return true
}

// judge checks what needs no job; Accepted says that nothing is wrong so far.
func (h *handler) judge(s *mining.Share) mining.Verdict {
	switch {
	case !s.Known:
		return mining.JobNotFound
	case s.Extranonce2.Len() == 0:
		return mining.Invalid
	case s.HasVersionBits && s.VersionBits&^h.cfg.VersionBits != 0:
		return mining.Invalid
	}
	return mining.Accepted
}
