// Package hub knows who works for whom: which miner belongs to which group,
// which link carries a group's shares, and which work a group has. It passes
// jobs down and shares up, and books what became of them.
//
// In dedicated mode a group is one miner with one link of its own. The
// miner's extranonce1 and extranonce2 size are decided once, from what the
// pools' probes have learned, and stay for the life of its connection: what
// the pool's extranonce1 is rides in the coinbase prefix of each work. Only a
// pool whose extranonce2 is too narrow for that passes its own extranonce1
// on. The verdict on a share is the pool's.
//
// It does not know sockets, lines or Stratum; miners are reached through
// [Peer], pools through package link.
//
// Invariants: a group's lock is never waited for by another group. Locks are
// taken in the order group, then connection or link; neither calls the hub
// with its own lock held. Every pending request of a miner is answered, or
// its connection closed, within the bounds of [Config].
package hub
