// Package load measures a server of Stratum V1 on loopback: any number of miners
// in one thread of a process of their own, with shares that are found in a few
// hashes; a pool whose jobs come when they are told to; and, to hold a figure
// against, a server that answers without a look and a loop that does nothing but
// write.
//
// The miners are in another process because one process may not have descriptors
// enough for both ends, and so that the processor time and the memory of this one
// are the server's. They do what they are told, a line a command, and end with
// their input ([Serve]); a [Process] is such a process as its parent sees it.
//
// It does not know what it measures. All of it but the plainest is for Linux, for
// it rests on epoll and on the kernel's times of arrival.
//
// Invariants: nothing leaves loopback; a load ends with its parent; whatever it is
// told to do is bounded in time.
package load
