// Command counts holds what a share, a job and a connection take against a baseline,
// in counts that do not depend on the machine: allocations, instructions and system
// calls. It ends with 1 where one of them has grown. Times are not its business.
//
// What is counted is internal/app's: TestCounted does each operation over the real
// sessions, pipeline, hub and books, with connections in memory and in virtual time,
// and TestCountedCalls hands shares in over loopback. This command builds them once,
// runs the first as it is and under valgrind's callgrind, and the second, which lets
// itself be traced by strace. Each operation is done two numbers of times; a count is
// the difference, so that what comes before and after is not in it.
//
// Instructions are those of a Go version and an architecture, with all that a CPU may
// have beyond the least left unused: elsewhere they are printed, and not judged.
package main
