// Package bans says who is kept out, and judges who should be.
//
// A [Book] has the bans in force: of addresses and networks, of workers, and of
// workers at an address. A ban closes the connections that it concerns and lets no
// new one in; a pause does the same more kindly, for an operator sends a miner away
// for a while, not an attacker. Operators give a term or none; a threat's is short at
// first and twice as long each time. The book is kept in a store, without which it
// goes on: nobody waits for a database to be let in or kept out.
//
// A [Standing] judges addresses by what their connections do. A farm is behind one
// address, and one machine of it that is broken must not shut out the others: so an
// address is banned only where most of it misbehaves, and what one worker does again
// and again counts once. That worker at that address may be banned instead, unless
// others there that go by the same name do well.
//
// It knows no socket and no protocol. Who lets connections in asks [Book.Banned], who
// lets workers log in asks [Book.Refused]; the connections that there are already are
// ended by way of [Conns].
//
// Invariants:
//   - What is asked for each connection and each login allocates nothing and waits
//     for no store.
//   - Everything is bounded: threats' bans, operators' bans, what a standing remembers,
//     and what waits for the store.
//   - No threat bans an address of this machine's loopback, or one that is exempt.
package bans
