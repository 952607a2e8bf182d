// Package journal takes what the ledger books to where it is kept: within half
// a second into the log on this machine, and from there, some seconds later,
// into the warehouse, each share once whatever happens in between. At the start
// it brings back what was known when the process ended, however it did.
//
// It does not know how a log or a warehouse works (package store says what they
// do), nor miners, pools or HTTP.
//
// What walks through it: the ledger gives [Journal.Take] events, which wait in
// memory until they are made into a frame, twice a second or more. A frame has the
// single shares, if they are kept, and, beside them, what they add up to by the
// minute, so that shares may be dropped and sums are not. Frames are read back in order, put
// together into a chunk, and given to the warehouse; once it has them their sums
// go into the log's totals and the frames are forgotten.
//
// Invariants:
//   - The totals and the frames of the log together are all that was ever
//     written, and no share is in both.
//   - Memory is bounded. While the log takes nothing, at most Config.MaxPending
//     events wait; beyond them single shares are forgotten, which is counted,
//     and only what they add up to is kept, in steps of time that grow as need
//     be: minutes, hours, days.
//   - Disk is bounded: see [Config]. Single shares go first, the oldest of them;
//     sums of hours and days never.
//   - Nothing here makes the ledger wait.
package journal
