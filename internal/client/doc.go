// Package client asks a running proxy by its HTTP API, in Go: the commands of the
// terminal, the live view and tests are made of it. Answers are the very types that
// the API is made of, so that the two cannot drift apart.
//
// It does not know where a proxy is, nor whose token is in which file, nor what is shown
// to whom.
//
// Invariants: a token is sent to the address that was given, and is in no error; no
// answer takes more memory than its bound; every failure is one of the types of this
// package, and says what happened without a URL's secrets: an [AddressError], an
// [UnreachableError], a [BrokenError], a [ForeignError] or a [ProblemError].
package client
