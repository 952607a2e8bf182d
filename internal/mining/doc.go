// Package mining is the vocabulary that every floor above the sessions
// speaks: jobs, shares, requests, verdicts and the reasons why things end.
//
// None of its words belongs to a protocol version. A downstream session
// translates what a miner says into a [Request] and an [Answer] back into
// the miner's wire form; an upstream session does the same towards a pool.
// The package knows no socket, clock, log or store.
//
// Invariants: a [Job] is immutable once it has left the upstream session
// that made it; a [Reason] and a [Verdict] have one spelling, used alike as
// log field, metric label and API word.
package mining
