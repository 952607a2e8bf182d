package cli

import "runtime"

// fewProcessors is where it matters that one is spare.
const fewProcessors = 4

// spareProcessor gives a machine of few processors one more than it has, unless
// somebody else has said how many (GOMAXPROCS). The scheduler asks the network for what
// has come when a processor has nothing to do, and apart from that once in 10 ms for 128
// sockets: while an attack, the books and the garbage collector keep the two of a small
// machine busy, shares would wait for that. The system divides what there is.
func spareProcessor(environ func(string) (string, bool)) {
	if said, _ := environ("GOMAXPROCS"); said != "" {
		return
	}
	runtime.SetDefaultGOMAXPROCS() // so that twice is as once
	if n := runtime.GOMAXPROCS(0); n <= fewProcessors {
		runtime.GOMAXPROCS(n + 1)
	}
}
