// Package turns divides a part of the processors among those who earn nothing:
// connections that are accepted, shake hands, have no worker, or say more than
// is listened to. However many of them there are, the other processors are free
// for whoever mines.
//
// It does not know what a turn is used for. Between the classes the division is
// by time, so that no flood of one keeps the others out; within a class it is by
// who came first.
//
// It matters that processors are free, and not only that turns are short: Go's
// scheduler asks the network for what has come when it has nothing else to run,
// and apart from that once in 10 ms for 128 sockets.
//
// Invariants: no more turns are held than there are; whoever waits gets one when
// those before it have given theirs back; a class that did not want any has no
// claim to what it did not use.
package turns
