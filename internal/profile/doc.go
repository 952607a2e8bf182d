// Package profile knows how long each step takes of the way that a share and a job
// go through the program: which steps there are, and a [Histogram] for each.
//
// It does not know clocks: who takes a step measures it. What it is given is counted
// with atomic additions alone, so that nobody who counts waits for another, or for a
// reader, and nothing is allocated.
//
// Invariants: a bucket's bounds are those of a Prometheus native histogram of schema
// [Schema], so what is exported is exact; a quantile is never below the true one, and
// above it by less than 2.2 %.
package profile
