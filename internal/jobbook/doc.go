// Package jobbook remembers the work that miners were given, so that a share
// finds the job it was made for.
//
// A [Book] holds one miner's or group's recent work by our own job ids and
// says of each whether its shares still count. It knows no session, pool or
// clock, and does not check shares.
//
// Invariants: the newest work is never forgotten; everything else is when it
// is older than the retention or when the book is full, the oldest first; a
// clean work makes everything before it stale for good.
package jobbook
