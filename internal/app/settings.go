package app

import (
	"fmt"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// The bounds of connections.
const (
	// strangerLine, minerLine and poolLine are the longest lines taken, in
	// bytes: of a miner before and after it has a worker, and of a pool.
	strangerLine = 4 << 10
	minerLine    = 16 << 10
	poolLine     = 1 << 20
	// queueBytes and queueAge bound what a peer may leave unread.
	queueBytes = 256 << 10
	queueAge   = 15 * time.Second
	// drainTimeout bounds the flush of a connection that ends.
	drainTimeout = 2 * time.Second
	// descriptorsPerMiner is what a miner takes in dedicated mode: its own
	// connection and its link's.
	descriptorsPerMiner = 2
)

// hubConfig maps the configuration onto the hub's.
func hubConfig(cfg *config.Config, version string) (hub.Config, error) {
	h := hub.Config{UserAgent: "loka/" + version, VersionMask: work.MaskBIP320}
	for _, p := range cfg.Pools {
		endpoint, err := dial.Parse(p.URL)
		if err != nil {
			return hub.Config{}, fmt.Errorf("pool %q: %w", p.Name, err)
		}
		h.Pools = append(h.Pools, hub.PoolConfig{
			Name: p.Name, Endpoint: endpoint, Account: p.Username, Password: p.Password,
			Worker: p.Worker, HasWorker: p.Worker.String() != "", Suggest: p.SuggestDifficulty.Difficulty,
		})
	}
	for _, r := range cfg.Routes {
		h.Routes = append(h.Routes, hub.RouteConfig{
			Name: r.Name, Pools: r.Pools, Worker: r.Worker, Extranonce2Size: r.Extranonce2Size,
			Rule: steer.Rule{
				Listener: r.Match.Listen, UserAgent: r.Match.UserAgent,
				Worker: r.Match.Worker, CIDR: r.Match.CIDR,
			},
		})
	}
	return h, nil
}

// serveConfig maps the configuration onto the miners' connections.
func serveConfig(cfg *config.Config, counted wire.Metrics) serve.Config {
	session := downstream.DefaultConfig()
	session.HandshakeTimeout = cfg.Server.HandshakeTimeout
	session.AuthorizeTimeout = cfg.Server.AuthorizeTimeout
	session.IdleTimeout = cfg.Server.IdleTimeout
	return serve.Config{Session: session, Wire: wireConfig(minerLine, counted), StrangerLine: strangerLine}
}

func wireConfig(maxLine int, counted wire.Metrics) wire.Config {
	return wire.Config{
		MaxLine: maxLine, MaxQueueBytes: queueBytes, MaxQueueAge: queueAge, DrainTimeout: drainTimeout,
		Metrics: counted,
	}
}
