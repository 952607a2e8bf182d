// Package e2e proves the binary against a real node: btcd on simnet gives the
// work and takes the blocks, `loka sim pool` stands before it, `loka start`
// stands before that, and `loka sim miners` mine. One test divides the miners
// between two nodes that know nothing of each other. Another compares, share by
// share, what a pool accepted with what miners behind the proxy were told.
//
// It is a module of its own so that the product's does not depend on btcd.
// Everything listens on loopback and lives in temporary directories. Where btcd
// cannot be built the tests are skipped, aloud.
package e2e
