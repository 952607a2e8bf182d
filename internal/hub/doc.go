// Package hub knows who works for whom: which miner has which seat, which group
// it works in, which link carries that group's shares, and which work a group
// has. It passes jobs down and shares up, and books what became of them.
//
// Each miner has a seat. Its extranonce1 and extranonce2 size are decided there
// once, from what the pools' probes have learned, and stay for the life of its
// connection: what the pool's extranonce1 is rides in the coinbase prefix of
// each work. The seat's role is how the miner is served. In the shared role it
// is a member of a group: many miners on one link, each with a difficulty of
// its own; a job is handed out by the fan-out, and shares are judged here by
// package jobbook. Groups are opened ahead of need, emptied into each other and
// closed by the packing. A group is at one pool; at which one a miner should be
// is package steer's to say, and it is sent there by the same move: for a lost
// connection, a better pool that is back, or its route's split. In the dedicated
// role the miner has a link of its own, and the verdict on a share is the pool's; it
// changes the pool by a candidate, a second link that takes over, and seldom for a
// split. A pool whose extranonce2 is too narrow for a slot serves every miner so, and
// passes its own extranonce1 on.
//
// It does not know sockets, lines or Stratum; miners are reached through
// [Peer], pools through package link.
//
// Invariants: locks are taken in the order seat, group, then link or
// connection; neither of the last two calls the hub with its own lock held. No
// two miners have the same slot while shares of a common job count. Every
// pending request of a miner is answered, or its connection closed, within the
// bounds of [Config].
package hub
