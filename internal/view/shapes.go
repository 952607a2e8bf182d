package view

import (
	"time"
)

// Hashrate is in H/s over the windows of the contract.
type Hashrate struct {
	Minute     float64 `json:"1m" doc:"H/s over the last minute"`
	TenMinutes float64 `json:"10m" doc:"H/s over the last ten minutes"`
	Hour       float64 `json:"1h" doc:"H/s over the last hour"`
	Day        float64 `json:"24h" doc:"H/s over the last day"`
}

// Shares are an account's counts. Unprefixed ones are our own verdicts, the
// others the pool's.
type Shares struct {
	Accepted      uint64  `json:"accepted" doc:"Shares we accepted"`
	Rejected      uint64  `json:"rejected" doc:"All shares we refused; stale, duplicate and low_difficulty are parts of it"`
	Stale         uint64  `json:"stale" doc:"Refused: the job no longer counts"`
	Duplicate     uint64  `json:"duplicate" doc:"Refused: handed in before"`
	LowDifficulty uint64  `json:"low_difficulty" doc:"Refused: the hash misses its target"`
	Unpaid        uint64  `json:"unpaid" doc:"Taken while miners were held through an outage of all pools (on_outage = \"hold\"): neither accepted nor rejected, nobody pays for them"`
	WorkAccepted  float64 `json:"work_accepted" doc:"Sum of the assigned difficulty of accepted shares; hashes = work × 2³²"`

	PoolAccepted     uint64  `json:"pool_accepted" doc:"Shares the pool accepted"`
	PoolRejected     uint64  `json:"pool_rejected" doc:"Shares the pool refused"`
	PoolUnanswered   uint64  `json:"pool_unanswered" doc:"Shares the pool said nothing about in time; one that it answers later is counted there too"`
	PoolWorkAccepted float64 `json:"pool_work_accepted" doc:"Sum of the pool's difficulty of shares it accepted"`
}

// Business is what an account's shares were worth: by their jobs, the difficulty of
// each divided by the network's, times what the block would have paid.
type Business struct {
	Value          float64         `json:"value_sat" doc:"What the shares that we accepted were expected to earn, in satoshi"`
	PoolValue      float64         `json:"pool_value_sat" doc:"What those that the pool accepted were expected to earn, in satoshi"`
	Value24h       float64         `json:"value_sat_24h" doc:"value_sat of the last day"`
	PoolValue24h   float64         `json:"pool_value_sat_24h" doc:"pool_value_sat of the last day"`
	Lost           map[string]Loss `json:"lost" nullable:"false" doc:"What was not paid for, by reason: our own verdicts, the pool's with pool_ before it, and not_submitted"`
	BlocksFound    uint64          `json:"blocks_found" doc:"Blocks among the shares"`
	BlocksExpected float64         `json:"blocks_expected" doc:"How many were to be expected of the accepted shares"`
	Luck           *float64        `json:"luck" doc:"blocks_found divided by blocks_expected; null: nothing was to be expected"`
}

// Loss is what was not paid for of one reason.
type Loss struct {
	Shares uint64  `json:"shares"`
	Work   float64 `json:"work" doc:"In difficulty-1 shares"`
	Value  float64 `json:"value_sat" doc:"What it was expected to earn, in satoshi"`
}

// Reconciliation compares what pools were sent with what they answered.
type Reconciliation struct {
	Sent          uint64   `json:"shares_sent" doc:"Shares handed to the pool, once it has answered or the time for that is over"`
	WorkSent      float64  `json:"work_sent" doc:"Their work, by the pool's difficulty"`
	ValueSent     float64  `json:"value_sat_sent" doc:"What they were expected to earn, in satoshi"`
	Answered      uint64   `json:"answered" doc:"Shares that the pool has answered"`
	Unanswered    uint64   `json:"unanswered" doc:"Shares that it said nothing about in time; one that it answers later is counted there too"`
	AnsweredTwice uint64   `json:"answered_twice" doc:"Answers to shares that it had answered before; the first counts"`
	RefusedValid  uint64   `json:"refused_valid" doc:"Shares that it refused though they are valid here, those that a new block overtook among them"`
	Gap           Loss     `json:"gap" doc:"What was sent and not accepted"`
	GapRatio      *float64 `json:"gap_ratio" doc:"The gap's part of the work that was sent, from 0 to 1; null: nothing was sent"`
}

// Summary is GET /api/v1/summary.
type Summary struct {
	Version         string   `json:"version" doc:"Version of the program"`
	Instance        string   `json:"instance" doc:"Name of this instance"`
	UptimeSeconds   float64  `json:"uptime_seconds" doc:"Seconds since the start"`
	Ready           bool     `json:"ready" doc:"At least one route can serve work"`
	Miners          int      `json:"miners" doc:"Open miner connections"`
	Workers         int      `json:"workers" doc:"Workers that have a miner connected"`
	Strangers       int      `json:"strangers" doc:"Miners' connections that have begun and have no authorized worker"`
	Waiting         int      `json:"waiting" doc:"Miners' connections that wait for their turn to begin"`
	PoolConnections int      `json:"pool_connections" doc:"Open pool connections"`
	Hashrate        Hashrate `json:"hashrate"`
	PoolHashrate    Hashrate `json:"pool_hashrate" doc:"By the work that pools accepted"`
	HashrateError   Hashrate `json:"hashrate_error" doc:"By which part the hashrates may be off: in 95 of 100 cases by less, as far as chance goes; 1.96 divided by the square root of the number of shares"`
	Shares          Shares   `json:"shares"`
	Best            float64  `json:"best_difficulty" doc:"The largest difficulty that an accepted share's hash reached; 0: not known"`

	Business       Business       `json:"business"`
	Reconciliation Reconciliation `json:"reconciliation"`
}

// Pool is an element of GET /api/v1/pools; its counts are the pool's answers.
type Pool struct {
	Name              string     `json:"name"`
	URL               string     `json:"url"`
	State             string     `json:"state" enum:"connecting,active,standby,degraded,down,disabled"`
	Since             *time.Time `json:"since" doc:"When the state was entered"`
	Reason            string     `json:"reason" doc:"Why it is in that state, in one word"`
	Connections       int        `json:"connections" doc:"Open connections, the probe included"`
	Difficulty        float64    `json:"difficulty" doc:"The pool's difficulty; 0: not known yet"`
	Accepted          uint64     `json:"accepted" doc:"Shares the pool accepted"`
	Rejected          uint64     `json:"rejected" doc:"Shares the pool refused"`
	Stale             uint64     `json:"stale" doc:"Part of rejected: the job no longer counts"`
	Duplicate         uint64     `json:"duplicate" doc:"Part of rejected: handed in before"`
	LowDifficulty     uint64     `json:"low_difficulty" doc:"Part of rejected: the hash misses the target"`
	Unanswered        uint64     `json:"unanswered" doc:"Shares the pool said nothing about in time"`
	WorkAccepted      float64    `json:"work_accepted" doc:"Sum of the pool's difficulty of shares it accepted"`
	Hashrate          Hashrate   `json:"hashrate" doc:"By the work that the pool accepted"`
	LastJobAgeSeconds *float64   `json:"last_job_age_seconds" doc:"Age of the last job; null: there was none"`
	RTTSeconds        float64    `json:"rtt_seconds" doc:"Time that the pool's last answer took; 0: not known"`
	VersionMask       string     `json:"version_mask" doc:"Version bits the pool lets be rolled, 8 hex digits; empty: none"`
	Extranonce1Size   int        `json:"extranonce1_size" doc:"Bytes; 0 with extranonce2_size 0: not known yet"`
	Extranonce2Size   int        `json:"extranonce2_size" doc:"Bytes"`
	Error             string     `json:"error" doc:"What is wrong with it or awaited of it, in words; empty while it is active or standby"`
	Breaker           string     `json:"breaker" doc:"Whether connections to it are tried: closed (they are), open (they are not, for the latest failed), half_open (one is, to see whether it is back)"`
	Drained           bool       `json:"drained" doc:"An operator wants its miners elsewhere: new ones stay away, and those that are there go where there is work for them"`
	Miners            int        `json:"miners" doc:"Miners whose work comes from it"`
	OneWorker         bool       `json:"one_worker" doc:"It was found to know one worker a connection"`
	VersionBits       string     `json:"version_bits" doc:"How it reads submitted version bits, as configured or found out: replace, or, xor; empty: not known"`
	Discrepancies     uint64     `json:"discrepancies" doc:"Shares that we found valid and that the pool refused, when no race explains it"`
	WorkNotSubmitted  float64    `json:"work_not_submitted" doc:"Work, in difficulty-1 shares, that miners did above the pool's difficulty while it climbed, and that the pool could not be paid for"`
	Quality           Quality    `json:"quality"`
	Links             []Link     `json:"links" doc:"Its connections that miners share; those of dedicated routes are not listed"`
	Signals           []Signal   `json:"signals" nullable:"false" doc:"What is odd about it now"`
	Payout            PoolPayout `json:"payout" doc:"Whom its jobs pay"`

	Business       Business       `json:"business"`
	Reconciliation Reconciliation `json:"reconciliation"`
}

// Quality is how well a pool serves, as far as it was measured. It steers nothing.
type Quality struct {
	Score        *float64          `json:"score" doc:"From 0 to 1, 1 is the best; null: nothing was measured yet"`
	ConnectRTT   float64           `json:"connect_rtt_seconds" doc:"Median of the time that connecting took, TLS included, of the latest 16 connections; 0: not known"`
	SubmitRTT    float64           `json:"submit_rtt_seconds" doc:"Median of the time to the pool's answer to a share, of the last 10 to 20 minutes; 0: not known"`
	SubmitRTTP90 float64           `json:"submit_rtt_p90_seconds" doc:"The same, the 90th percentile"`
	RejectRate   *float64          `json:"reject_rate" doc:"Part of the shares of the last 10 to 20 minutes that the pool refused or did not answer, from 0 to 1; null: there were none"`
	Rejects      map[string]uint64 `json:"rejects" nullable:"false" doc:"Those shares, by verdict"`
	BlockDelay   *float64          `json:"block_delay_seconds" doc:"How much later than the first pool it gave work on a new block, mean of the latest 16 blocks that it shares with another pool; null: not known"`
	TipLag       float64           `json:"tip_lag_seconds" doc:"For how long at a time it worked on an old block while most other pools had gone on, the longest of the last 10 to 20 minutes"`
	TipAlone     float64           `json:"tip_alone_seconds" doc:"The same, on a block that no other pool knew"`
	Silences     uint64            `json:"silences" doc:"Connections on which nothing came in time, and jobs that none followed for 5 minutes, of the last 10 to 20 minutes"`
	Disconnects  uint64            `json:"disconnects" doc:"Connections that the pool or the network ended or did not let come about, of the last 10 to 20 minutes; those within 10 s are one"`
}

// Link is one shared connection to a pool, as an element of a [Pool].
type Link struct {
	ID                uint64     `json:"id" doc:"Number of the connection, unique in the life of the process"`
	Miners            int        `json:"miners" doc:"Miners that have its work"`
	Difficulty        float64    `json:"difficulty" doc:"What the pool set on it; 0: nothing yet"`
	Extranonce1       string     `json:"extranonce1" doc:"Hex"`
	Extranonce2Size   int        `json:"extranonce2_size" doc:"Bytes"`
	Hashrate          float64    `json:"hashrate" doc:"H/s of its miners together, estimated; 0: not known"`
	Since             *time.Time `json:"since" doc:"When it was connected"`
	Login             string     `json:"login" doc:"The worker it was opened with, as the pool sees it"`
	AuthorizedWorkers int        `json:"authorized_workers" doc:"Workers that the pool let in on it"`
	Pending           int        `json:"pending" doc:"Shares that the pool has not answered yet"`
}

// Worker is an element of GET /api/v1/workers. Its name is its login.
type Worker struct {
	Shares

	Name           string     `json:"name" doc:"The login"`
	Miners         int        `json:"miners" doc:"Open connections on which the login is authorized"`
	Route          string     `json:"route" doc:"The route it came by last"`
	Pool           string     `json:"pool" doc:"Where its work comes from now; empty when it is not connected"`
	Difficulty     float64    `json:"difficulty" doc:"The largest its connections were told; 0 when it is not connected"`
	Hashrate       Hashrate   `json:"hashrate"`
	PoolHashrate   Hashrate   `json:"pool_hashrate" doc:"By the work that the pool accepted"`
	HashrateError  Hashrate   `json:"hashrate_error" doc:"By which part the hashrates may be off: in 95 of 100 cases by less"`
	Since          *time.Time `json:"since" doc:"When it was first seen"`
	LastShareAt    *time.Time `json:"last_share_at" doc:"When its last share came, of any verdict; null: never"`
	LastShareAge   *float64   `json:"last_share_age_seconds" doc:"How long ago that was; null: never"`
	BestDifficulty float64    `json:"best_difficulty" doc:"The largest difficulty that a share's hash reached; 0: not known"`
	BestAt         *time.Time `json:"best_at" doc:"When; null: not known"`

	Business       Business       `json:"business"`
	Reconciliation Reconciliation `json:"reconciliation"`

	Connections []Miner `json:"connections,omitempty" doc:"Only in /workers/{name}: its open connections"`
}

// Miner is an element of GET /api/v1/miners: one open connection.
type Miner struct {
	ID              uint64     `json:"id" doc:"Number of the connection, unique in the life of the process"`
	Remote          string     `json:"remote" doc:"Where it came from, address:port"`
	Listener        string     `json:"listener" doc:"The address it came in by"`
	TLS             bool       `json:"tls" doc:"It is encrypted"`
	ServerName      string     `json:"server_name" doc:"The name that it asked for in its TLS hello; empty: none"`
	ClientName      string     `json:"client_name" doc:"The name of the certificate that it has shown, which client_ca has signed; empty: none"`
	Connect         string     `json:"connect" doc:"The target of the HTTP CONNECT that it came by; empty: none"`
	State           string     `json:"state" enum:"connected,subscribed,mining"`
	Since           *time.Time `json:"since" doc:"When it was accepted"`
	AgeSeconds      float64    `json:"age_seconds"`
	UserAgent       string     `json:"user_agent" doc:"What it calls itself; untrusted"`
	Workers         []string   `json:"workers" doc:"Logins authorized on it"`
	Route           string     `json:"route"`
	Pool            string     `json:"pool"`
	Difficulty      float64    `json:"difficulty" doc:"What it was told last; 0: nothing yet"`
	VersionMask     string     `json:"version_mask" doc:"Version bits it may roll, 8 hex digits; empty: none"`
	Extranonce1     string     `json:"extranonce1" doc:"Hex"`
	Extranonce2Size int        `json:"extranonce2_size" doc:"Bytes"`
	BytesIn         uint64     `json:"bytes_in"`
	BytesOut        uint64     `json:"bytes_out"`
	Accepted        uint64     `json:"accepted" doc:"Shares accepted on this connection"`
	Rejected        uint64     `json:"rejected" doc:"Shares refused on this connection"`
	LastShareAt     *time.Time `json:"last_share_at" doc:"null: never"`
	Hashrate        float64    `json:"hashrate" doc:"H/s that its difficulty is set by, estimated; 0: not known"`
	Link            uint64     `json:"link" doc:"The pool connection whose work it has; 0: none"`
	Movable         bool       `json:"movable" doc:"It can be sent to every other pool of its route without a new connection, as far as is known"`
	NotMovableTo    []Obstacle `json:"not_movable_to" doc:"The pools of its route that it cannot be sent to"`
	FewerBits       []string   `json:"fewer_version_bits_at" doc:"Pools of its route that let it roll fewer version bits than it may have been told; firmware that does not follow mining.set_version_mask finds invalid shares there"`
	Warnings        []string   `json:"warnings" doc:"What is wrong with what it does"`
	Score           float64    `json:"score" doc:"How much it has misbehaved lately, as of its last line; see [threat] in CONFIG.md"`
	Response        string     `json:"response" enum:"normal,slowed,refused,closed" doc:"How it is answered by its score: slowed down, or its shares refused but for blocks"`
}

// Obstacle is why a miner cannot be sent to a pool, as an element of a [Miner].
type Obstacle struct {
	Pool   string `json:"pool"`
	Reason string `json:"reason" enum:"extranonce_passed_through,extranonce_too_narrow" doc:"It was told the extranonce1 of its own pool connection, or the pool's extranonce2 has no room for what it was told"`
}

// Route is an element of GET /api/v1/routes.
type Route struct {
	Name        string   `json:"name"`
	Mode        string   `json:"mode" enum:"shared,dedicated"`
	Pools       []string `json:"pools" doc:"Preferred first"`
	Active      string   `json:"active" doc:"The pool a new miner would be given; empty: none"`
	Pinned      string   `json:"pinned" doc:"The pool that an operator prefers to all others while it is usable; empty: none"`
	Miners      int      `json:"miners" doc:"Connections on the route"`
	Connections int      `json:"connections" doc:"Pool connections that serve it, probes aside"`
	Ready       bool     `json:"ready" doc:"A new miner would be given work"`
	Unpaid      int      `json:"unpaid_miners" doc:"Those of the miners that are kept on work that nobody pays for (on_outage = \"hold\")"`
	Split       []Part   `json:"split" doc:"The parts of its split; empty: it has none"`

	Shares         Shares         `json:"shares"`
	Hashrate       Hashrate       `json:"hashrate"`
	PoolHashrate   Hashrate       `json:"pool_hashrate" doc:"By the work that pools accepted"`
	Business       Business       `json:"business"`
	Reconciliation Reconciliation `json:"reconciliation"`
}

// Part is one part of a route's split.
type Part struct {
	Pools        []string `json:"pools" doc:"Preferred first"`
	Weight       float64  `json:"weight" doc:"Its weight against the others'; 0: it has none"`
	WantHashrate float64  `json:"want_hashrate" doc:"The hashrate that it asks for, in H/s; 0: none"`
	Worker       string   `json:"worker" doc:"Glob on the first login of the miners that are its own; empty: it has none"`
	When         string   `json:"when" doc:"When it counts, as cron writes it; empty: always"`
	TimeZone     string   `json:"time_zone" doc:"The time zone of when; empty: there is none"`
	InWindow     bool     `json:"in_window" doc:"It counts now, by its window; true where it has none"`
	OnDead       string   `json:"on_dead" doc:"The pool whose part has its share while it is away, or others"`
	Target       float64  `json:"target" doc:"What it should have now of what is divided, from 0 to 1"`
	Miners       int      `json:"miners" doc:"Miners that work for it now"`
	Hashrate     float64  `json:"hashrate" doc:"What they do, in H/s"`
	WorkAccepted float64  `json:"work_accepted" doc:"Accepted here for it since the start, or since the split was changed, in difficulty-1 shares"`
	OwnWork      float64  `json:"own_work_accepted" doc:"Part of work_accepted: what its own miners did, who are not divided"`
}

// Statuses of health and of its checks.
const (
	OK       = "ok"
	Degraded = "degraded"
	Down     = "down"
)

// Health is GET /health.
type Health struct {
	Status string           `json:"status" enum:"ok,degraded,down"`
	Checks map[string]Check `json:"checks" doc:"By name"`
}

// Check is one thing that was looked at.
type Check struct {
	Status string `json:"status" enum:"ok,degraded,down"`
	Detail string `json:"detail" doc:"What was found"`
	Advice string `json:"advice" doc:"What to do about it; empty when all is well"`
}
