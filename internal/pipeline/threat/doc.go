// Package threat is the middleware that tells a machine with a fault, and a
// stranger who tries something, from a miner, and answers in proportion.
//
// Each connection has a score. What is wrong with what it sends adds to it, each
// kind with a weight: malformed lines, unknown methods before the first login,
// refused logins, invalid, duplicate, unknown and far too easy shares, shares of
// nobody, and holds by the rate limit (once a second at the most). Good shares take
// away from it, and it halves with every half-life. At three thresholds:
//
//   - [Config.Slow]: the reader is held after each line, 50 ms at the threshold
//     and in proportion above it, 2 s at the most;
//   - [Config.Refuse]: its shares are refused with error 20, but for blocks
//     ([mining.Request.Doubted]): those always go on;
//   - [Config.Close]: the connection ends as misbehaved, and the [Standing] is
//     told, who may remember it.
//
// What is excused is no offence ([mining.Answer.Excused]): a login of who is banned or
// paused, a share that was worth its difficulty and that a pool refused. Nor is what
// miners do: a stale share counts nothing, ever. Within
// [Config.Grace] of its first line a connection may hand in the shares of the one
// before (cgminer resends up to two minutes of them), and within it after a change
// of difficulty shares of the difficulty before: unknown jobs, duplicates and easy
// shares then count a tenth. One good share makes up for two easy ones, so that a
// machine with a bad board is known by its rejects and not thrown out; a stranger would
// have to mine to be let. A connection that says nothing, or subscribes, logs in and goes,
// as health checkers and the probes of Bitaxe do, has a score of nothing.
//
// It is the first in the chain, for it looks at every answer. The score is owned
// by the goroutine that reads the connection; what readers of snapshots see is a
// copy. A share allocates nothing and takes no lock. It does not know addresses,
// bans or what a share is.
package threat
