package app

import (
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/metrics"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/identity"
	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/pipeline/patterns"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
	"github.com/loka/stratum/internal/pipeline/threat"
	"github.com/loka/stratum/internal/pipeline/validate"
	"github.com/loka/stratum/internal/profile"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/wire"
)

// counts fills every package's Metrics from the one registry.
type counts struct {
	m *metrics.Metrics
	// steps are how long the steps of shares and jobs take.
	steps *profile.Profile
	// source is bound once the read model exists, before anything is served.
	source lateModel
}

// scraped is what is read at a scrape besides the read model; all may be nil.
type scraped struct {
	expiries func() []metrics.Certificate
	door     metrics.Door
	books    *ledger.Ledger
	queues   func() metrics.Queues
	alerts   func() metrics.Alerts
}

// lateModel is a read model that comes after the metrics that read it.
type lateModel struct{ *view.Model }

// newCounts makes all metrics; books may be nil.
func newCounts(cfg *config.Config, version string, read scraped) (*counts, error) {
	c := &counts{steps: profile.New(profile.Config{Batch: hub.Batch})}
	var err error
	of := metrics.Config{
		Version: version, Pools: poolNames(cfg), Source: &c.source, Certificates: read.expiries, Door: read.door, Profile: c.steps,
	}
	of.Queues, of.Alerts = read.queues, read.alerts
	of.Routes = func() []view.Route {
		if c.source.Model == nil {
			return nil
		}
		return c.source.Routes()
	}
	of.Health = func() (h view.Health) {
		if c.source.Model != nil {
			h = c.source.Health()
		}
		return h
	}
	if books := read.books; books != nil {
		of.Workers = func() []ledger.Brief { return books.Briefs(time.Now()) }
		of.WorkerCount = books.Len
	}
	if c.m, err = metrics.New(of); err != nil {
		return c, err
	}
	c.reconfigure(cfg)
	return c, nil
}

// reconfigure puts what a configuration says of metrics in place.
func (c *counts) reconfigure(cfg *config.Config) {
	c.m.Reconfigure(metrics.WorkerSeries{On: cfg.Metrics.PerWorker, Most: cfg.Metrics.MaxWorkers, Top: cfg.Metrics.Top})
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
		FanoutSeconds: both{c.m.JobFanout, c.steps.Of(profile.JobLast)}, ShareSeconds: c.m.ShareDuration,
		PipelineSeconds: c.steps.Of(profile.SharePipeline), JudgeSeconds: c.steps.Of(profile.ShareJudge),
		LedgerSeconds: c.steps.Of(profile.ShareLedger), ForwardSeconds: c.steps.Of(profile.ShareForward),
		MakeSeconds: c.steps.Of(profile.JobMake), WaitSeconds: c.steps.Of(profile.JobWait),
		GiveSeconds: c.steps.Of(profile.JobGive), FirstSeconds: c.steps.Of(profile.JobFirst),
		Raised: c.m.VardiffUp, Lowered: c.m.VardiffDown,
		Jobs:        func(pool string) hub.Counter { return c.m.Pool(pool).Jobs },
		Redirects:   func(pool string, o dial.RedirectOutcome) hub.Counter { return c.m.Pool(pool).Reconnects(o) },
		Discrepancy: func(pool string, v mining.Verdict) hub.Counter { return c.m.Pool(pool).Discrepancies(v) },
		Link: func(pool string) *link.Metrics {
			p := c.m.Pool(pool)
			return &link.Metrics{
				RTT: both{p.RTT, c.steps.Of(profile.PoolAnswer)}, BadLines: p.BadLines, Late: p.Late, Closed: closed,
				ReadSeconds: c.steps.Of(profile.JobRead), ParseSeconds: c.steps.Of(profile.JobParse),
			}
		},
	}
}

func (c *counts) serve() serve.Metrics {
	return serve.Metrics{
		Closed:      func(r mining.Reason) serve.Counter { return c.m.Closed(mining.Downstream, r) },
		ReadSeconds: c.steps.Of(profile.ShareRead), DecodeSeconds: c.steps.Of(profile.ShareDecode), AnswerSeconds: c.steps.Of(profile.ShareAnswer),
		RenderSeconds: c.steps.Of(profile.JobRender),
	}
}

// both has two observers take the same.
type both [2]hub.Observer

// Observe implements [hub.Observer].
func (b both) Observe(seconds float64) {
	b[0].Observe(seconds)
	b[1].Observe(seconds)
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
		Superseded: w.Superseded, Dropped: w.Dropped, Slow: w.Slow,
	}
}

// timed is how a side's connections are driven so that what is read is timed: of
// miners' now and then, of pools' always.
func (c *counts) timed(side mining.Side, of wire.Config) wire.Config {
	of.TimeOneIn = 1
	if side == mining.Downstream {
		of.TimeOneIn = c.steps.OneIn(profile.ShareRead)
		of.Metrics.Written = c.steps.Of(profile.ShareWrite)
	}
	return of
}

func (c *counts) validate() validate.Metrics {
	return validate.Metrics{
		Logins: c.m.Refused("validate", mining.Authorize), Shares: c.m.Refused("validate", mining.Submit),
		Negotiations: c.m.Refused("validate", mining.Negotiate),
	}
}

func (c *counts) identity() identity.Metrics {
	return identity.Metrics{Unknown: c.m.Refused("identity", mining.Authorize)}
}

func (c *counts) threat() threat.Metrics {
	return threat.Metrics{
		Reached: func(l threat.Level) pipeline.Counter { return c.m.Guard.Response(l) },
		Shares:  c.m.Refused(threat.Name, mining.Submit),
	}
}

func (c *counts) limits() ratelimit.Metrics {
	g := &c.m.Guard
	return ratelimit.Metrics{Submits: g.HeldSubmits, Logins: g.HeldLogins, Others: g.HeldOthers}
}

func (c *counts) patterns() patterns.Metrics {
	return patterns.Metrics{
		Opens: c.m.Refused(patterns.Name, mining.Open), Logins: c.m.Refused(patterns.Name, mining.Authorize),
	}
}

func (c *counts) logins(middleware string) logins.Metrics {
	all := c.m.Refused(middleware, mining.Authorize)
	return logins.Metrics{Refused: func(cause logins.Cause) pipeline.Counter {
		all.Inc()
		return c.m.Guard.LoginRefused(cause)
	}}
}

func (c *counts) http() httpapi.Metrics {
	return httpapi.Metrics{Refused: func(why httpapi.Refusal) httpapi.Counter { return c.m.HTTPRefused(string(why)) }}
}
