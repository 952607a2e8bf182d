// Package quality measures how well a pool serves and makes one figure of it:
// how long it takes to connect to and to answer a share, what it refuses, how
// late its new blocks are against those of the other pools, how long it lagged behind
// them or was on a block of its own, how often it falls silent and how often its
// connections end.
//
// It knows no pool, link or clock: a [Meter] is told what happened and when. The
// figure informs people and steers nothing. The package does no I/O. What is told for
// each share takes neither lock nor memory; all of it is of a fixed size.
package quality
