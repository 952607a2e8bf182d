// Package link keeps one conversation with a pool alive: it joins a pure
// upstream session to a connection, drives it with bytes and time, and tells
// what comes of it to the hub.
//
// A [Link] lives once: dial, handshake, steady, end. A [Keeper] gives a pool
// one link after another, with pauses between, and knows whether the pool can
// be used: it is the probe of a pool.
//
// The package knows no miner, group or account but the one login a Keeper is
// given.
//
// Invariants:
//   - All calls of [Events] for one link come one after the other, in the
//     order of what the pool said, from the goroutine that runs [Link.Run],
//     and never while the link's lock is held.
//   - LinkEnded comes exactly once, last, with one named reason; before it
//     every submit that was taken and is still open gets its
//     Unanswered verdict. Logins get none: they may be named to another pool.
//   - The order of lines on the wire is the order of their ids. Lines of many
//     goroutines leave in one write by one of them; nobody else waits for it.
package link
