package watch

import "time"

// Kind is the name of a signal, as log, API and metrics have it.
type Kind string

// The signals.
const (
	// PayoutChanged: the coinbase pays others than it should.
	PayoutChanged Kind = "payout_changed"
	// TagChanged: the coinbase is signed with another text than it should.
	TagChanged Kind = "tag_changed"
	// TipLag: the pool works on an old block.
	TipLag Kind = "tip_lag"
	// TipAlone: the pool works on a block that no other pool knows.
	TipAlone Kind = "tip_alone"
	// HeightBack: the pool works on a lower block than before.
	HeightBack Kind = "height_back"
	// OtherCoin: the network's difficulty is another one than at other pools.
	OtherCoin Kind = "other_coin"
	// DifficultyJump: the difficulty has risen too much at once.
	DifficultyJump Kind = "difficulty_jump"
	// ExtranonceChanges: the extranonce changes too often.
	ExtranonceChanges Kind = "extranonce_changes"
	// EmptyBlocks: block after block is worked on without transactions.
	EmptyBlocks Kind = "empty_blocks"
	// UnknownReplies: the pool answers what was not asked.
	UnknownReplies Kind = "unknown_replies"
	// CreditShort: less work was accepted than was handed in.
	CreditShort Kind = "credit_short"
	// RefusedValid: shares are refused that are valid.
	RefusedValid Kind = "refused_valid"
	// JobFlood: too many jobs come.
	JobFlood Kind = "job_flood"
)

// Severity is how bad a signal is, as the API spells it.
type Severity string

// The severities.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Description says what a signal means.
type Description struct {
	Kind     Kind
	Severity Severity
	// Value says what its value and its threshold are.
	Value string
	// Means is one sentence, Do says what an operator can do about it.
	Means, Do string
}

// table describes every signal, in the order in which they are shown.
//
//nolint:gochecknoglobals // a table
var table = [...]Description{
	{
		PayoutChanged, Critical, "1 while it is so",
		"The pool's jobs pay another address than they should: it was taken over, or has changed its wallet.",
		"Ask the pool, by another way than its own page. If the change is its own: `loka pool accept-payout NAME`, or write the new address into payout; if not, disable the pool.",
	},
	{
		TagChanged, Warning, "1 while it is so",
		"The pool signs its jobs with another text than it should: another pool may stand behind its address.",
		"Ask the pool, and look at payout_changed. If the change is its own, `loka pool accept-payout NAME` takes it, or correct pool_tag.",
	},
	{
		TipLag, Warning, "seconds that it is behind most other pools",
		"The pool still works on a block to which most other pools have found the next one: its shares cannot become blocks, and may be refused.",
		"Look at the pool's status page and at the network to it; of two pools nobody knows which is right.",
	},
	{
		TipAlone, Critical, "seconds that it is so",
		"The pool works on a block that no other pool knows, though they agree: it is on a fork, or on another coin.",
		"Ask the pool which coin and chain it works on; disable it until that is known.",
	},
	{
		HeightBack, Warning, "blocks that it is lower than before",
		"The pool works on a lower block than it did before.",
		"It may have servers that lag, or have changed its chain; ask the pool.",
	},
	{
		OtherCoin, Critical, "seconds that it is so",
		"At the same height the pool's jobs have another network difficulty than those of most other pools: it works on another coin.",
		"Check url and port of the pool, and ask it which coin this is; disable it until that is known.",
	},
	{
		DifficultyJump, Warning, "factor by which it has risen",
		"The pool has multiplied the difficulty of a connection at once, while that was earning: what miners do meanwhile may be worth nothing.",
		"Look at loka_work_not_submitted_total; set suggest_difficulty, or ask the pool.",
	},
	{
		ExtranonceChanges, Warning, "changes an hour on one connection",
		"The pool changes the extranonce again and again, and each time all work before is worth nothing.",
		"Ask the pool; something between may send this connection to ever other servers.",
	},
	{
		EmptyBlocks, Warning, "blocks in a row",
		"Block after block the pool's jobs have no transactions a minute after the block before: nobody is paid the fees.",
		"Ask the pool whether its node is in order; on a test network this is usual.",
	},
	{
		UnknownReplies, Warning, "replies in 10 minutes",
		"The pool answers what it was not asked, or twice.",
		"Something between may write into the connection: use stratum+ssl:// if the pool has it, and ask the pool.",
	},
	{
		CreditShort, Critical, "part of the work of 10 minutes",
		"The pool has accepted less work than it was sent: shares are refused, or get lost.",
		"See `reconciliation` of the pool in the API for what became of them, and compare with the pool's own page.",
	},
	{
		RefusedValid, Warning, "part of the shares of 10 to 20 minutes",
		"The pool refuses shares that are valid by our own check, where no race explains it.",
		"See the log for its words, and loka_pool_discrepancies_total.",
	},
	{
		JobFlood, Warning, "jobs a minute on one connection",
		"The pool sends jobs so fast that miners spend their time on beginning anew.",
		"Ask the pool; something between may write into the connection.",
	},
}

// Kinds lists the signals in the order in which they are shown.
func Kinds() []Kind {
	all := make([]Kind, 0, len(table))
	for i := range table {
		all = append(all, table[i].Kind)
	}
	return all
}

// Describe explains a signal; of one that is not among [Kinds] nothing is said.
func Describe(k Kind) Description {
	for i := range table {
		if table[i].Kind == k {
			return table[i]
		}
	}
	return Description{}
}

// Signal is one thing that is wrong with a pool now.
type Signal struct {
	Kind Kind
	// Since is when it began.
	Since time.Time
	// Value is what was measured last, and Threshold from where on it counts;
	// [Description.Value] says what they are.
	Value, Threshold float64
	// Detail has the facts that a figure cannot say; it may be empty.
	Detail string
}

// Change is a signal that has begun, or ended after Lasted.
type Change struct {
	Signal

	Begun  bool
	Lasted time.Duration
}
