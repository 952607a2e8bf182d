// Package wire runs one connection: it cuts what comes in into lines, keeps
// a bounded queue of what goes out, and gives the one reason why it ended.
// It knows bytes, classes and deadlines, not Stratum, JSON or sessions.
//
// Invariants:
//   - An idle connection holds no buffer and no goroutine but its reader, in
//     [Conn.Run] or of [Conn.Go]. On Linux a plain TCP connection waits in the
//     poller with nothing in hand; other connections hold one small read buffer.
//   - [Conn.Send] never blocks. What the peer does not take is queued within
//     bounds of bytes, frames and age; past one of them the connection ends
//     with slow_consumer.
//   - The order of Send calls is the order on the wire, but for a Reset, which
//     overtakes Replies that a slow peer keeps waiting.
//   - The first reason for an end wins, and everything the connection started
//     is gone when Run returns; Go's last goroutine calls done.
package wire
