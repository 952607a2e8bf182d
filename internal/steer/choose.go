package steer

import "time"

// Pool is what is known of one of a route's pools when a miner is sent to one.
type Pool struct {
	// Usable says that the miner could work for it now, or is expected to
	// within moments.
	Usable bool
	// Since is when it last came back from trouble; zero if it never had any.
	Since time.Time
	// Pinned says that an operator prefers it to all others.
	Pinned bool
	// Avoid is how much it is to be avoided: it is chosen only where no usable
	// pool has less.
	Avoid Avoidance
}

// Avoidance is how much a pool is to be avoided.
type Avoidance uint8

// The reasons to avoid a pool, the worse one last.
const (
	// Good is no reason.
	Good Avoidance = iota
	// OfNoUse: it is connected and takes no shares.
	OfNoUse
	// Drained: an operator wants its miners elsewhere.
	Drained
)

// Choose returns the index of the pool that a miner should be at, of a route's
// pools in the order of preference, or -1 where none is usable. at is where it
// is, -1 for a miner that is nowhere yet. A pinned pool is preferred to those
// before it, and else treated as any other.
//
// A miner stays at a usable pool until a better one has been usable for hold:
// one that comes and goes must not take the miners along each time. Who has to
// go goes to the first that has been usable for hold, else to the first that
// is.
func Choose(pools []Pool, at int, now time.Time, hold time.Duration) int {
	first, avoid := -1, Drained
	for _, p := range pools {
		if p.Usable {
			avoid = min(avoid, p.Avoid)
		}
	}
	for _, pinned := range [...]bool{true, false} {
		for i, p := range pools {
			switch {
			case !p.Usable, p.Avoid > avoid, p.Pinned != pinned:
				continue
			case i == at, now.Sub(p.Since) >= hold:
				return i
			case first < 0:
				first = i
			}
		}
	}
	return first
}
