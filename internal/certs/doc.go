// Package certs keeps the certificates that miners are shown: it reads them from
// the operator's files or makes ones that sign themselves, notices when a file
// changes, and says when one is about to end.
//
// A [Keeper] has them all. [Keeper.Load] makes a [Set] for a list of listeners and
// changes nothing; [Keeper.Use] puts it in place. What a listener speaks TLS by
// stays the same object while what it was told is the same, whatever becomes of its
// files, so that miners may resume their sessions.
//
// It knows no connection and no configuration file.
//
// Invariants: what is in place is whole, a certificate with its key; files that
// cannot be used never take the place of ones that could, and that is said aloud;
// no error and no log line has any of a key in it.
package certs
