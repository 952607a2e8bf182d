// Package payout divides what a pool has paid among those who did the work. It
// does not know where work and payments come from, nor who pays whom.
//
// The rule: everybody gets the whole satoshi of the exact part, which is the
// amount times the own work divided by all work. Whole satoshi are lost to
// nobody: those that are left over go, one each, to the largest of what was cut
// off; where that is equal, to the names that come first by their bytes.
//
// Invariants:
//   - The parts' sum is the amount, exactly.
//   - Each part differs from the exact one by less than a satoshi.
//   - Who did more work never gets less.
//   - The order in which work is named does not matter.
package payout
