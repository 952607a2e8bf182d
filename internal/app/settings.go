package app

import (
	"fmt"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// The bounds of connections.
const (
	// strangerLine, minerLine and poolLine are the longest lines taken, in
	// bytes: of a miner before and after it has a worker, and of a pool.
	strangerLine = 4 << 10
	minerLine    = 16 << 10
	poolLine     = 64 << 10
	// minerSocket is what the kernel keeps of a miner's words and of ours to it, each:
	// some hundred shares, and some ten jobs.
	minerSocket = 64 << 10
	// queueBytes and queueAge bound what a peer may leave unread; strangerQueue
	// what a miner may before it has a worker: the largest job that a pool may give has
	// to fit, for by TLS all that is sent waits, if not for long.
	queueBytes    = 256 << 10
	strangerQueue = 40 << 10
	queueAge      = 15 * time.Second
	// drainTimeout bounds the flush of a connection that ends.
	drainTimeout = 2 * time.Second
)

// descriptorsPerMiner is what a miner takes: its own connection, and in
// dedicated mode its link's.
func descriptorsPerMiner(cfg *config.Config) int {
	for _, r := range cfg.Routes {
		if r.Mode == config.Dedicated {
			return 2
		}
	}
	return 1
}

// readings are how a pool may be configured to read version bits; auto begins
// with the first.
//
//nolint:gochecknoglobals // a table
var readings = map[config.VersionBits]work.VersionReading{
	config.VersionBitsAuto:    work.ReadReplace,
	config.VersionBitsReplace: work.ReadReplace,
	config.VersionBitsOr:      work.ReadOr,
	config.VersionBitsXor:     work.ReadXor,
}

// hubConfig maps the configuration onto the hub's.
func hubConfig(cfg *config.Config, version string) (hub.Config, error) {
	h := hub.Config{UserAgent: "loka/" + version, VersionMask: work.MaskBIP320, Watch: watch.Config(cfg.Watch)}
	for _, p := range cfg.Pools {
		watched, err := watchOf(&p)
		if err != nil {
			return hub.Config{}, fmt.Errorf("pool %q: %w", p.Name, err)
		}
		endpoint, err := dial.Parse(p.URL)
		if err != nil {
			return hub.Config{}, fmt.Errorf("pool %q: %w", p.Name, err)
		}
		if endpoint.Trust, err = trustOf(p); err != nil {
			return hub.Config{}, fmt.Errorf("pool %q: %w", p.Name, err)
		}
		if p.Proxy != "" {
			proxy, err := dial.ParseProxy(p.Proxy.Reveal())
			if err != nil {
				return hub.Config{}, fmt.Errorf("pool %q: %w", p.Name, err)
			}
			endpoint.Proxy = &proxy
		}
		h.Pools = append(h.Pools, hub.PoolConfig{
			Name: p.Name, Endpoint: endpoint, Account: p.Username, Password: p.Password,
			Worker: p.Worker, HasWorker: p.Worker.String() != "",
			Suggest: p.SuggestDifficulty.Difficulty, SuggestAuto: p.SuggestDifficulty.Auto,
			Reading: readings[p.VersionBits], ReadingAuto: p.VersionBits == config.VersionBitsAuto,
			RefusalStreak: p.RefusalStreak, Disabled: !p.Enabled, Watch: watched,
			Redirects: dial.Redirects{SameDomain: p.Reconnect == config.ReconnectSameDomain, Hosts: p.ReconnectHosts},
		})
	}
	targets := targetsOf(h.Pools)
	for i, r := range cfg.Routes {
		h.Routes = append(h.Routes, hub.RouteConfig{
			Name: r.Name, Pools: r.EveryPool(), Parts: hubParts(r.Split), Worker: r.Worker, Password: r.Password, Extranonce2Size: r.Extranonce2Size,
			Shared: r.Mode == config.Shared, MaxMiners: r.MaxMinersPerConnection,
			ReturnAfter: r.ReturnAfter, OutageGrace: r.OutageGrace, Hold: r.OnOutage == config.OutageHold,
			Vardiff: func(listener string) vardiff.Config {
				v := cfg.VardiffFor(listener, i)
				if v.Fixed > 0 { // what is fixed needs no bounds
					v.Min, v.Max = 0, 0
				}
				return vardiff.Config{
					SharesPerMinute: v.SharesPerMinute, Start: work.Difficulty(v.Start), Min: work.Difficulty(v.Min),
					Max: work.Difficulty(v.Max), Fixed: work.Difficulty(v.Fixed),
				}
			},
			Rule: ruleOf(r, targets),
		})
	}
	return h, nil
}

// ruleOf says which miners a route takes; targets are what a CONNECT names each
// pool by.
func ruleOf(r config.Route, targets map[string]string) steer.Rule {
	rule := steer.Rule{
		Route: r.Name, Listener: r.Match.Listen, ServerName: r.Match.ServerName, Connect: r.Match.Connect,
		UserAgent: r.Match.UserAgent, Worker: r.Match.Worker, Pool: r.Match.Pool, Group: r.Match.Group, CIDR: r.Match.CIDR,
	}
	for _, name := range r.EveryPool() {
		if target, ok := targets[name]; ok {
			rule.Targets = append(rule.Targets, target)
		}
	}
	return rule
}

// targetsOf is what an HTTP CONNECT names each pool by.
func targetsOf(pools []hub.PoolConfig) map[string]string {
	targets := make(map[string]string, len(pools))
	for _, p := range pools {
		if target, ok := steer.Target(p.Endpoint.Address()); ok {
			targets[p.Name] = target
		}
	}
	return targets
}

// serveConfig maps the configuration onto the miners' connections.
func serveConfig(cfg *config.Config, c *counts) serve.Config {
	miners := c.timed(mining.Downstream, wireConfig(minerLine, c.wire(mining.Downstream)))
	miners.SocketBuffer = minerSocket
	return serve.Config{Session: sessionConfig(cfg), Wire: miners, StrangerLine: strangerLine, StrangerQueue: strangerQueue}
}

func sessionConfig(cfg *config.Config) downstream.Config {
	session := downstream.DefaultConfig()
	session.HandshakeTimeout = cfg.Server.HandshakeTimeout
	session.AuthorizeTimeout = cfg.Server.AuthorizeTimeout
	session.IdleTimeout = cfg.Server.IdleTimeout
	return session
}

// listenConfig maps the configuration onto the i-th listener's; encrypted is by what
// all of them speak TLS.
func listenConfig(cfg *config.Config, encrypted *certs.Set, i int) listen.Config {
	of := &cfg.Listeners[i]
	return listen.Config{
		Address: of.Address, HandshakeTimeout: cfg.Server.HandshakeTimeout, FirstByteTimeout: cfg.Server.FirstByteTimeout,
		StopTimeout: cfg.Server.ShutdownTimeout, TLS: encrypted.TLS(i), TLSRequired: of.TLS == config.TLSRequired,
		ProxyFrom: of.ProxyFrom, StrangerCost: strangerCost, TLSCost: tlsCost,
	}
}

func wireConfig(maxLine int, counted wire.Metrics) wire.Config {
	return wire.Config{
		MaxLine: maxLine, MaxQueueBytes: queueBytes, MaxQueueAge: queueAge, DrainTimeout: drainTimeout,
		Metrics: counted,
	}
}

// trustOf says which certificates of a pool are taken; nil is those that the
// system's roots verify.
func trustOf(p config.Pool) (*dial.Trust, error) {
	if p.CA == "" && len(p.Fingerprints) == 0 {
		return nil, nil //nolint:nilnil // that is what nil says
	}
	t := new(dial.Trust)
	if p.CA != "" {
		roots, err := certs.ReadCA(p.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		t.Roots = roots
	}
	for _, text := range p.Fingerprints {
		digest, err := config.ParseFingerprint(text)
		if err != nil {
			return nil, fmt.Errorf("fingerprints: %w", err)
		}
		t.Fingerprints = append(t.Fingerprints, digest)
	}
	return t, nil
}
