// Package pipeline runs a miner's neutral requests through a chain of
// middlewares to the handler that answers them.
//
// The chain is compiled once at start into nested calls: a request walks it
// without allocation. A middleware is a package under this one with its
// contract in its doc.go, a Config, Metrics and tests; which ones run, and in
// which order, is one list in the composition root.
//
// The package knows nothing of protocols, sockets or pools. A handler owns a
// request only while its Handle runs: whoever keeps a part of it copies that
// part. A handler may be called by any number of goroutines at once, for
// different miners.
package pipeline
