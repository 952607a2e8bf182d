// Package vardiff is one miner's difficulty where many miners share a pool's
// connection: which one it should have, which ones hold for which job, and
// what is remembered of it for its next connection.
//
// A [Control] books a miner's accepted shares and says which difficulty would
// make them come at the rate that is asked for. A [History] says which
// difficulties a share may meet. A [Memory] keeps hashrates across reconnects.
//
// The package knows no pool, session or clock. That a miner's difficulty must
// not be above its pool's is the caller's business: it asks [Control.Want],
// bounds the answer and reports with [Control.Told] what the miner was told.
//
// # When a difficulty changes
//
// The shares of a window are compared with those that were expected in it. A
// change is due where Poisson arrivals of 1.5 times (or a 1.5th of) the wanted
// rate would look like this with a chance of e^-10 at most. So no number of
// shares is fixed: 8 shares in a second are enough where 8 a minute are
// wanted, while twice the rate takes about 130 expected shares to tell. The
// window reaches back over 128 to 256 expected shares, within which rates
// above 2 and below 0.45 of the wanted one are told from it. Its newer part is
// looked at alone too, for a change of hashrate, and so is the time without
// any share; nothing is too slow within 30 s. Since a change goes to the
// estimate itself, far from both thresholds, a constant hashrate does not
// swing between two difficulties.
//
// Invariants: a wanted difficulty is never below Min and, unless Min is above
// it, never above Max. It is an integer from 1 upward and has at most 24
// significant bits, unless no such number lies between Min and Max. What is
// credited for a share is a difficulty that the miner was told.
package vardiff
