// Package relational is what the stores of SQL databases have in common: the
// questions, the payouts, who has which number, and the order in which a chunk is
// taken. What differs is a [Dialect], for texts of statements, and an [Engine],
// for what moves many rows. It knows no driver.
//
// Invariants:
//   - A chunk and the number of its last frame are written in one transaction.
//   - The numbers of names that are kept in memory are those of transactions that
//     were committed.
//   - Nothing is read from a database while a caller's function runs, so that a
//     slow one holds no transaction open.
package relational
