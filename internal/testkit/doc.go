// Package testkit has what tests of several packages share: connections in
// memory that behave as sockets do where it matters (deadlines, half close,
// reset, bounded buffers), and misbehave on request.
//
// Besides that it makes certificates. What is real is in folders of its own: pg is a
// PostgreSQL, process is programs, turns measures.
//
// Nothing here touches a real socket, and every wait is a condition variable
// or a timer, so that it all runs in virtual time inside a testing/synctest
// bubble.
package testkit
