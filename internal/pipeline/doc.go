// Package pipeline runs a miner's neutral requests through a chain of
// middlewares to the handler that answers them.
//
// The chain is compiled once at start into nested calls: a request walks it
// without allocation. A middleware is a package under this one with its
// contract in its doc.go, a Config, Metrics and tests; which ones run, and in
// which order, is one list in the composition root. docs/MIDDLEWARE.md shows
// how one is made.
//
// A middleware that keeps something of each connection is an [Enterer]: what it
// makes there lies in its [Slot] of the miner, found without a lock or a map. All
// calls about one miner (Enter, requests, events, Leave) come one after the other
// from the goroutine that reads its connection, so that it needs no lock either.
// What never became a request (lines that cannot be read, shares that the session
// refused, late verdicts) reaches a [Watcher].
//
// A route may have middlewares left out: [Chain.Skip]. Before a miner has a route
// all of them are on.
//
// The package knows nothing of protocols, sockets or pools. A handler owns a
// request only while its Handle runs: whoever keeps a part of it copies that
// part. A handler may be called by any number of goroutines at once, for
// different miners.
package pipeline
