// Package auth keeps the admin token: who holds it may do everything that
// the HTTP API can do.
//
// The first start writes it to a file of mode 0600; later starts read that
// file. The package does not know HTTP: it compares strings.
//
// Invariants: a token is never printed; it is compared in constant time; a
// file that others can read is an error, not a warning.
package auth
