package app

import (
	"log/slog"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/identity"
	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/pipeline/patterns"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
	"github.com/loka/stratum/internal/pipeline/threat"
	"github.com/loka/stratum/internal/pipeline/validate"
)

// list is the order in which a request walks: the first sees it first. Who adds a
// middleware adds it here.
func (g *walk) list(c *counts) []pipeline.Middleware {
	return []pipeline.Middleware{
		// It looks at everybody's answers.
		g.threat,
		g.limits,
		g.fields,
		g.patterns,
		identity.New(identity.Config{}, c.identity()),
		// They ask about workers. No route leaves out the first.
		g.bans,
		g.logins,
	}
}

// walk is the pipeline, with the hub at its end, and those of its middlewares
// whose settings can change while they run.
type walk struct {
	hub      *hub.Hub
	log      *slog.Logger
	threat   *threat.Middleware
	limits   *ratelimit.Middleware
	fields   *validate.Middleware
	patterns *patterns.Middleware
	bans     *logins.Keeper
	logins   *logins.Middleware
	chain    *pipeline.Chain
}

// advisers are who else has a say in who may mine, and is told how they behave; all may
// be nil.
type advisers struct {
	gate     logins.Gate
	standing threat.Standing
	guesses  logins.Standing
}

// newWalk makes the pipeline.
func newWalk(cfg *config.Config, h *hub.Hub, c *counts, w advisers, log *slog.Logger) (*walk, error) {
	who, err := loginsConfig(cfg)
	if err != nil {
		return nil, err
	}
	g := &walk{
		hub: h, log: log,
		threat:   threat.New(threatConfig(cfg), w.standing, c.threat()),
		limits:   ratelimit.New(limitsConfig(cfg), c.limits()),
		fields:   validate.New(fieldsConfig(cfg, h), c.validate()),
		patterns: patterns.New(patternsConfig(cfg), c.patterns()),
		bans:     logins.NewKeeper(w.gate, c.logins(logins.GateName)),
	}
	if g.logins, err = logins.New(who, w.guesses, c.logins(logins.Name)); err != nil {
		return nil, err
	}
	g.chain = pipeline.Compile(h, g.list(c)...)
	return g, g.chain.Skip(h.RouteOf, skips(cfg))
}

// handler is the whole pipeline.
func (g *walk) handler() pipeline.Handler { return g.hub.Booked(g.chain) }

// prepare makes ready what another configuration asks for, files of it read; use
// puts it in place.
func (g *walk) prepare(next *config.Config) (use func(), err error) {
	who, err := loginsConfig(next)
	if err != nil {
		return nil, err
	}
	useLogins, err := g.logins.Prepare(who)
	if err != nil {
		return nil, err
	}
	return func() {
		useLogins()
		g.threat.Reconfigure(threatConfig(next))
		g.limits.Reconfigure(limitsConfig(next))
		g.fields.Reconfigure(policies(next))
		g.patterns.Reconfigure(patternsConfig(next))
		if err := g.chain.Skip(g.hub.RouteOf, skips(next)); err != nil { // the configuration knows the names
			g.log.Error("what routes leave out is as before", "error", err)
		}
	}, nil
}

// skips are the middlewares that each route leaves out.
func skips(cfg *config.Config) map[string][]string {
	routes := make(map[string][]string)
	for _, r := range cfg.Routes {
		if len(r.Skip) > 0 {
			routes[r.Name] = r.Skip
		}
	}
	return routes
}
