package validate

import (
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
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
}

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
}

// Middleware is the check. Use [New].
type Middleware struct {
	cfg     Config
	metrics Metrics
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
	return &Middleware{cfg: cfg, metrics: metrics}
}

// Name is "validate".
func (*Middleware) Name() string { return "validate" }

// Wrap returns the check before next.
func (m *Middleware) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	return &handler{cfg: m.cfg, metrics: m.metrics, next: next}
}

type handler struct {
	cfg     Config
	metrics Metrics
	next    pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	switch req.Kind {
	case mining.Authorize:
		if req.Worker == nil || !h.loginOK(req.Worker.Login) || len(req.Password.Reveal()) > h.cfg.MaxPassword {
			pipeline.Count(h.metrics.Logins)
			return pipeline.Refuse(req, mining.Unauthorized)
		}
	case mining.Submit:
		if v := h.judge(&req.Share); v != mining.Accepted {
			if req.Worker == nil { // the session has refused it
				v = mining.Unauthorized
			}
			pipeline.Count(h.metrics.Shares)
			return pipeline.Refuse(req, v)
		}
	case mining.Negotiate, mining.Open, mining.Suggest:
	}
	return h.next.Handle(m, req)
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
