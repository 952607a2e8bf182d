// Package figures writes figures as people read them: a hashrate, an amount, a time
// span, each with its unit and with as many digits as tell something. Whoever shows
// something in a terminal uses it, so that one thing looks the same everywhere.
//
// It does not know what the figures are of.
//
// Invariants: what others have sent comes out of [Visible] without anything that steers
// a terminal or breaks a line; no figure is shown without its unit.
package figures
