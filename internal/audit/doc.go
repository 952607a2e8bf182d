// Package audit keeps what administrators did, as lines of JSON in a file of the
// data directory: for who has to know it when the database is gone, or was never
// there.
//
// It does not know who may do what, nor whether it was done by the API, a command
// or a signal.
//
// Invariants: the file is only ever appended to, one whole line an act, which is on
// the disk when [File.Append] returns; only the owner can read it; what there is of
// it is bounded, the oldest goes. What could not be written is an error each time,
// and is remembered until something can be written again.
package audit
