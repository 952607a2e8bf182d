package steer

import (
	"math"
	"slices"
	"time"
)

const (
	// MoveEvery is the least time between two moves of one miner.
	MoveEvery = 10 * time.Second
	// horizon is for how long ahead a split is planned.
	horizon = 10 * time.Second
	// gain is how much of what the largest miner's part of all is of a deficit is
	// made good within the horizon: few miners have to be sent to and fro, of many
	// a few are enough. leastGain is the least of it.
	gain, leastGain = 2, 0.1
	// memory is how long a deficit is owed at most: so much of the work of all.
	memory = 10 * time.Minute
	// hashesPerShare is what a difficulty-1 share stands for.
	hashesPerShare = 1 << 32
)

// Part is one part of a split.
type Part struct {
	// Weight is the part's share of what no part asks for in hashrate, against
	// the other weights; Hashrate is what the part asks for, in H/s. One of them
	// is 0.
	Weight, Hashrate float64
	// Usable says that it can be worked for now.
	Usable bool
}

// Targets is what each part should have of a hashrate in H/s, in parts of 1:
// first what is asked for in hashrate, then by weight. What nobody asks for,
// and what is asked for by parts that are not usable, goes to the others. All
// are 0 where none is usable.
func Targets(parts []Part, total float64) []float64 {
	targets := make([]float64, len(parts))
	asked, weights := 0.0, 0.0
	for _, p := range parts {
		if p.Usable {
			asked += p.Hashrate
			weights += p.Weight
		}
	}
	fixed := 0.0
	if asked > 0 && total > 0 {
		fixed = min(asked/total, 1)
	}
	if weights == 0 && asked > 0 {
		fixed = 1 // there is nowhere else
	}
	for i, p := range parts {
		switch {
		case !p.Usable:
		case p.Hashrate > 0:
			targets[i] = fixed * p.Hashrate / asked
		case weights > 0:
			targets[i] = (1 - fixed) * p.Weight / weights
		}
	}
	return targets
}

// Splitter keeps what the parts of a split have had against what they should
// have had. Its zero value is ready for any number of parts. It is not safe for
// concurrent use.
type Splitter struct {
	targets []float64
	// owed is the work that each part should have had and has not, in
	// difficulty-1 shares.
	owed []float64
}

// Worked books accepted work, in difficulty-1 shares, for a part.
func (s *Splitter) Worked(part int, work float64) {
	for i, target := range s.targets {
		s.owed[i] += target * work
	}
	if part < len(s.owed) {
		s.owed[part] -= work
	}
}

// Member is a miner of a split.
type Member struct {
	// Part is where it is, -1 nowhere yet.
	Part int
	// Hashrate is its estimate, in H/s.
	Hashrate float64
	// Moved is when it was sent there.
	Moved time.Time
}

// Move sends a member to another part.
type Move struct{ Member, To int }

// Decide says which members should be sent elsewhere now, at most one move
// each: so that what they do within the next seconds, and what the parts are
// owed, comes to the targets. A member is not moved within [MoveEvery] of its
// last move, unless its part is not usable.
func (s *Splitter) Decide(members []Member, parts []Part, now time.Time) []Move {
	rates := make([]float64, len(members)) // difficulty-1 shares within the horizon
	total, largest := 0.0, 0.0
	for i, m := range members {
		rates[i] = m.Hashrate / hashesPerShare * horizon.Seconds()
		total += rates[i]
		largest = max(largest, rates[i])
	}
	s.retarget(parts, total)
	if total == 0 {
		return s.spread(members, parts)
	}
	want := make([]float64, len(parts)) // what is missing at each part
	pay := min(max(gain*largest/total, leastGain), 1)
	for i := range parts {
		want[i] = s.targets[i]*total + pay*s.owed[i]
	}
	at := make([]int, len(members))
	for i, m := range members {
		at[i] = m.Part
		if m.Part >= 0 {
			want[m.Part] -= rates[i]
		}
	}
	var moves []Move
	place := func(i, to int) {
		if at[i] >= 0 {
			want[at[i]] += rates[i]
		}
		want[to] -= rates[i]
		at[i] = to
		moves = append(moves, Move{i, to})
	}
	// Who has to go first, the largest before all.
	var homeless []int
	for i := range members {
		if at[i] < 0 || !parts[at[i]].Usable {
			homeless = append(homeless, i)
		}
	}
	slices.SortStableFunc(homeless, func(a, b int) int { return int(math.Copysign(1, rates[b]-rates[a])) })
	for _, i := range homeless {
		if to := most(want, parts); to >= 0 {
			place(i, to)
		}
	}
	settled := func(i int) bool { return now.Sub(members[i].Moved) < MoveEvery }
	for range members {
		from, to := least(want, parts), most(want, parts)
		if from < 0 || from == to {
			break
		}
		best, gap := -1, want[to]-want[from]
		for i := range members {
			if at[i] != from || at[i] != members[i].Part || settled(i) || rates[i] <= 0 || rates[i] >= gap {
				continue
			}
			if best < 0 || math.Abs(rates[i]-gap/2) < math.Abs(rates[best]-gap/2) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		place(best, to)
	}
	return moves
}

// retarget takes in what the parts should have from now on.
func (s *Splitter) retarget(parts []Part, total float64) {
	if len(s.owed) != len(parts) {
		s.owed = make([]float64, len(parts))
	}
	s.targets = Targets(parts, total*hashesPerShare/horizon.Seconds())
	most := total * memory.Seconds() / horizon.Seconds()
	for i, p := range parts {
		if !p.Usable {
			s.owed[i] = 0 // others have had it
		}
		s.owed[i] = min(max(s.owed[i], -most*s.targets[i]), most*s.targets[i])
	}
}

// spread places members of whom nothing is known by their number.
func (s *Splitter) spread(members []Member, parts []Part) (moves []Move) {
	want := make([]float64, len(parts))
	for i := range parts {
		want[i] = s.targets[i] * float64(len(members))
	}
	for _, m := range members {
		if m.Part >= 0 {
			want[m.Part]--
		}
	}
	for i, m := range members {
		if m.Part >= 0 && parts[m.Part].Usable {
			continue
		}
		if to := most(want, parts); to >= 0 {
			want[to]--
			moves = append(moves, Move{i, to})
		}
	}
	return moves
}

// most is the usable part that misses most, -1 where none is usable; least the
// one that misses least.
func most(want []float64, parts []Part) int {
	best := -1
	for i, p := range parts {
		if p.Usable && (best < 0 || want[i] > want[best]) {
			best = i
		}
	}
	return best
}

func least(want []float64, parts []Part) int {
	best := -1
	for i, p := range parts {
		if p.Usable && (best < 0 || want[i] < want[best]) {
			best = i
		}
	}
	return best
}
