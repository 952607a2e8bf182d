package mining

import "time"

// Trace follows one share or one job on its way, for whoever has asked to see where the
// time goes. Few are followed: it is nil for all others. Its methods may be called from
// any goroutine, and wait for nothing.
type Trace interface {
	// Step says that a step of the way ended at a time; it began where the one before
	// it ended.
	Step(name string, at time.Time, facts ...Fact)
	// End says that the way ended at a time. A step may still come: a pool's word on a
	// share that the miner has its answer to.
	End(at time.Time)
}

// Fact is what is known of something that is followed.
type Fact struct{ Name, Value string }
