package store

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Frame is a piece of a log: what happened within some part of a second, as
// whoever keeps the log has encoded it.
type Frame struct {
	// Number counts from 1 without a gap.
	Number uint64
	// Shares is how many single shares are in it.
	Shares int
	Data   []byte
}

// Log is what this machine keeps: frames until they are settled, and what was
// settled. Any number of goroutines may use it. Whatever returns without an
// error is on disk and outlives the process.
type Log interface {
	// ID is the log's own; it was drawn when the log was made.
	ID() string
	// Append adds frames whose numbers follow the last one's.
	Append(ctx context.Context, frames ...Frame) error
	// Read returns frames after a number in their order, as many as hold about
	// that many bytes but at least one; none at the end.
	Read(ctx context.Context, after uint64, bytes int) ([]Frame, error)
	// Replace puts frames in place of those of their numbers, all or none.
	Replace(ctx context.Context, frames ...Frame) error
	// State returns what there is.
	State(ctx context.Context) (LogState, error)
}

// Settler keeps what became of a log's frames.
type Settler interface {
	// Count adds up what is in the frames after the last that was counted, up to
	// a number. One that is not after it is passed over, with the totals.
	Count(ctx context.Context, last uint64, totals []Total) error
	// Offer notes that a warehouse is about to be given the frames up to a number,
	// so that it may have them whatever becomes of that.
	Offer(ctx context.Context, last uint64) error
	// Settle forgets all frames up to a number, which the warehouse has, and counts
	// those of them that were not, in one transaction: totals are of these. A number
	// that was settled before is passed over, with the totals.
	Settle(ctx context.Context, last uint64, totals []Total) error
}

// LogState is what a log holds.
type LogState struct {
	// Settled is the last number that was settled, Counted the last that was
	// counted, Offered the last that was offered, and Last the last appended.
	Settled, Counted, Offered, Last uint64
	// Bytes and Shares are those of the frames that are there.
	Bytes, Shares int64
}

// Local is what else this machine keeps: what was settled, and small things by
// name.
type Local interface {
	// Totals calls f for every total, in no order.
	Totals(ctx context.Context, f func(*Total) error) error
	// Save keeps data under a name; Load returns it, nil where there is none.
	Save(ctx context.Context, name string, data []byte) error
	Load(ctx context.Context, name string) ([]byte, error)
	// Bytes is what all of it takes on the disk.
	Bytes(ctx context.Context) (int64, error)
}

// Shipper takes chunks.
type Shipper interface {
	// Shipped is how far a log was taken.
	Shipped(ctx context.Context, instance, log string) (Taken, error)
	// Apply takes a chunk. One whose First is not the number after the last taken is
	// an error, [ErrGap] in it, but for one that was taken already (Last is not above
	// it), which is passed over. After an error all of it may have been taken, or
	// nothing, or a part that [Taken] tells of: then the same chunk has to be given
	// again, and another one that follows is an error, [ErrPartly] in it.
	Apply(ctx context.Context, c *Chunk) error
}

// Taken is how far a warehouse has taken a log.
type Taken struct {
	// Last is the number of the last frame that was taken; 0: none.
	Last uint64
	// Partly is the last frame of the chunk after it, of which a part was taken, or all
	// but the end of it; 0: there is none.
	Partly uint64
}

// Filter picks records. What is empty picks all.
type Filter struct {
	Instance, Worker, User, Pool, Route string
	// From and To are the time, To not included. They count in whole steps: a
	// rollup is in it if its step begins in it.
	From, To time.Time
}

// Step is how long a rollup's time is.
type Step uint8

// The steps.
const (
	Minute Step = iota
	Hour
	Day
)

// Steps lists them all.
func Steps() []Step { return []Step{Minute, Hour, Day} }

// Length is the step's time.
func (s Step) Length() time.Duration {
	return [...]time.Duration{time.Minute, time.Hour, 24 * time.Hour}[s]
}

// String is minute, hour or day.
func (s Step) String() string { return [...]string{"minute", "hour", "day"}[s] }

// Floor is when the step begins that t is in, in UTC.
func (s Step) Floor(t time.Time) time.Time { return t.UTC().Truncate(s.Length()) }

// Point is one side and verdict of a series at a time.
type Point struct {
	Cell

	// At is when the step begins, in UTC.
	At      time.Time
	Side    Side
	Verdict mining.Verdict
}

// Group says what sums are by, besides side and verdict; what is not asked for
// is empty in the keys.
type Group struct{ Worker, User, Pool, Route bool }

// Sum is all that was counted of a key within a period.
type Sum struct {
	Key
	Cell

	// User is the worker's, or what is asked for in its place.
	User string
}

// History answers questions about the past.
type History interface {
	// Series sums up rollups of a step by time, side and verdict, in the order of
	// time; steps in which nothing was counted are left out.
	Series(ctx context.Context, f Filter, s Step) ([]Point, error)
	// Sums adds up the rollups of a step, in the order of their keys.
	Sums(ctx context.Context, f Filter, s Step, by Group) ([]Sum, error)
	// Rollups calls yield for each, in the order of time and key. An error of it
	// ends the walk and is returned.
	Rollups(ctx context.Context, f Filter, s Step, yield func(*Rollup) error) error
	// Shares calls yield for each single share, in the order of day and id. An
	// error of it ends the walk and is returned.
	Shares(ctx context.Context, f Filter, yield func(*Share) error) error
	// Blocks are the latest first, at most so many.
	Blocks(ctx context.Context, f Filter, most int) ([]Block, error)
	// Workers are in the order of their logins.
	Workers(ctx context.Context, f Filter) ([]Worker, error)
}

// Payouts keeps what pools paid and who got it.
type Payouts interface {
	// Earn enters an earning. One of the same pool and reference that says the
	// same is returned as it was entered; one that says another thing is an
	// error, [ErrOther] in it.
	Earn(ctx context.Context, e Earning) (Earning, error)
	// Earnings are the latest first. From and To of the filter are about the
	// time that they are for.
	Earnings(ctx context.Context, f Filter) ([]Earning, error)
	// Distribute keeps a distribution of an earning that was entered. If the
	// earning was distributed by the same before, that one is returned and
	// nothing changed.
	Distribute(ctx context.Context, d Distribution) (Distribution, error)
	// Distributions of an earning; none where it was not distributed.
	Distributions(ctx context.Context, earning int64) ([]Distribution, error)
}

// DayOfShares is a day of single shares.
type DayOfShares struct {
	// Day is when it begins, in UTC.
	Day time.Time
	// Bytes is about what it takes on the disk.
	Bytes int64
}

// Upkeep is what a store needs now and then.
type Upkeep interface {
	// Days lists the days of single shares there are, the oldest first.
	Days(ctx context.Context) ([]DayOfShares, error)
	// DropDay drops a day of single shares.
	DropDay(ctx context.Context, day time.Time) error
	// DropMinutes drops rollups of minutes before a time.
	DropMinutes(ctx context.Context, before time.Time) error
	// Bytes is what the store takes on the disk.
	Bytes(ctx context.Context) (int64, error)
	// Audit keeps an act of an instance; Acts are the latest first, at most so
	// many.
	Audit(ctx context.Context, instance string, a Act) error
	Acts(ctx context.Context, instance string, most int) ([]Act, error)
}

// Warehouse is a store of history.
type Warehouse interface {
	Shipper
	History
	Payouts
	Bans
	Upkeep
	// Close lets go of it.
	Close() error
}
