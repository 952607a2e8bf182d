package store

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Side is whose word a count is by.
type Side uint8

// The sides. They are kept as numbers: a new one goes to the end.
const (
	// Ours counts shares by our own verdict, with the difficulty that the miner
	// was assigned.
	Ours Side = iota + 1
	// Pools counts shares by the pool's verdict, with the pool's difficulty.
	Pools
	// Sent counts shares that were handed to the pool, with the pool's
	// difficulty. Its verdict is always Accepted, which was ours.
	Sent
	// Unsent counts work that was done for the pool and could not be handed to
	// it. Its verdict is always Accepted, which was ours.
	Unsent
	// Twice counts answers of the pool to shares that it had answered before, by
	// the verdict of the later answer, with the pool's difficulty.
	Twice
	// Found counts shares that were blocks, with the difficulty that their hash
	// reached. Its verdict is always Accepted.
	Found
)

// Sides lists them all.
func Sides() []Side { return []Side{Ours, Pools, Sent, Unsent, Twice, Found} }

// String is the side's one spelling: ours, pool, sent, unsent, twice,
// found.
func (s Side) String() string {
	switch s {
	case Ours:
		return "ours"
	case Pools:
		return "pool"
	case Sent:
		return "sent"
	case Unsent:
		return "unsent"
	case Twice:
		return "twice"
	case Found:
		return "found"
	}
	return "unknown"
}

// Key is what a count is of.
type Key struct {
	// Worker is the login; Pool and Route are names as configured, or those
	// that the ledger has for none.
	Worker, Pool, Route string
	Side                Side
	Verdict             mining.Verdict
}

// Cell is what was counted.
type Cell struct {
	Shares uint64
	// Work is in difficulty-1 shares (2³² hashes).
	Work float64
	// Value is what the work was expected to earn, by the jobs it was of; for
	// what was not accepted, what it would have been.
	Value mining.Amount
	// Blocks is how many blocks the work was expected to find.
	Blocks float64
	// Best is the largest difficulty that a share's hash reached; 0: not known.
	Best float64
}

// Add adds another cell to it.
func (c *Cell) Add(o *Cell) {
	c.Shares += o.Shares
	c.Work += o.Work
	c.Value = c.Value.Add(o.Value)
	c.Blocks += o.Blocks
	c.Best = max(c.Best, o.Best)
}

// Rollup is what was counted within one step of time.
type Rollup struct {
	Key
	Cell

	// At is when the step begins, in UTC.
	At time.Time
}

// Total is all that was ever counted of a key.
type Total struct {
	Key
	Cell

	// Last is when the last share of it came; zero: not known.
	Last time.Time
}

// Share is one share.
type Share struct {
	// ID is unique within the instance, and grows from share to share of one
	// worker.
	ID uint64
	// At is when our verdict fell, to the microsecond, in UTC.
	At                  time.Time
	Worker, Pool, Route string
	// Verdict is ours; Difficulty what the miner was assigned, Reached what the
	// hash did (0: not known), Value what the share was expected to earn. A
	// Verdict that is Pending says that the share was recorded before, and that
	// what follows is news of it.
	Verdict             mining.Verdict
	Difficulty, Reached float64
	Value               mining.Amount
	// Sent says that it was handed to the pool.
	Sent bool
	// PoolVerdict is Pending while the pool has said nothing; PoolDifficulty
	// and PoolValue are the pool's.
	PoolVerdict    mining.Verdict
	PoolDifficulty float64
	PoolValue      mining.Amount
}

// Block is a block that one of our miners found.
type Block struct {
	// Hash is as explorers print it.
	Hash string
	// At is when it was handed in, in UTC.
	At time.Time
	// Height is from the coinbase; 0: not known.
	Height              uint32
	Worker, Pool, Route string
	// Difficulty is what the hash reached, Network what it had to.
	Difficulty, Network float64
	// Reward is the sum of the coinbase's outputs, in satoshi.
	Reward int64
	// Verdict is the pool's word on it; Pending while there is none. A block
	// that comes again is news of the pool's word.
	Verdict mining.Verdict
}

// Chunk is what a warehouse is given at a time: all of some consecutive frames of
// one instance's log. One that is given again has its rollups, workers and shares in
// the same order; shares may be left out of it.
type Chunk struct {
	Instance string
	// Log is the log's id; First and Last are the numbers of its frames.
	Log         string
	First, Last uint64
	// Shares are in the order in which they happened; news of a share come
	// after it, here or in an earlier chunk.
	Shares []Share
	// Rollups are by the minute, each minute and key once.
	Rollups []Rollup
	// Workers are those of the rollups, each once.
	Workers []Worker
	Blocks  []Block
}

// Worker is who a login is.
type Worker struct {
	// Login is the whole; [mining.NewWorker] splits it into its halves.
	Login string
	// Route is the one it came by last.
	Route string
	// First and Last are when it handed in a share first and last, in UTC.
	First, Last time.Time
	// Best is the largest difficulty that a hash of it reached.
	Best float64
}

// Earning is what a pool paid.
type Earning struct {
	ID       int64
	Instance string
	Pool     string
	// Reference names it at the pool (a transaction, a date) and is unique among
	// the earnings of the instance and the pool.
	Reference string
	// From and To are the time that it is for, To not included; in UTC.
	From, To time.Time
	// Satoshi is how much.
	Satoshi int64
	// Computed says that it is no payout but what the pool's accepted shares
	// were expected to earn.
	Computed bool
	// At is when it was entered.
	At time.Time
}

// Part is one part of a distribution.
type Part struct {
	// Name is a login or a user.
	Name string
	// Work is what it had done in the period, by the pool's word.
	Work    float64
	Satoshi int64
}

// Distribution is an earning divided by work.
type Distribution struct {
	Earning Earning
	// By is what Part.Name is: "worker" or "user".
	By string
	// Parts are sorted by name; their sum is the earning's, exactly.
	Parts []Part
	// At is when it was made.
	At time.Time
}

// Act is a deed of an administrator.
type Act struct {
	At time.Time
	// Who did it: a token's name, or the command line's user.
	Who string
	// What was done, in a word, and Detail of it.
	What, Detail string
}
