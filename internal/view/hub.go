package view

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// Present is who is connected.
type Present interface {
	// Miners returns every open downstream connection, the oldest first.
	Miners() []MinerState
	// MinerCount counts them, and WorkerCount the logins that are authorized on at least
	// one, without a look at each.
	MinerCount() int
	WorkerCount() int
	// MinersOf returns those that a login is authorized on, the oldest first.
	MinersOf(login string) []MinerState
}

// Hub is where the model gets the state of connections. Each method returns
// a fresh slice that the caller may keep.
type Hub interface {
	Present

	// Pools returns every configured pool, in the file's order.
	Pools() []PoolState
	// Routes returns every route, in the order they are matched.
	Routes() []RouteState
	// SlotsInUse counts the slots that miners have.
	SlotsInUse() int
	// Ready says that at least one route can serve work.
	Ready() bool
}

// States of a miner's connection, as [MinerState.State] holds them.
const (
	// MinerConnected: nothing understood yet.
	MinerConnected = "connected"
	// MinerSubscribed: it has an extranonce, but no worker is authorized.
	MinerSubscribed = "subscribed"
	// MinerMining: at least one worker is authorized.
	MinerMining = "mining"
)

// States of a pool, as [PoolState.State] holds them.
const (
	// PoolConnecting: the first connection is being made.
	PoolConnecting = "connecting"
	// PoolActive: miners work for it.
	PoolActive = "active"
	// PoolStandby: it is connected and ready, and no miner works for it.
	PoolStandby = "standby"
	// PoolDegraded: it serves work, but something about it is wrong.
	PoolDegraded = "degraded"
	// PoolDown: it cannot be reached or does not serve work.
	PoolDown = "down"
	// PoolDisabled: the configuration or an operator turned it off.
	PoolDisabled = "disabled"
)

// MinerState is one downstream connection as the hub knows it.
type MinerState struct {
	mining.Arrival

	ID mining.MinerID
	// Route and Pool are empty until they are known.
	Route, Pool string
	// UserAgent is what the miner calls itself: untrusted text.
	UserAgent string
	// Workers are the logins authorized on this connection.
	Workers []string
	// State is one of the Miner constants.
	State string
	// Since is when the connection was accepted.
	Since time.Time
	// Difficulty is what the miner was told last; 0: nothing yet.
	Difficulty work.Difficulty
	// VersionMask is what it may roll; 0: nothing.
	VersionMask work.VersionMask
	// Extranonce1 and Extranonce2Size are what it was told.
	Extranonce1     work.Extranonce
	Extranonce2Size int
	BytesIn         uint64
	BytesOut        uint64
	// LastShareAt is when its last share came; zero: never.
	LastShareAt time.Time
	// Accepted and Rejected count this connection's shares by our verdict.
	Accepted, Rejected uint64
	// Hashrate is what its difficulty is set by, in H/s; 0: not known.
	Hashrate float64
	// Link is the pool connection whose work it has; 0: none.
	Link uint64
	// Obstacles are the pools of its route that it cannot be sent to, and
	// FewerBits those that let it roll fewer version bits than it may have
	// been told.
	Obstacles []Obstacle
	FewerBits []string
	// Warnings say what is wrong with what it does, in words.
	Warnings []string
	// Score is how much it has misbehaved, Response one of [MinerResponses].
	Score    float64
	Response string
}

// MinerResponses are how a connection is answered by its score.
func MinerResponses() []string { return []string{"normal", "slowed", "refused", "closed"} }

// LinkState is one shared pool connection as the hub knows it. A pool's probe,
// which no miner is on, is none.
type LinkState struct {
	// ID is unique in the life of the process, and never 0.
	ID uint64
	// Miners counts the miners that have its work.
	Miners int
	// Difficulty is what the pool set on it; 0: nothing yet.
	Difficulty work.Difficulty
	// Extranonce1 and Extranonce2Size are what the pool gave it.
	Extranonce1     work.Extranonce
	Extranonce2Size int
	// Hashrate is that of its miners together, in H/s; 0: not known.
	Hashrate float64
	// Since is when it was connected.
	Since time.Time
	// Login is the worker that it was opened with, as the pool sees it.
	Login string
	// AuthorizedWorkers counts the workers that the pool let in on it.
	AuthorizedWorkers int
	// Pending counts shares that the pool has not answered yet.
	Pending int
}

// PoolState is one configured pool as the hub knows it.
type PoolState struct {
	Name string
	// URL is as configured, without secrets.
	URL string
	// State is one of the Pool constants.
	State string
	// Since is when the state was entered.
	Since time.Time
	// Reason is one word for why it is in that state.
	Reason string
	// Connections counts open links, the probe included.
	Connections int
	// Difficulty is the pool's at its last job; 0: none yet.
	Difficulty work.Difficulty
	// VersionMask is what the pool lets be rolled; 0: nothing.
	VersionMask work.VersionMask
	// Extranonce1Size and Extranonce2Size are the pool's, in bytes; both 0
	// until they are known.
	Extranonce1Size, Extranonce2Size int
	// LastJobAt is when its last job came; zero: never.
	LastJobAt time.Time
	// RTT is the time that its last answer took; 0: not known.
	RTT time.Duration
	// Error is why it is not serving work, or in state degraded what is wrong
	// with it, in words; else empty.
	Error string
	// Breaker says whether connections to it are tried: one of [BreakerStates].
	Breaker string
	// Drained says that an operator wants its miners elsewhere.
	Drained bool
	// Leaving says that it is not configured any more.
	Leaving bool
	// Miners counts the miners whose work comes from it.
	Miners int
	// OneWorker says that the pool was found to know one worker a connection.
	OneWorker bool
	// VersionBits is how it reads submitted version bits, as configured or
	// found out: "replace", "or" or "xor"; empty: not known.
	VersionBits string
	// Discrepancies counts shares that we found valid and that the pool
	// refused, when no race explains it.
	Discrepancies uint64
	// WorkNotSubmitted is the work, in difficulty-1 shares, that miners did
	// above the pool's difficulty while it climbed, and that the pool could
	// not be paid for.
	WorkNotSubmitted float64
	// Quality is what was measured of it.
	Quality quality.Report
	// Watched is what it does that its operator should look at.
	Watched watch.Report
	// Links are its connections that miners share, oldest first. Those of
	// dedicated routes are not listed: there is one for each miner.
	Links []LinkState
}

// PoolStates are the states of a pool.
func PoolStates() []string {
	return []string{PoolConnecting, PoolActive, PoolStandby, PoolDegraded, PoolDown, PoolDisabled}
}

// BreakerStates are the states of a pool's breaker.
func BreakerStates() []string { return []string{"closed", "open", "half_open"} }

// RouteState is one route as the hub knows it.
type RouteState struct {
	Name string
	// Mode is "dedicated" or "shared".
	Mode string
	// Pools are the route's, preferred first.
	Pools []string
	// Active is the pool that a new miner would be given; empty: none.
	Active string
	// Pinned is the pool that an operator prefers to all others; empty: none.
	Pinned string
	// Miners counts the connections on the route.
	Miners int
	// Connections counts the pool connections that serve it, probes aside.
	Connections int
	// Ready says that a new miner would be given work.
	Ready bool
	// Unpaid counts miners that are held on work that nobody pays for.
	Unpaid int
	// Parts are those of its split; nil where it has none.
	Parts []PartState
}

// PartState is one part of a route's split.
type PartState struct {
	// Pools are the part's, preferred first.
	Pools []string
	// Weight or Hashrate (H/s) is what it asks for; Target is what it should
	// have of all, in parts of 1.
	Weight, Hashrate, Target float64
	// Worker is a glob on the logins of miners that are its own; empty: none.
	Worker string
	// When and TimeZone are when it counts, empty: always; Closed says that it is
	// outside.
	When, TimeZone string
	Closed         bool
	// OnDead is a pool whose part has its share while it is away; empty: all.
	OnDead string
	// Miners counts those who work for it now; Rate is what they do, in H/s.
	Miners int
	Rate   float64
	// Work is what was accepted for it since the start, in difficulty-1 shares,
	// OwnWork what of it is its own miners', who are not divided.
	Work, OwnWork float64
}
