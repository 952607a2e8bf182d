// Package serve drives one downstream session over one wire: it feeds lines
// to the session, walks its requests through the pipeline and puts replies
// and work on the connection.
//
// It does not know pools, jobs or who decides; requests go to a
// [pipeline.Handler], and what comes later comes through the methods of
// [Conn].
//
// Invariants: the session is used under one mutex, which is never held while
// a request walks the pipeline. Under it lines are handed to the wire, which
// keeps their order and never waits for the socket. What the
// session says during one read leaves in one write. While a handshake
// request waits for its answer the reader waits with it, so that nothing can
// overtake; a close or the answer's deadline ends the wait. An answer may hold the
// reader for a while, too (a hold): answers and work go out meanwhile. What never
// became a request is told to the [Watch], by the goroutine that reads.
package serve
