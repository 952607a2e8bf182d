// Package guard decides who may connect and keeps count of who is here. Its [Door]
// knows addresses and times, no sockets: whoever accepts connections asks it, and is
// told whom to start, whom to refuse and whom to end.
//
// A connection is a [Guest]. It waits for its turn, is then a stranger, and is settled
// once a worker of it is authorized; it is a loiterer from then on until a share of it
// was accepted. Guests of one address (one /64 of IPv6) are a party. A party has a
// credit: the most miners with an accepted share that it is known to have had at one
// time. To log in is not enough for that, for anybody may where logins are open.
//
// Invariants: guests are at most max_connections, those not counted that are about to
// leave, of which there are at most 64. Turns go round the parties, as many to each as
// its credit or as are settled, so that a flood makes its own party wait and no other.
// What strangers can hold at the most stays within strangers_memory, but for those of a
// believed proxy of whom it is not known yet for whom they are; where it is full, or
// max_connections is, the oldest stranger of the party that has most strangers above its
// credit gives way. Where max_connections is full of who has logged in, the oldest
// loiterer does of the party that has most of them above its credit, for who comes from
// where there are less. No miner of which a share was accepted ever gives way. Who has
// gone is counted nowhere, but for the credit of its party, which is kept for one to two
// hours, for at most 65,536 parties.
package guard
