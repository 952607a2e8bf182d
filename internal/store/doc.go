// Package store has the records that are kept of shares, and what a store of
// them can do. It does not know where they are kept: packages sqlite and
// postgres below it do, and both pass the same tests (package storetest).
//
// Two kinds of store work together. A [Log] is on this machine: it takes what
// has happened within half a second of it, in frames that are numbered without
// a gap, and has the totals of what was settled. A [Warehouse] has the history,
// perhaps of several instances: it takes chunks of consecutive frames, each
// once whatever happens in between, for the number of the last frame is
// written in the transaction that writes the chunk.
//
// Invariants:
//   - Counts and amounts are exact: what rollups of a minute, an hour and a day
//     and single shares sum up to is the same, and the same in every store.
//   - Single shares may be dropped, by age or for want of room; rollups of an
//     hour and a day are not.
package store
