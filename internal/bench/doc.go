// Package bench measures what this machine can carry: a real proxy in this process,
// before a pool of [load], with miners in another one, at two numbers of miners, beside
// a server that does nothing but answer and a loop that does nothing but write. What one
// miner, share and job cost is a model ([Coefficients]) that says what any farm costs,
// how many miners the machine carries, and what limits that. What the small number of
// miners says of the large one stands beside what was measured there, so that whoever
// reads it sees what such a prediction is worth.
//
// It does not know how a proxy is made or configured: it is given one. It measures on
// Linux only.
//
// Invariants: nothing leaves loopback; every phase is bounded in time; what was started
// has ended when [Run] returns; a figure that was not measured is not shown.
package bench
