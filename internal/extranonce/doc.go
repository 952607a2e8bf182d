// Package extranonce lays out the bytes between a pool's coinb1 and coinb2.
//
// They are E1 ‖ pad ‖ slot ‖ en2. E1 is the pool's extranonce1; pad, slot and
// en2 are together the pool's extranonce2. A miner is told the slot as its
// extranonce1 and the size of en2 once, for the life of its connection, while
// E1 and pad ride at the end of the coinb1 that it is sent. So a miner moves
// to another pool with one mining.notify, and what it is told never changes.
//
// A pool whose extranonce2 has no room for a slot takes one miner a
// connection: its own E1 is passed on and the miner has the whole extranonce2
// ([Layout.PassThrough]).
//
// A [Layout] is how many bytes each has. A [Space] is who has which slot. The
// package knows sizes, bytes and times only: no miner, link or job.
//
// Invariants: PoolSize = Pad + Slot + Miner in every layout made here; Miner is
// at most 8 bytes and Slot at most 4; Slot is 0 exactly when PassThrough; the
// coinbase that a miner builds from what it is told is the coinbase that the
// pool builds from what it is sent. No slot is in use twice, nor given again
// while work counts that its last miner searched; none is lost.
package extranonce
