// Package watch notices what a pool does that should make its operator look: it pays
// somebody else than before, lags behind the others or is on a chain of its own, works
// on empty blocks, changes its mind too often, or gives credit for less than it was
// sent. Each such thing is a signal with a name, which begins and ends; [Describe]
// says what it means and what to do.
//
// A [Pool] is fed by who has the pool's connections, each of which has a [Stream];
// [Tips] compares pools with each other. What a pool usually pays, and the text that
// it signs its blocks with, are configured or learnt: a pool that pays the same for long
// enough is expected to go on so, and of one that never does nothing is expected.
//
// It knows no sockets, no clock and no log: the time is an argument, and what begins
// and ends is returned by [Pool.Tick].
//
// Invariants: a signal that has ended stays so for as long as its value is below its
// threshold, and one that has begun stays until its value was below the half of it for
// [Config.Calm]. What is kept of a pool is bounded, whatever it sends. What is done for
// a share allocates nothing and takes no lock.
package watch
