package sim

import (
	"log/slog"
	"time"

	"github.com/loka/stratum/work"
)

// Manner is the firmware that a miner behaves like.
type Manner string

// The manners.
const (
	CGMiner    Manner = "cgminer"
	CPUMiner   Manner = "cpuminer"
	Bitmain    Manner = "bitmain"
	Whatsminer Manner = "whatsminer"
	ESPMiner   Manner = "esp-miner"
	NerdMiner  Manner = "nerdminer"
	BFGMiner   Manner = "bfgminer"
	NiceHash   Manner = "nicehash"
)

// Manners lists all manners.
func Manners() []Manner {
	return []Manner{CGMiner, CPUMiner, Bitmain, Whatsminer, ESPMiner, NerdMiner, BFGMiner, NiceHash}
}

// MinersConfig describes a swarm. The zero value of a field means its default.
type MinersConfig struct {
	// Pool is where they connect: "host:port" or "stratum+tcp://host:port".
	Pool string
	// Connect is the target of an HTTP CONNECT that they begin with, host:port or
	// host:port/route; "" is none.
	Connect string
	// User is the login; the miner's number is appended as a worker unless
	// ExactUser: "farm" becomes "farm.cgminer-0". "" is "sim".
	User string
	// ExactUser logs every miner in as User itself.
	ExactUser bool
	// Password is sent as it is; "" is "x".
	Password string
	// Count is how many miners; 0 is one of each manner.
	Count int
	// Manners are given out in turn; nil is all eight.
	Manners []Manner
	// Hashrate is each miner's, in hashes a second; 0 is 50,000. One core does
	// about four million in all. Shares a second are Hashrate / (difficulty·2^32).
	Hashrate float64
	// Seed makes the search repeatable.
	Seed uint64
	// SuggestDifficulty is asked for by the manners that can; 0 leaves it out
	// (NerdMiner always asks for 0.00015 or this).
	SuggestDifficulty work.Difficulty
	// NoVersionRolling makes them builds without it: no configure is sent.
	NoVersionRolling bool
	// ExtranonceSubscribe makes the manners that have it as a setting (Bitmain's
	// "#xnsub") subscribe to extranonce changes. ESP-Miner, bfgminer and
	// NiceHash do so always.
	ExtranonceSubscribe bool
	// TimeScale multiplies the firmware's waits (reconnect delay, time without
	// data, reply timeouts, repeated suggestions); 0 is 1. Tests use less.
	TimeScale float64
	// Patience multiplies what of these waits ends in the firmware giving up (on data, a
	// reply, a first job, a share's answer); 0 is TimeScale. With more than 1 nobody
	// leaves because the machine is busy.
	Patience float64
	// Once makes a miner stay away after its connection has ended.
	Once bool
	// Ramp spreads the first connects over that time.
	Ramp time.Duration
	// AtOnce is how many may be in their handshake at a time, others wait with
	// their connect; 0 is no bound. With it a swarm comes no faster than it is let in.
	AtOnce int
	// MaxPending bounds a miner's submits that wait for an answer, those among them
	// that will never get one: beyond it no hashing is done; 0 is 4096. With 1 a swarm
	// hands in no faster than it is answered, however slow the machine.
	MaxPending int
	// ConnectTimeout bounds a dial; 0 is 10 s.
	ConnectTimeout time.Duration
	// OnShare is told every share with its outcome, when it is known. It must
	// not block.
	OnShare func(ShareEvent)
	// OnFailure is told every failure. It must not block.
	OnFailure func(Failure)
	// Logger is told of connects, ends and failures; nil is silent.
	Logger *slog.Logger
}

// Failure is something a server did that the firmware does not put up with.
type Failure struct {
	// Miner is the miner's index.
	Miner int
	// Manner is its manner.
	Manner Manner
	// Text says what it saw and what it needs.
	Text string
	// Fatal reports that the firmware drops the connection for it.
	Fatal bool
	// Line is the line it is about, shortened; "" if none.
	Line string
}

// MinerStats is one miner's figures.
type MinerStats struct {
	// Tally counts answered shares.
	Tally

	Index  int    `json:"index"`
	Manner Manner `json:"manner"`
	Worker string `json:"worker"`
	// Connected is a TCP connection; Mining is that plus an accepted login and a job.
	Connected bool `json:"connected"`
	Mining    bool `json:"mining"`
	// Connects counts connections made.
	Connects uint64 `json:"connects"`
	// Pending is how many submits wait for an answer.
	Pending int `json:"pending"`
	// Unanswered counts shares whose answer never came.
	Unanswered uint64 `json:"unanswered"`
	// Withheld counts shares found but not sent, as firmware does that cannot
	// handle the extranonce's width.
	Withheld uint64 `json:"withheld"`
	// Failures counts failures; LastFailure is the newest.
	Failures    uint64 `json:"failures"`
	LastFailure string `json:"last_failure"`
	// Lines counts lines received; Chatter those of them that are client.* or
	// a ping.
	Lines   uint64 `json:"lines"`
	Chatter uint64 `json:"chatter"`
	// Jobs counts jobs taken up; JobAge is the age of the newest.
	Jobs   uint64        `json:"jobs"`
	JobAge time.Duration `json:"-"`
	// Mark is the newest job's: see ShareEvent.
	Mark uint64 `json:"-"`
	// Hashes counts hashes done.
	Hashes uint64 `json:"hashes"`
	// Difficulty is what the present job asks for.
	Difficulty work.Difficulty `json:"difficulty"`
	// VersionMask is what it was granted.
	VersionMask work.VersionMask `json:"-"`
	// Extranonce1 and Extranonce2Size are what it was told.
	Extranonce1     work.Extranonce `json:"-"`
	Extranonce2Size int             `json:"extranonce2_size"`
	// LastEnd says why its last connection ended.
	LastEnd string `json:"last_end"`
}

// MinersStats is the swarm's figures.
type MinersStats struct {
	// Tally is the sum over the miners.
	Tally

	Miners     []MinerStats `json:"miners"`
	Connected  int          `json:"connected"`
	Mining     int          `json:"mining"`
	Pending    int          `json:"pending"`
	Unanswered uint64       `json:"unanswered"`
	Withheld   uint64       `json:"withheld"`
	Failures   uint64       `json:"failures"`
	Chatter    uint64       `json:"chatter"`
	Hashes     uint64       `json:"hashes"`
}
