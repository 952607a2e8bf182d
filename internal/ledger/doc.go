// Package ledger keeps the books in memory: what every share was worth, by
// worker, by pool and by route, our verdict and the pool's beside it, what was
// lost and why, and what was done over the last minute, ten minutes, hour and
// day.
//
// It does not know miners, links, protocols, HTTP or disks. Whoever judges a
// share holds the [WorkerBook], [PoolBook] and [RouteBook] and calls
// [Ledger.Record]; when the miner leaves, [Ledger.Release]. Whoever keeps shares
// for longer is told of each, see [Config].
//
// Invariants:
//   - Record takes no lock and allocates nothing, and any number of goroutines
//     may call it: an entry goes into a queue of its worker's, and is booked by
//     [Ledger.Tick] or by whoever reads next. Only where that queue is full,
//     which takes hundreds of thousands of shares a second, does Record book
//     what is in it itself. No entry is lost.
//   - What was booked by workers, by pools, by routes and in total is the same.
//     Amounts are exact.
//   - Windows are differences of cumulative sums sampled by [Ledger.Tick]. A
//     hashrate is divided by the time that its work really took, so a young
//     window is neither high nor low.
//   - Memory is bounded: at most Config.MaxWorkers books of [BookBytes]
//     bytes; later logins share the book [OtherWorker], unless a worker has handed
//     in nothing for a week and nobody is it: what it did goes there then, and
//     its book to the newcomer. A book in which no
//     share was booked is there only while somebody holds it.
package ledger
