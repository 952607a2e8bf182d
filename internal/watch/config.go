package watch

import "time"

// Config is from where on each signal begins; one that is 0 never does.
type Config struct {
	// TipLag is for how long a pool may work on an old block, TipAlone for how
	// long on one that no other pool knows, OtherCoin for how long on another
	// network difficulty than others.
	TipLag, TipAlone, OtherCoin time.Duration
	// HeightBack is by how many blocks, EmptyBlocks how many in a row.
	HeightBack, EmptyBlocks int
	// DifficultyJump is a factor.
	DifficultyJump float64
	// ExtranonceChanges are those of a connection in an hour, UnknownReplies those of
	// a pool in 10 minutes, JobFlood the jobs of a connection in a minute.
	ExtranonceChanges, UnknownReplies, JobFlood int
	// CreditShort is a part of the work of 10 minutes, RefusedValid one of the
	// shares of 10 to 20 minutes.
	CreditShort, RefusedValid float64
	// LearnJobs and LearnFor are for how many jobs and for how long something has
	// to stay the same to be expected; with no jobs nothing is learnt.
	LearnJobs int
	LearnFor  time.Duration
	// Calm is for how long a value has to be below the half of its threshold for
	// a signal to end.
	Calm time.Duration
}

// Defaults are what holds where nothing else is wanted.
func Defaults() Config {
	return Config{
		TipLag: 30 * time.Second, TipAlone: 10 * time.Minute, OtherCoin: time.Minute, HeightBack: 2,
		DifficultyJump: 16, ExtranonceChanges: 30, JobFlood: 120, EmptyBlocks: 2, UnknownReplies: 20,
		CreditShort: 0.05, RefusedValid: 0.02, LearnJobs: 20, LearnFor: 10 * time.Minute, Calm: 10 * time.Minute,
	}
}

// threshold is from where on a signal begins, in the unit of its value.
func (c *Config) threshold(k Kind) float64 {
	switch k {
	case PayoutChanged, TagChanged:
		return 1
	case TipLag:
		return c.TipLag.Seconds()
	case TipAlone:
		return c.TipAlone.Seconds()
	case HeightBack:
		return float64(c.HeightBack)
	case OtherCoin:
		return c.OtherCoin.Seconds()
	case DifficultyJump:
		return c.DifficultyJump
	case ExtranonceChanges:
		return float64(c.ExtranonceChanges)
	case EmptyBlocks:
		return float64(c.EmptyBlocks)
	case UnknownReplies:
		return float64(c.UnknownReplies)
	case CreditShort:
		return c.CreditShort
	case RefusedValid:
		return c.RefusedValid
	case JobFlood:
		return float64(c.JobFlood)
	}
	return 0
}

// OnChange says what is done about a payout that has changed.
type OnChange uint8

// What is done.
const (
	// Alert tells of it.
	Alert OnChange = iota
	// Failover keeps miners away from the pool besides, until an operator accepts
	// the new payout or the old one is back.
	Failover
	// Ignore does not look at payouts and tags at all.
	Ignore
)

// PoolConfig is what an operator says of one pool.
type PoolConfig struct {
	// Payout are the output scripts that a coinbase may pay, all others are wrong;
	// none: it is learnt.
	Payout [][]byte
	// Tag is a glob on the text that a coinbase is signed with, * is any text and ?
	// one character; empty: it is learnt.
	Tag string
	// OnChange is what is done where another is paid.
	OnChange OnChange
}
