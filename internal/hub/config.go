package hub

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// Peer is a miner's connection as the hub sees it. None of its methods
// blocks, and all may be called from any goroutine.
type Peer interface {
	// Work gives the miner new work.
	Work(a mining.Assignment)
	// Answer answers an earlier request.
	Answer(a mining.Answer)
	// SetExtranonce tells the miner a new extranonce1 and extranonce2 size
	// (bytes) before its next work; false if this miner cannot follow.
	SetExtranonce(en1 work.Extranonce, size int) bool
	// Follows says that the miner can be told another extranonce1.
	Follows() bool
	// Gather has answers and work wait from true to false, so that they leave together.
	Gather(on bool)
	// Close ends the connection.
	Close(reason mining.Reason)
}

// PoolConfig is one pool.
type PoolConfig struct {
	Name     string
	Endpoint dial.Endpoint
	// Account is our name there. Password goes with every authorize; empty is the
	// route's.
	Account  string
	Password mining.Secret
	// Worker overrides the route's template when HasWorker.
	Worker    mining.Template
	HasWorker bool
	// Suggest is the difficulty to ask for; 0 asks for none. SuggestAuto asks
	// on shared connections for what their miners need.
	Suggest     work.Difficulty
	SuggestAuto bool
	// Reading is how the pool reads version bits; ReadingAuto says that it is
	// only where to begin.
	Reading     work.VersionReading
	ReadingAuto bool
	// RefusalStreak is how many valid shares in a row the pool may refuse before
	// miners of shared routes are kept away from it for a while; 0 is any number.
	RefusalStreak int
	// Redirects says where the pool may send its connections.
	Redirects dial.Redirects
	// Disabled pools are not connected to.
	Disabled bool
	// Found is what an earlier run has found out about the pool.
	Found Found
	// Watch is what the pool should pay, and what is done if it does not.
	Watch watch.PoolConfig
}

// RouteConfig is one route: which miners go to which pools.
type RouteConfig struct {
	Name string
	Rule steer.Rule
	// Pools names pools in the order of preference. Parts divides them among
	// parts of a split instead: a pool is of one part only, and Pools has them
	// all.
	Pools []string
	Parts []PartConfig
	// Worker is what pools see as a worker's name.
	Worker mining.Template
	// Password goes to pools that have none of their own; empty is "x".
	Password mining.Secret
	// Extranonce2Size is the least that the route's miners need, in bytes;
	// 0 is no such need.
	Extranonce2Size int
	// Shared gives many miners one pool connection, at most MaxMiners (1000),
	// and judges their shares here. Else each miner has one of its own.
	Shared    bool
	MaxMiners int
	// ReturnAfter is how long a better pool must have been healthy before miners
	// are sent back to it (2 min).
	ReturnAfter time.Duration
	// OutageGrace is how long miners are kept while no pool can serve them
	// (20 s); then they are closed. With Hold they are kept on the last work,
	// for which nobody pays.
	OutageGrace time.Duration
	Hold        bool
	// Vardiff rules the difficulties of the route's miners who came by a
	// listener; nil takes the defaults of package vardiff.
	Vardiff func(listener string) vardiff.Config
}

// PartConfig is one part of a route's split.
type PartConfig struct {
	// Pools names the part's pools in the order of preference.
	Pools []string
	// Weight is its share of what no part asks for in hashrate, against the
	// other weights; Hashrate is what it asks for, in H/s. One of them is 0, or
	// both are where Worker is not empty.
	Weight, Hashrate float64
	// Worker is a glob on the first worker's login of the miners that are at this
	// part whatever the others should have; the first part that matches has
	// them. Empty is none.
	Worker string
	// Window is when it counts; nil is always.
	Window *steer.Window
	// OnDead names a pool of another part, which has this one's share and its own
	// miners while none of its pools is of use; empty leaves them to all others.
	OnDead string
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
	// IdleLink is how long a shared connection without miners stays (5 min);
	// each route keeps one. One that is for a single account stays only as
	// long as a late share could come.
	IdleLink time.Duration
	// Watch is from where on what pools do is a signal; by its zero value nothing
	// is.
	Watch watch.Config
	// MaxAccounts is how many accounts of one route have pool connections
	// where the account hangs on the miner's name (1000).
	MaxAccounts int
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
	set(&c.IdleLink, 5*time.Minute)
	if c.MaxAccounts <= 0 {
		c.MaxAccounts = 1000
	}
	for i := range c.Routes {
		set(&c.Routes[i].ReturnAfter, 2*time.Minute)
		set(&c.Routes[i].OutageGrace, 20*time.Second)
		if c.Routes[i].MaxMiners <= 0 {
			c.Routes[i].MaxMiners = 1000
		}
	}
	return c
}

// Counter counts events.
type Counter interface{ Inc() }

// Observer takes measurements, in seconds.
type Observer interface{ Observe(seconds float64) }

// Metrics are what the hub counts; nil members count nothing.
type Metrics struct {
	// Jobs counts a pool's jobs that were passed on.
	Jobs func(pool string) Counter
	// FanoutSeconds takes the time from a job's arrival to the last miner's
	// queue.
	FanoutSeconds Observer
	// ShareSeconds takes the time from a share's arrival to its verdict.
	ShareSeconds Observer
	// Link is what every link counts; Closed in it counts links' ends.
	Link func(pool string) *link.Metrics
	// Discrepancy counts shares that are valid here and that the pool refused
	// with a verdict.
	Discrepancy func(pool string, v mining.Verdict) Counter
	// Redirects counts a pool's wishes that a connection go elsewhere; nil is
	// nobody.
	Redirects func(pool string, outcome dial.RedirectOutcome) Counter
	// PipelineSeconds, JudgeSeconds, LedgerSeconds and ForwardSeconds take how long
	// steps of a share took that is timed; see [mining.Request].
	PipelineSeconds, JudgeSeconds, LedgerSeconds, ForwardSeconds Observer
	// MakeSeconds takes the time from a job until its work is on its way to miners,
	// WaitSeconds from there to the first miner's turn, GiveSeconds that to give it to
	// one, for the first of each batch of [Batch] miners, and FirstSeconds the time from
	// the job's arrival until the first miner has it.
	MakeSeconds, WaitSeconds, GiveSeconds, FirstSeconds Observer
	// Raised and Lowered count changes of miners' difficulties.
	Raised, Lowered Counter
}

// observe tells a measurement to who takes it, if anybody does.
func observe(o Observer, took time.Duration) {
	if o != nil {
		o.Observe(took.Seconds())
	}
}

// lap ends a step of a share that is timed, and begins the next.
func lap(o Observer, req *mining.Request) {
	if req.Mark.IsZero() {
		return
	}
	now := time.Now()
	observe(o, now.Sub(req.Mark))
	req.Mark = now
}

func (m *Metrics) jobs(pool string) Counter {
	if m.Jobs == nil {
		return nil
	}
	return m.Jobs(pool)
}

func (m *Metrics) discrepancy(pool string, v mining.Verdict) Counter {
	if m.Discrepancy == nil {
		return nil
	}
	return m.Discrepancy(pool, v)
}

// Deps are what the hub works with.
type Deps struct {
	// Dial opens a connection to a pool.
	Dial   func(ctx context.Context, endpoint dial.Endpoint) (net.Conn, error)
	Ledger *ledger.Ledger
	// Rates remembers miners' hashrates; nil is a memory of the hub's own.
	Rates *vardiff.Memory
	// OnFound is told of a pool what is worth keeping for the next run,
	// whenever that changes, from the goroutine in Run, again until it returns
	// no error; nil is nobody.
	OnFound func(pool string, f Found) error
	Logger  *slog.Logger
	Metrics Metrics
	// Events is told of pools' states and jobs, and of miners that change their pool;
	// nil is nobody.
	Events events.Publisher
	// Trace says who follows a job that a shared connection has given; nil, or a nil
	// Trace, is nobody.
	Trace func(*mining.Job) mining.Trace
	// Wire is how links' connections are driven.
	Wire wire.Config
}
