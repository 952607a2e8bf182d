package steer

import (
	"cmp"
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
	// mostDebt is which part of its share a part can be given more or less for what
	// it is owed, where there are many miners.
	mostDebt = 0.5
	// maxMoves bounds how many members one decision evens out.
	maxMoves = 256
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
	p := plan{members: members, parts: parts, rates: make([]float64, len(members)), at: make([]int, len(members)), want: make([]float64, len(parts))}
	total, largest := 0.0, 0.0
	for i, m := range members {
		p.rates[i] = m.Hashrate / hashesPerShare * horizon.Seconds()
		total += p.rates[i]
		largest = max(largest, p.rates[i])
	}
	s.retarget(parts, total)
	pay := leastGain
	if total > 0 {
		pay = min(max(gain*largest/total, leastGain), 1)
	} else { // nothing is known: by their number
		for i := range p.rates {
			p.rates[i] = 1
		}
		total = float64(len(members))
	}
	for i := range parts {
		aim := s.targets[i] * total
		debt := pay * s.owed[i]
		if pay < 1 { // of many, no part goes without for what it had too much
			debt = min(max(debt, -mostDebt*aim), mostDebt*aim)
		}
		p.want[i] = aim + debt
	}
	for i, m := range members {
		p.at[i] = m.Part
		if m.Part >= 0 {
			p.want[m.Part] -= p.rates[i]
		}
	}
	p.house()
	for range min(len(members), maxMoves) {
		if !p.even(now) {
			break
		}
	}
	return p.moves
}

// plan is a decision in the making.
type plan struct {
	members []Member
	parts   []Part
	// rates are what the members do within the horizon, in difficulty-1 shares;
	// at is where they will be.
	rates []float64
	at    []int
	// want is what is missing at each part within the horizon.
	want  []float64
	moves []Move
}

func (p *plan) place(i, to int) {
	if p.at[i] >= 0 {
		p.want[p.at[i]] += p.rates[i]
	}
	p.want[to] -= p.rates[i]
	p.at[i] = to
	p.moves = append(p.moves, Move{i, to})
}

// house places those who are nowhere, or where nobody can work, the largest
// first.
func (p *plan) house() {
	var homeless []int
	for i, at := range p.at {
		if at < 0 || !p.parts[at].Usable {
			homeless = append(homeless, i)
		}
	}
	slices.SortStableFunc(homeless, func(a, b int) int { return cmp.Compare(p.rates[b], p.rates[a]) })
	for _, i := range homeless {
		if _, to := p.extremes(); to >= 0 {
			p.place(i, to)
		}
	}
}

// even sends one member from the part that has most too much to the one that
// has most too little, the one that fits best. It is false if that makes nothing
// better.
func (p *plan) even(now time.Time) bool {
	from, to := p.extremes()
	if from < 0 || from == to {
		return false
	}
	best, gap := -1, p.want[to]-p.want[from]
	for i, m := range p.members {
		if p.at[i] != from || m.Part != from || now.Sub(m.Moved) < MoveEvery || p.rates[i] <= 0 || p.rates[i] >= gap {
			continue
		}
		if best < 0 || math.Abs(p.rates[i]-gap/2) < math.Abs(p.rates[best]-gap/2) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	p.place(best, to)
	return true
}

// extremes are the usable parts that miss least and most, -1 where none is
// usable.
func (p *plan) extremes() (least, most int) {
	least, most = -1, -1
	for i, part := range p.parts {
		if !part.Usable {
			continue
		}
		if least < 0 || p.want[i] < p.want[least] {
			least = i
		}
		if most < 0 || p.want[i] > p.want[most] {
			most = i
		}
	}
	return least, most
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
