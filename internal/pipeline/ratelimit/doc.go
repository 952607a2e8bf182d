// Package ratelimit is the middleware that bounds how fast a connection is
// listened to: nobody may keep this machine busy for nothing.
//
// There is a token bucket for each kind of line (submits, authorizes, everything
// else) of each connection, and if configured for each worker, address and
// subnet. A line takes a token of each that holds for it. Where one is empty the
// line is answered all the same, and then the connection's reader is held until
// the token is there: what the miner has sent meanwhile waits in its own socket. So
// nothing is refused, a share that is a block is never lost, and nobody else
// waits. It goes on after [Config.MaxHold] at the latest; what is owed beyond that
// is forgiven.
//
// A connection's buckets grow with the workers that it has authorized, for a proxy
// brings those of many machines: with n workers it has n times the submits.
//
// Buckets of a connection are plain fields in its slot, without a lock. Those that
// connections share are found once, when the connection or the worker comes, and
// are one atomic number from then on. There are as many as there are connections
// (and workers) and those that have gone in the last moments, at most
// [MaxIdle] of the latter: one that is full again is the same as a new one, so it
// can be forgotten.
//
// It does not know what a line was worth: who sends rubbish is threat's to find
// out, which stands before it and sees the holds.
package ratelimit
