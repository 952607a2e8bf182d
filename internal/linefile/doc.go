// Package linefile keeps lines in a file of the data directory, for what has to be there
// when the database is gone, or was never there.
//
// It does not know what the lines say.
//
// Invariants: the file is only ever appended to, by whole lines, which are on the disk
// when [File.Append] returns; only the owner can read it; what there is of it is bounded,
// the oldest goes. What a crash has left of a line is ended before the next one.
package linefile
