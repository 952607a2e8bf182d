// Package upstream is our side of a conversation with a pool: it says what a
// miner would say and turns what the pool says into the neutral vocabulary of
// package mining.
//
// A session is a pure state machine. It is fed lines and the time and returns
// events and bytes to send; it knows no socket, clock, log or goroutine and
// is not safe for concurrent use. Its driver (package link) serialises.
//
// Invariants:
//   - The pool is not trusted: every length and range is checked before use
//     and nothing grows without a bound. What cannot be used is a [BadLine],
//     and five of those within a minute end the session.
//   - Request ids are our own, integers from 1 upward; a reply is matched by
//     id whatever its order. A reply to nothing we asked is counted and
//     ignored; a further one to a submit is told and changes nothing.
//   - The tag of each submit and each authorize gets exactly one first
//     verdict, and at most one more, marked Late, after a first verdict of
//     Unanswered.
//   - A job leaves the session only with the extranonce, difficulty and
//     version mask it belongs to, and never changes afterwards.
//   - Every line we emit is canonical (integer id, fixed-width lower-case
//     hex) and shorter than 1024 bytes, because pools close on anything else.
//   - client.reconnect is told, and never followed here; nothing that a pool says to
//     its miners (client.*) leaves this package but as an event.
package upstream
