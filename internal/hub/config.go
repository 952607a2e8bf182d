package hub

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// Peer is a miner's connection as the hub sees it. None of its methods
// blocks, and all may be called from any goroutine.
type Peer interface {
	// Work gives the miner new work.
	Work(w *mining.Work)
	// Answer answers an earlier request.
	Answer(a mining.Answer)
	// SetExtranonce tells the miner a new extranonce1 and extranonce2 size
	// (bytes) before its next work; false if this miner cannot follow.
	SetExtranonce(en1 work.Extranonce, size int) bool
	// Close ends the connection.
	Close(reason mining.Reason)
}

// PoolConfig is one pool.
type PoolConfig struct {
	Name     string
	Endpoint dial.Endpoint
	// Account is our name there, Password goes with every authorize.
	Account  string
	Password mining.Secret
	// Worker overrides the route's template when HasWorker.
	Worker    mining.Template
	HasWorker bool
	// Suggest is the difficulty to ask for; 0 asks for none.
	Suggest work.Difficulty
}

// RouteConfig is one route: which miners go to which pools.
type RouteConfig struct {
	Name string
	Rule steer.Rule
	// Pools names pools in the order of preference.
	Pools []string
	// Worker is what pools see as a worker's name.
	Worker mining.Template
	// Extranonce2Size is the least that the route's miners need, in bytes;
	// 0 is no such need.
	Extranonce2Size int
}

// Config is what the hub is told once. A zero duration takes the default in
// its comment.
type Config struct {
	Pools  []PoolConfig
	Routes []RouteConfig
	// UserAgent is what we call ourselves at pools.
	UserAgent string
	// VersionMask is what miners may roll where the pool allows it.
	VersionMask work.VersionMask
	// Refresh is how long a miner is left without new work (30 s).
	Refresh time.Duration
	// PoolWait is how long a miner waits for a pool to be known (10 s).
	PoolWait time.Duration
	// AuthorizeWait is how long a pool may take to answer for a second or
	// later worker of a connection (10 s). One that stays silent knows one
	// worker a connection: the later ones then work under the first's name.
	AuthorizeWait time.Duration
	// Linger is how long a link outlives its miner while verdicts are due
	// (5 s).
	Linger time.Duration
}

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&c.Refresh, 30*time.Second)
	set(&c.PoolWait, 10*time.Second)
	set(&c.AuthorizeWait, 10*time.Second)
	set(&c.Linger, 5*time.Second)
	return c
}

// Counter counts events.
type Counter interface{ Inc() }

// Observer takes measurements, in seconds.
type Observer interface{ Observe(seconds float64) }

// Metrics are what the hub counts; nil members count nothing.
type Metrics struct {
	// Jobs counts the jobs of each pool that were passed on.
	Jobs map[string]Counter
	// FanoutSeconds takes the time from a job's arrival to the last miner's
	// queue.
	FanoutSeconds Observer
	// ShareSeconds takes the time from a share's arrival to its verdict.
	ShareSeconds Observer
	// Link is what every link counts; Closed in it counts links' ends.
	Link func(pool string) *link.Metrics
}

// Deps are what the hub works with.
type Deps struct {
	// Dial opens a connection to a pool.
	Dial    func(ctx context.Context, endpoint dial.Endpoint) (net.Conn, error)
	Ledger  *ledger.Ledger
	Logger  *slog.Logger
	Metrics Metrics
	// Wire is how links' connections are driven.
	Wire wire.Config
}
