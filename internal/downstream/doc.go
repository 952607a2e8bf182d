// Package downstream holds what a miner talks to: its session, as a pure
// state machine.
//
// A session translates between a miner's wire and the neutral words of
// [mining]: a line becomes at most one [mining.Request], an answer to it
// becomes a reply, work becomes the notifications that this miner needs. It
// decides everything that follows from the protocol alone (what is legal
// when, which form a reply has, what may stand between a request and its
// reply) and nothing else: whether a share counts, who may mine and at which
// difficulty is the house's to say.
//
// It knows no socket, clock, log, metric or goroutine; the time is an
// argument and what is to be sent is appended to an [Out]. Its whole state is
// one plain struct. It is driven by one goroutine at a time.
//
// Invariants:
//   - Replies leave in the order of their requests, each carrying the bytes
//     of its request's id as they came; every request whose id is not null
//     gets exactly one.
//   - Nothing unsolicited leaves between a configure, subscribe or authorize
//     and its reply.
//   - A submit that reaches the house is of a worker that this connection
//     authorized, has a job id of our making and an extranonce2 of the size
//     told. Shares refused before that are in [Out.Refused]. Version bits are
//     passed on as they came.
//   - A job id is sent once, a difficulty that is not positive and finite never.
//   - No input can panic the session or make it keep more than its
//     [Config] allows; the submit path does not allocate.
package downstream
