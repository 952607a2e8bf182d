// Package metrics is the registry and exposition of everything that is
// counted, with the names of the contract.
//
// Packages that count declare what they need as tiny interfaces and know
// nothing of Prometheus; the composition root hands them values from here,
// resolved once. What the ledger and the hub know already is read from the
// view when somebody scrapes, so that API and metrics cannot differ.
//
// What every connection counts on every core is kept in [Sharded] counters and
// [ShardedHistogram]s: a counter that all cores write is a cache line that they
// pass around, and a share must not wait for it.
//
// Invariants: a registry of our own, never the default one; every label
// value is known at the start, so every series exists at 0; a close reason
// without a series counts as internal_error; counting allocates nothing.
package metrics
