// Package auth knows who may use the HTTP API: the admin token, and the tokens
// that were made besides, each with a role.
//
// The first start writes the admin token to a file of mode 0600; later starts
// read that file. Of the others there is a file, too, which has their SHA-256
// sums in place of them. A plain hash is right for that: a slow one protects what
// can be guessed, and a token of 256 bits by chance cannot be, so that slowness
// would only be a way to keep this program busy. The package does not know HTTP:
// it compares strings.
//
// Invariants: a token is never printed; it is compared in constant time; a
// file that others can read is an error, not a warning. A token that was made is
// in the file before anybody has it, and one that was removed is worth nothing
// even where the file cannot be written.
package auth
