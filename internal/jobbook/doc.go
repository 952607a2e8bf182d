// Package jobbook remembers the work that miners were given, so that a share
// finds the job it was made for, and judges shares.
//
// A [Book] holds the recent work of one miner or of all miners of a pool
// connection by our own job ids, says of each whether its shares still count,
// and remembers shares to tell duplicates. [Book.Check] judges a share by it.
// It knows no session, pool or clock, and not who hands a share in: what the
// miner was told comes with the [Claim].
//
// Invariants: the newest work is never forgotten; everything else is when it
// was replaced longer ago than the retention or when the book is full, the
// oldest first; a clean work makes everything before it stale for good. A share that was
// accepted is not accepted again as long as it is remembered, which is for
// Config.MaxShares/2 others at least or until a new block. A share that
// meets the network's target is forwarded. Finding a work takes no lock; a
// share takes one of 16, for as long as it takes to look it up. A check does
// not allocate.
package jobbook
