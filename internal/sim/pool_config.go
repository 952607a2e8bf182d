package sim

import (
	"log/slog"
	"time"

	"github.com/loka/stratum/work"
)

// VersionRule says how a pool reads the sixth parameter of a submit.
type VersionRule string

// The readings of version bits seen in the field.
const (
	// RuleBIP310 replaces the mask's bits of the job's version and refuses
	// bits outside the mask.
	RuleBIP310 VersionRule = "bip310"
	// RuleOr sets the bits (ckpool, DATUM).
	RuleOr VersionRule = "or"
	// RuleXor flips the bits (public-pool, btcpool).
	RuleXor VersionRule = "xor"
)

// DifficultyRule says which difficulty holds for a job across a change.
type DifficultyRule string

// The rules for shares across a change of difficulty.
const (
	// DifficultyTolerant is ckpool-lhr's: a raise holds from the next job, a
	// lower difficulty at once.
	DifficultyTolerant DifficultyRule = "tolerant"
	// DifficultyStrict is the specification's: a change holds from the next job.
	DifficultyStrict DifficultyRule = "strict"
)

// Dialect is the form of a pool's replies.
type Dialect string

// The reply forms seen in the field.
const (
	// DialectArray is {"result":null,"error":[23,"Low difficulty share",null]}.
	DialectArray Dialect = "array"
	// DialectCKPool is {"reject-reason":"Above target","result":false,"error":null}.
	DialectCKPool Dialect = "ckpool"
	// DialectObject is miningcore's error object, without a result.
	DialectObject Dialect = "object"
	// DialectString is {"result":false,"error":"Stale"}.
	DialectString Dialect = "string"
	// DialectP2Pool grants an authorize with a null result, subscribes with one
	// flat tuple and rejects with result false and a negative code.
	DialectP2Pool Dialect = "p2pool"
)

// Dialects lists the reply forms.
func Dialects() []Dialect {
	return []Dialect{DialectArray, DialectCKPool, DialectObject, DialectString, DialectP2Pool}
}

// PoolConfig describes a pool. The zero value of a field means its default.
type PoolConfig struct {
	// Listen is the TCP address; "" is 127.0.0.1:0 (any free port).
	Listen string
	// Seed makes extranonces and made-up jobs repeatable.
	Seed uint64
	// Number tells the marks of this pool's jobs from those of other pools: its
	// connections are counted from Number·2²⁴ + 1.
	Number uint8
	// Extranonce1Size is 1 to 32 bytes; 0 is 4. NoExtranonce1 makes it empty.
	Extranonce1Size int
	// NoExtranonce1 gives an empty extranonce1, as p2pool does.
	NoExtranonce1 bool
	// Extranonce2Size is 1 to 16 bytes; 0 is 8.
	Extranonce2Size int
	// Difficulty is what a connection starts with; 0 is 1.
	Difficulty work.Difficulty
	// SharesPerMinute adjusts each connection's difficulty by factors of two
	// towards that rate; 0 keeps it fixed.
	SharesPerMinute float64
	// MinDifficulty and MaxDifficulty bound the adjustment; 0 is unbounded.
	MinDifficulty, MaxDifficulty work.Difficulty
	// DifficultyRule is the rule for shares across a change; "" is tolerant.
	DifficultyRule DifficultyRule
	// VersionMask is what version rolling is granted; NoVersionRolling for none.
	// 0 is 1fffe000.
	VersionMask work.VersionMask
	// NoVersionRolling refuses version rolling (see Quirks.Configure for how).
	NoVersionRolling bool
	// VersionRule is how version bits are read; "" is bip310.
	VersionRule VersionRule
	// JobInterval is the time between jobs of one block; 0 is 30 s.
	JobInterval time.Duration
	// BlockInterval is the time between made-up blocks; 0 means that only a
	// share that meets NBits ends a block.
	BlockInterval time.Duration
	// NBits is the made-up network's target; 0 is one that is never met
	// (1703a30c). 207fffff is met by every second hash.
	NBits work.NBits
	// Version is the made-up jobs' version; 0 is 20000000.
	Version work.Version
	// Transactions is how many made-up transactions a job has; the merkle
	// branches follow from it. 0 is 12, negative none.
	Transactions int
	// MaxNTimeRoll is how far past its job a share's ntime may be; 0 is 600 s.
	MaxNTimeRoll time.Duration
	// Dialect is the form of replies; "" is array.
	Dialect Dialect
	// Strict closes a connection on what strict pools close it for: a line over
	// 1024 bytes, an id that is no integer, a submit whose fields are not
	// exactly as wide as they should be, in lower-case hex. Without it such
	// lines are only counted (PoolStats.Untidy).
	Strict bool
	// OneWorker drops a connection whose submits name another worker than the
	// one it authorized, as ckpool does, and ignores a second authorize.
	OneWorker bool
	// ResumeSessions gives a subscribe that names an earlier session the same
	// extranonce1 again.
	ResumeSessions bool
	// PingBlocks sends a mining.ping behind the first job of each block, so
	// that it is known which shares were sent after that job had been read:
	// see Notice.
	PingBlocks bool
	// Tag is put in the coinbase, at most 20 bytes; "" is "/loka sim/".
	Tag string
	// Node is where templates come from and blocks go; nil makes them up, and
	// then NBits, Version, Transactions and BlockInterval have their meaning.
	Node *Node
	// Quirks is the misbehaviour to begin with.
	Quirks Quirks
	// OnShare is told every submit with its outcome, from the goroutine that
	// verified it, before the reply is sent. It must not block.
	OnShare func(ShareEvent)
	// OnJob is told every job that a connection is told, before it is sent. It
	// must not block.
	OnJob func(JobEvent)
	// OnEnd is told the number of a connection that has ended, after the last of
	// its shares. It must not block.
	OnEnd func(conn uint64)
	// Logger is told of connections, blocks and failures; nil is silent.
	Logger *slog.Logger
}

// ReplyMode is how a pool answers a request that it could grant.
type ReplyMode string

// The ways to answer.
const (
	// ReplyNormal grants what the configuration says.
	ReplyNormal ReplyMode = ""
	// ReplyRefused answers properly that it is not granted.
	ReplyRefused ReplyMode = "refused"
	// ReplyError answers with an error.
	ReplyError ReplyMode = "error"
	// ReplyString answers with a string as the result (ckpool: "Initialising").
	ReplyString ReplyMode = "string"
	// ReplySilent does not answer.
	ReplySilent ReplyMode = "silent"
)

// CleanMode is how a pool sets a job's clean flag.
type CleanMode string

// The ways to set the clean flag.
const (
	// CleanNormal sets it at a new block and at a connection's first job.
	CleanNormal CleanMode = ""
	// CleanAlways sets it always.
	CleanAlways CleanMode = "always"
	// CleanNever never sets it.
	CleanNever CleanMode = "never"
)

// Quirks is a pool's misbehaviour. The zero value behaves. It can be replaced
// while the pool runs (Pool.SetQuirks).
type Quirks struct {
	// Latency delays every reply; up to Jitter is added at random.
	Latency, Jitter time.Duration
	// DisconnectEvery ends each connection after that time, give or take half.
	DisconnectEvery time.Duration
	// DisconnectReset ends connections with RST in place of FIN.
	DisconnectReset bool
	// RefuseConnections closes every new connection at once.
	RefuseConnections bool
	// Silent reads and says nothing at all.
	Silent bool
	// Subscribe, Configure and Authorize are how those requests are answered.
	Subscribe, Configure, Authorize ReplyMode
	// SubmitRefused rejects every share with 24.
	SubmitRefused bool
	// NotifyBeforeSubscribe sends set_difficulty and a job before the subscribe
	// reply.
	NotifyBeforeSubscribe bool
	// MaskBeforeConfigure sends set_version_mask before the configure reply
	// (Braiins Pool); MaskAfterConfigure after it (btcpool, DATUM, ViaBTC).
	MaskBeforeConfigure, MaskAfterConfigure bool
	// ConfigureExtraKeys answers a configure with keys that nobody asked for.
	ConfigureExtraKeys bool
	// Clean is how the clean flag is set.
	Clean CleanMode
	// Unpadded sends version, nbits and ntime without leading zeros (public-pool).
	Unpadded bool
	// NoBranches sends jobs of empty blocks.
	NoBranches bool
	// CoinbasePadding adds so many bytes of outputs to the coinbase.
	CoinbasePadding int
	// Payout is the output script, in hex, that jobs pay in place of the usual one, and
	// Tag is put in the coinbase in place of the pool's: it was taken over. "" is as
	// ever.
	Payout, Tag string
	// Behind stays on the block that is worked on when somebody else finds the next.
	Behind bool
	// DifficultyEvery sends another difficulty in the middle of a job at that
	// interval: twice and half the present one by turns.
	DifficultyEvery time.Duration
	// ExtranonceEvery gives each connection another extranonce1 at that
	// interval, followed by a clean job.
	ExtranonceEvery time.Duration
	// MalformedEvery sends a broken line before every nth job.
	MalformedEvery int
	// UnansweredEvery leaves every nth submit without an answer.
	UnansweredEvery int
	// OutOfOrder answers submits out of order, within Jitter (20 ms if that is 0).
	OutOfOrder bool
	// DuplicateReplies answers every submit twice.
	DuplicateReplies bool
	// ChatterEvery sends client.show_message, client.get_version, mining.ping
	// and, if Reconnect is set, client.reconnect by turns at that interval.
	ChatterEvery time.Duration
	// Reconnect is "host:port" for client.reconnect; "-" sends it without
	// parameters; "" leaves it out.
	Reconnect string
}
