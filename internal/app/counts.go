package app

import (
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/metrics"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline/identity"
	"github.com/loka/stratum/internal/pipeline/validate"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/web"
	"github.com/loka/stratum/internal/wire"
)

// counts fills every package's Metrics from the one registry.
type counts struct {
	m *metrics.Metrics
	// source is bound once the read model exists, before anything is served.
	source lateModel
}

// lateModel is a read model that comes after the metrics that read it.
type lateModel struct{ *view.Model }

func newCounts(cfg *config.Config, version string, door *guard.Door) (*counts, error) {
	c := &counts{}
	var err error
	c.m, err = metrics.New(metrics.Config{Version: version, Pools: poolNames(cfg), Source: &c.source, Door: door})
	return c, err
}

func poolNames(cfg *config.Config) []string {
	names := make([]string, 0, len(cfg.Pools))
	for _, p := range cfg.Pools {
		names = append(names, p.Name)
	}
	return names
}

func (c *counts) hub() hub.Metrics {
	closed := make(map[mining.Reason]link.Counter)
	for _, reason := range mining.Reasons(mining.Upstream) {
		closed[reason] = c.m.Closed(mining.Upstream, reason)
	}
	return hub.Metrics{
		FanoutSeconds: c.m.JobFanout, ShareSeconds: c.m.ShareDuration,
		Raised: c.m.VardiffUp, Lowered: c.m.VardiffDown,
		Jobs:        func(pool string) hub.Counter { return c.m.Pool(pool).Jobs },
		Redirects:   func(pool string, o dial.RedirectOutcome) hub.Counter { return c.m.Pool(pool).Reconnects(o) },
		Discrepancy: func(pool string, v mining.Verdict) hub.Counter { return c.m.Pool(pool).Discrepancies(v) },
		Link: func(pool string) *link.Metrics {
			p := c.m.Pool(pool)
			return &link.Metrics{RTT: p.RTT, BadLines: p.BadLines, Late: p.Late, Closed: closed}
		},
	}
}

func (c *counts) serve() serve.Metrics {
	return serve.Metrics{Closed: func(r mining.Reason) serve.Counter { return c.m.Closed(mining.Downstream, r) }}
}

func (c *counts) listen() listen.Metrics {
	return listen.Metrics{
		Accepted: c.m.Accepted, AcceptErrors: c.m.AcceptErrors,
		Refused: func(r mining.Reason) listen.Counter { return c.m.Closed(mining.Downstream, r) },
	}
}

func (c *counts) wire(side mining.Side) wire.Metrics {
	w := c.m.Wire(side)
	return wire.Metrics{
		BytesIn: w.BytesIn, BytesOut: w.BytesOut, LinesIn: w.LinesIn, FramesOut: w.FramesOut,
		Superseded: w.Superseded, Dropped: w.Dropped,
	}
}

func (c *counts) validate() validate.Metrics {
	return validate.Metrics{
		Logins: c.m.Refused("validate", mining.Authorize), Shares: c.m.Refused("validate", mining.Submit),
	}
}

func (c *counts) identity() identity.Metrics {
	return identity.Metrics{Unknown: c.m.Refused("identity", mining.Authorize)}
}

// disconnecter ends miners' connections for the API.
type disconnecter struct{ *serve.Server }

// Disconnect implements [httpapi.Disconnecter].
func (d disconnecter) Disconnect(id mining.MinerID) bool {
	c := d.Find(id)
	if c == nil {
		return false
	}
	c.Close(mining.Disconnected)
	return true
}

// newHTTP makes the page, the API and the metrics, and what they need besides
// deps.
func newHTTP(cfg *config.Config, c *counts, deps httpapi.Deps) (*httpapi.Server, error) {
	token, created, err := auth.LoadOrCreate(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if created {
		deps.Logger.Info("admin token written", "file", auth.TokenFile, "data_dir", cfg.DataDir)
	}
	page, err := web.New(web.Config{Version: deps.Model.Version()})
	if err != nil {
		return nil, err
	}
	deps.Token, deps.Metrics, deps.Page = token, c.m.Handler(), page
	return httpapi.New(httpapi.Config{Listen: cfg.HTTP.Listen}, deps), nil
}
