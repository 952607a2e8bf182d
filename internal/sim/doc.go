// Package sim is a pool and a swarm of miners for demonstrations, load and
// tests, both speaking Stratum V1 over TCP through package sv1.
//
// A Pool verifies every share completely: the job, the extranonce's width, the
// time, the version bits, the header's double SHA-256 against the difficulty
// and against the network's target. It takes its work from nothing (a made-up
// chain) or from a real node (Node). Quirks make it misbehave in the ways that
// real pools do.
//
// Miners really hash. Each has the manner of one firmware: the order and form
// of its handshake, the form of its submits, and what it does not put up with.
// A server's breach of what a firmware needs is a Failure, and ends that
// miner's connection where it would end the firmware's.
//
// An Audit compares what a pool accepted with what the miners were told; a
// SharedAudit does so where a proxy hands on only some of the shares.
//
// With the same seed the extranonces, jobs and search orders are the same; when
// a share is found still depends on the clock, for hashing is paced by it.
//
// The package knows nothing of the proxy that may stand between the two sides.
package sim
