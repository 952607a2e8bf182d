package alert

import "time"

// Facts are what rules are evaluated over: all of it at one time. The fields of each
// are described in the tables that docs/ALERTS.md is made of.
type Facts struct {
	At        time.Time
	Farm      Farm
	Proxy     Proxy
	Pools     []Pool
	Routes    []Route
	Listeners []Listener
	Users     []User
	Workers   []Worker
	Checks    []Check
}

// Rates are what somebody's shares were lately: those of all, of a route, a user or a
// worker by our own word, those of a pool by the pool's.
type Rates struct {
	// Hashrates are in H/s, over the last minute, ten minutes, hour and day.
	Hashrate1m, Hashrate10m, Hashrate1h, Hashrate24h float64
	// Baseline is what is usual, in H/s, 0 where that is not known yet. Ratio is the
	// last ten minutes' part of it, 1 where there is none, and Sigma by how many
	// standard deviations of chance they fall short of it.
	Baseline, Ratio, Sigma float64
	// Shares count those with a verdict, Accepted those that were accepted.
	Shares10m, Shares1h, Shares24h, Accepted1h float64
	// RejectRate is the part of the last hour's shares that was refused, RejectRate10m
	// that of the last ten minutes'.
	RejectRate, RejectRate10m float64
}

// Farm is all together.
type Farm struct {
	Rates

	Miners, Workers float64
	// PoolHashrate1h is by what pools accepted, PoolRejectRate by what they refused.
	PoolHashrate1h, PoolRejectRate float64
	// RejectRates are by our verdict, of the last ten minutes.
	RejectRates map[string]float64
	// Value24h is what the last day's shares were expected to earn, in satoshi,
	// PoolValue24h what those did that pools accepted.
	Value24h, PoolValue24h float64
	// PoolsUp counts pools that serve or could.
	Pools, PoolsUp, Routes, RoutesReady float64
	// WorkersSilent counts workers that mined within the day and are silent.
	WorkersSilent float64
}

// Machine is what the proxy's computer has left. What is not known is 0.
type Machine struct {
	// Memory is what this process has of it, MemoryLimit what it may have.
	Memory, MemoryLimit float64
	// DiskFree and DiskTotal are of the file system that data_dir is on, in bytes.
	DiskFree, DiskTotal float64
	// Files are open descriptors, FilesLimit how many there may be.
	Files, FilesLimit float64
	Goroutines        float64
}

// Proxy is this process, and what it stands on.
type Proxy struct {
	Machine

	Uptime          float64
	Ready           bool
	PoolConnections float64
	// Strangers have begun and have no worker, Waiting wait for their turn.
	Strangers, Waiting float64
	// Suspects are connections that are slowed or refused for what they do.
	Suspects float64
	// AutoBans counts bans for misbehaviour that began in the last ten minutes.
	AutoBans float64
	// JournalFailing and StoreFailing are for how long nothing could be written,
	// in seconds; 0 is not at all. Backlog is in bytes.
	JournalFailing, StoreFailing, Backlog float64
	// SharesDropped10m counts single shares that were forgotten early.
	SharesDropped10m float64
	// SinksDown counts the places that alerts cannot be told at.
	Sinks, SinksDown float64
}

// Pool is one configured pool.
type Pool struct {
	Rates

	Name, State, Reason, Error string
	// StateFor is in seconds, and so is LastJobAge, which is 0 where there was none.
	StateFor, LastJobAge         float64
	Up, Drained, Disabled        bool
	Miners, Connections          float64
	Difficulty                   float64
	RTT, SubmitRTTP90            float64
	Score, BlockDelay, Lag       float64
	Silences, Disconnects        float64
	Discrepancies10m             float64
	GapRate1h                    float64
	UnansweredRate               float64
	WorkNotSubmitted1h, WorkSent float64
	RejectRates                  map[string]float64
	// Signals have the value of each signal that is on, Details what it says.
	Signals map[string]float64
	Details map[string]string
}

// Route is one route.
type Route struct {
	Rates

	Name, Mode, Active, Preferred, Pinned string
	Ready, Split                          bool
	// OnBackup says that another pool has the work than the one it should go to.
	OnBackup    bool
	Switches1h  float64
	Miners      float64
	Unpaid      float64
	RejectRates map[string]float64
}

// Listener is one address that miners connect to.
type Listener struct {
	Name   string
	TLS    bool
	Miners float64
	// CertificateDays is until the first of its certificates ends, in days.
	CertificateDays float64
	// Problems are what is wrong with its certificates.
	Problems string
}

// User is the first half of its workers' logins.
type User struct {
	Rates

	Name                     string
	Workers, Online, Miners  float64
	PoolHashrate1h, Value24h float64
}

// Worker is one login.
type Worker struct {
	Rates

	Name, User, Route, Pool string
	Miners, Difficulty      float64
	// LastShareAge is in seconds, 0 where there was none. ShareInterval is how many
	// seconds there usually are between two shares, 0 where that is not known.
	LastShareAge, ShareInterval float64
	PoolHashrate1h              float64
	PoolRejectRate              float64
	Best                        float64
	Age                         float64
}

// Check is one health check.
type Check struct{ Name, Status, Detail, Advice string }
