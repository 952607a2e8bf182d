package threat

import (
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

const (
	// slowAt is the hold at the first threshold, slowMost the longest.
	slowAt, slowMost = 50 * time.Millisecond, 2 * time.Second
	// graced is what an offence counts of which some are expected.
	graced = 0.1
	// earnEvery spaces what the standing is told of good shares.
	earnEvery = time.Minute
	// textRefused is what a miner is told whose shares are refused.
	textRefused = "Too many bad shares"
)

// Middleware keeps scores. Use [New].
type Middleware struct {
	cfg      atomic.Pointer[Config]
	standing Standing
	metrics  Metrics
	slot     pipeline.Slot
}

// New returns the middleware. standing may be nil.
func New(cfg Config, standing Standing, metrics Metrics) *Middleware {
	m := &Middleware{standing: standing, metrics: metrics}
	m.Reconfigure(cfg)
	return m
}

// Reconfigure puts other settings in place, for connections that there are, too.
func (m *Middleware) Reconfigure(cfg Config) {
	if cfg.HalfLife <= 0 {
		cfg.HalfLife = DefaultConfig().HalfLife
	}
	m.cfg.Store(&cfg)
}

// Name is "threat".
func (*Middleware) Name() string { return Name }

// Wrap returns the judge before next.
func (m *Middleware) Wrap(next pipeline.Handler, slot pipeline.Slot) pipeline.Handler {
	m.slot = slot
	return &handler{Middleware: m, next: next}
}

// Enter implements [pipeline.Enterer].
func (*Middleware) Enter(_ *mining.Miner, now time.Time) any { return &score{since: now, at: now} }

// Score is a miner's score and level as of its last line. Any goroutine may ask.
func (m *Middleware) Score(of *mining.Miner) (float64, Level) {
	s := pipeline.Kept[score](of, m.slot)
	if s == nil {
		return 0, Normal
	}
	return s.seen()
}

type handler struct {
	*Middleware

	next pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	cfg, s := h.cfg.Load(), pipeline.Kept[score](m, h.slot)
	if s == nil || cfg.Disabled {
		return h.next.Handle(m, req)
	}
	s.decay(req.At, cfg.HalfLife)
	s.heard(req.Kind == mining.Submit, req.Worker)
	doubted := req.Kind == mining.Submit && cfg.levelOf(s.value) >= Refused
	req.Doubted = req.Doubted || doubted
	a := h.next.Handle(m, req)
	points := 0.0
	switch {
	case req.Kind == mining.Authorize:
		s.asked = ""
		if req.Worker != nil {
			s.asked = req.Worker.Login
		}
		points = s.answered(cfg, a.Verdict)
	case req.Kind != mining.Submit:
	case req.Worker == nil:
		points = cfg.Weights.Stranger // whatever the answer is, nobody looks at it
	case doubted && a.Verdict == mining.Unauthorized:
		// What it is worth is not known: it is neither good nor bad.
		a.Verdict, a.Text = mining.Invalid, textRefused
		pipeline.Count(h.metrics.Shares)
	default:
		points = h.share(cfg, m, s, a.Verdict)
	}
	if a.Excused {
		points = 0
	}
	if a.Hold > 0 && req.At.Sub(s.excess) >= time.Second {
		s.excess = req.At
		points += cfg.Weights.Excess
	}
	return h.settle(cfg, m, s, points).Into(a)
}

// Watch implements [pipeline.Watcher].
func (m *Middleware) Watch(miner *mining.Miner, state any, e pipeline.Event) (r pipeline.Reaction) {
	cfg := m.cfg.Load()
	s, ok := state.(*score)
	if !ok || cfg.Disabled {
		return r
	}
	s.decay(e.At, cfg.HalfLife)
	points := 0.0
	switch e.Kind {
	case pipeline.Retargeted:
		s.retargeted = e.At
		return r
	case pipeline.Malformed:
		points = cfg.Weights.Malformed
	case pipeline.Unsupported:
		if !s.known { // firmware has its own methods, once it is in
			points = cfg.Weights.Unsupported
		}
	case pipeline.Refused:
		s.heard(true, e.Worker)
		points = m.share(cfg, miner, s, e.Verdict)
	case pipeline.Late:
		switch {
		case e.Of == mining.Authorize:
			points = s.answered(cfg, e.Verdict)
		case e.Verdict == mining.Unauthorized: // the pool does not know whom we let in
		default:
			points = m.share(cfg, miner, s, e.Verdict) * float64(e.Times)
		}
	case pipeline.Answered:
	}
	return m.settle(cfg, miner, s, points)
}

// heard notes whose a share is. A connection may have the workers of many machines, and
// what one does is not another's.
func (s *score) heard(isShare bool, w *mining.Worker) {
	if isShare && w != nil {
		s.login = w.Login
	}
}

// answered takes the answer to a login.
func (s *score) answered(cfg *Config, v mining.Verdict) float64 {
	switch v { //nolint:exhaustive // the others say nothing of the miner
	case mining.Accepted:
		s.known, s.login = true, s.asked
	case mining.Unauthorized:
		return cfg.Weights.Login
	}
	return 0
}

// share is what a share of a verdict adds to a score.
func (m *Middleware) share(cfg *Config, miner *mining.Miner, s *score, v mining.Verdict) float64 {
	expected := func(since time.Time, points float64) float64 {
		if !since.IsZero() && s.at.Sub(since) < cfg.Grace {
			return graced * points
		}
		return points
	}
	w := &cfg.Weights
	switch v {
	case mining.Accepted:
		if m.standing != nil && s.at.Sub(s.earned) >= earnEvery {
			s.earned = s.at
			m.standing.Earned(miner, s.login, s.at)
		}
		return -w.Good
	case mining.Unpaid:
		return -w.Good
	case mining.Duplicate:
		return expected(s.since, w.Duplicate)
	case mining.JobNotFound:
		return expected(s.since, w.JobNotFound)
	case mining.LowDifficulty:
		return expected(s.retargeted, w.LowDifficulty)
	case mining.Invalid:
		return w.Invalid
	case mining.Unauthorized:
		return w.Stranger
	case mining.Stale, mining.Unanswered, mining.Pending:
	}
	return 0
}

// settle adds points to a score and says what that leads to. Only an offence
// raises the level.
func (m *Middleware) settle(cfg *Config, miner *mining.Miner, s *score, points float64) (r pipeline.Reaction) {
	if points != 0 {
		s.add(points)
	}
	before := s.level
	s.level = cfg.levelOf(s.value)
	if s.level == Normal && before == Normal {
		s.show()
		return r
	}
	for l := before + 1; l <= s.level; l++ {
		if m.metrics.Reached != nil {
			pipeline.Count(m.metrics.Reached(l))
		}
	}
	if s.level == Closed {
		r.Close = mining.Misbehaved
		if before < Closed && m.standing != nil {
			m.standing.Offended(miner, s.login, s.at)
		}
	}
	if s.level >= Slowed && cfg.Slow > 0 {
		r.Hold = min(time.Duration(float64(slowAt)*s.value/cfg.Slow), slowMost)
	}
	s.show()
	return r
}

// levelOf is the level of a score.
func (c *Config) levelOf(value float64) Level {
	over := func(threshold float64) bool { return threshold > 0 && value >= threshold }
	switch {
	case over(c.Close):
		return Closed
	case over(c.Refuse):
		return Refused
	case over(c.Slow):
		return Slowed
	}
	return Normal
}
