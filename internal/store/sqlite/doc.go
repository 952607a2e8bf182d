// Package sqlite keeps everything in one file of this machine: the log, what was
// settled of it, and a warehouse for who has no other. It does not know what is in
// a frame.
//
// One connection writes and a few read. A commit is on the disk when it returns
// (synchronous=FULL): what a log has promised must outlive a power cut, too, and a
// log commits twice a second, which any disk can do. Every transaction is short,
// so that the log waits for none of them for long: what is dropped by the many is
// dropped in steps, and a chunk is taken in parts.
package sqlite
