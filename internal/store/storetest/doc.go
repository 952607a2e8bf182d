// Package storetest is what every warehouse passes: the same tests, and streams of
// made-up shares whose sums are worked out here in memory. It knows no database.
package storetest
