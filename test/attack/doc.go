// Package attack runs the real binary between a simulated pool and honest miners,
// and attacks it: each attack alone, then all of them together, then what a farm
// does by itself (one broken miner behind the address of two thousand, a power
// cycle). What the honest miners notice of it is measured, and so is what it costs.
//
// Four processes take part: the test with the pool in it; loka; the honest miners,
// one thread with an epoll; and the attackers, which the kernel holds to one core
// (sched_setaffinity), so that there is something left to defend. All is on
// loopback, where every address of 127.0.0.0/8 can be a client's, and all stops by
// itself: attackers and miners end when the test does, however that ends.
//
// A share is due by the clock, whether or not its miner is connected: the rate is
// of the shares that were due. A verdict's time is from the write of the share
// until the verdict was read. Open connections, goroutines, memory and what was
// refused for what reason are read from /proc and from /metrics.
//
// It needs Linux. The attacks run by make attack only; that the instruments measure
// what they should is tested with everything else.
package attack
