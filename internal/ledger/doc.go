// Package ledger keeps the books in memory: what every share was worth, by
// worker and by pool, our verdict and the pool's beside it, and hashrates
// over the last minute, ten minutes, hour and day.
//
// It does not know miners, links, protocols or HTTP. Whoever judges a share
// holds the [WorkerBook] and [PoolBook] and calls [Ledger.Record]; when the
// miner leaves, [Ledger.Release].
//
// Invariants:
//   - Record takes no lock (but for a book that was dropped), allocates
//     nothing and may be called from any number of goroutines. Counters only
//     grow.
//   - What was booked by workers, by pools and in total is the same.
//   - Windows are differences of cumulative sums sampled by [Ledger.Tick];
//     only readers take the lock that guards the samples. A hashrate is
//     divided by the time that its work really took, so a young window is
//     neither high nor low.
//   - Memory is bounded: at most Config.MaxWorkers books of [BookBytes]
//     bytes; later logins share the book [OtherWorker]. A book in which no
//     share was booked is there only while somebody holds it, and is not
//     saved.
package ledger
