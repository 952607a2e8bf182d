package steer

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/work"
)

const (
	// MoveEvery is the least time between two moves of one miner, where a [Splitter]
	// does not say another, and for how long ahead it plans.
	MoveEvery = 10 * time.Second
	// gain is how much of what the largest miner's part of all is of a deficit is
	// made good within the horizon: few miners have to be sent to and fro, of many
	// a few are enough. leastGain is the least of it.
	gain, leastGain = 2, 0.1
	// mostDebt is which part of its share a part can be given more or less for what
	// it is owed, where there are many miners.
	mostDebt = 0.5
	// maxMoves bounds how many members one decision evens out.
	maxMoves = 256
	// memory is how long a deficit is owed at most: so much of the work of all. Where
	// moves are rare it is memoryMoves of their times.
	memory      = 10 * time.Minute
	memoryMoves = 6
)

// Splitter keeps what the parts of a split have had against what they should
// have had. Its zero value is ready for any number of parts. It is not safe for
// concurrent use.
type Splitter struct {
	// MoveEvery is the least time between two moves of one miner, 0 for the default:
	// what costs more is to be done less often. The longer, the further the parts
	// are from the targets for as long.
	MoveEvery time.Duration

	targets []float64
	// owed is the work that each part should have had and has not, in
	// difficulty-1 shares.
	owed []float64
}

// Targets is what each part should have of what is divided, in parts of 1, as of
// the last decision.
func (s *Splitter) Targets() []float64 { return s.targets }

// Worked books accepted work, in difficulty-1 shares, for a part: that of members
// who are bound to it, or to one that it is the heir of, does not count.
func (s *Splitter) Worked(part int, done float64) {
	for i, target := range s.targets {
		s.owed[i] += target * done
	}
	if part < len(s.owed) {
		s.owed[part] -= done
	}
}

// Member is a miner of a split.
type Member struct {
	// Part is where it is, -1 nowhere yet.
	Part int
	// Own is the part that is for this member, if IsBound: it is there, or at that
	// one's heir, while either is usable, whatever the parts should have, and counts
	// for none of them.
	Own     int
	IsBound bool
	// Hashrate is its estimate, in H/s.
	Hashrate float64
	// Moved is when it was sent there.
	Moved time.Time
	// Stuck says that it cannot be moved now.
	Stuck bool
}

// Move sends a member to another part.
type Move struct{ Member, To int }

// Decide says which members should be sent elsewhere now, at most one move
// each: so that what they do within the next seconds, and what the parts are
// owed, comes to the targets. A member is not moved within MoveEvery of its
// last move, unless its part is not usable, or another is its own.
func (s *Splitter) Decide(members []Member, parts []Part, now time.Time) []Move {
	return s.decide(members, parts, now, maxMoves)
}

// decide evens out most members at the most.
func (s *Splitter) decide(members []Member, parts []Part, now time.Time, most int) []Move {
	p := begin(members, parts, cmp.Or(s.MoveEvery, MoveEvery))
	s.retarget(parts, &p)
	for i, part := range parts {
		p.open[i] = part.Usable && (part.asks() || s.targets[i] > 0)
	}
	pay := leastGain
	if p.total > 0 {
		pay = min(max(gain*p.largest/p.total, leastGain), 1)
	} else { // nothing is known: by their number
		for i := range p.rates {
			p.rates[i] = 1
		}
		p.total = float64(len(p.free))
	}
	for i := range parts {
		aim := s.targets[i] * p.total
		debt := pay * s.owed[i]
		if pay < 1 { // of many, no part goes without for what it had too much
			debt = min(max(debt, -mostDebt*aim), mostDebt*aim)
		}
		p.want[i] = aim + debt
	}
	for i, at := range p.at {
		if at >= 0 {
			p.want[at] -= p.rates[i]
		}
	}
	p.house()
	for range min(len(p.free), most) {
		if !p.even(now) {
			break
		}
	}
	return p.moves
}

// plan is a decision in the making.
type plan struct {
	members []Member
	// horizon is for how long ahead it is, and no member moves twice in it.
	horizon time.Duration
	// open says which parts are for members who are not bound.
	open []bool
	// free are the members who are not bound; rates are what they do within the
	// horizon, in difficulty-1 shares, total all of them and largest the most; at is
	// where they will be.
	free           []int
	rates          []float64
	total, largest float64
	at             []int
	// want is what is missing at each part within the horizon.
	want []float64
	// movable are the free members of each part that may be sent elsewhere, once that
	// was asked.
	movable [][]mover
	moves   []Move
}

// mover is a free member, by its index, and what it does within the horizon.
type mover struct {
	i    int
	rate float64
}

// begin is a plan in which those who are bound go to their own parts.
func begin(members []Member, parts []Part, horizon time.Duration) plan {
	p := plan{members: members, horizon: horizon, open: make([]bool, len(parts)), want: make([]float64, len(parts)), movable: make([][]mover, len(parts))}
	for i, m := range members {
		if m.IsBound {
			if own, ok := Stands(parts, m.Own); ok && (!m.Stuck || m.Part == own) {
				if m.Part != own {
					p.moves = append(p.moves, Move{i, own})
				}
				continue
			}
		}
		rate := work.Done(m.Hashrate, horizon)
		p.free, p.rates, p.at = append(p.free, i), append(p.rates, rate), append(p.at, m.Part)
		p.total += rate
		p.largest = max(p.largest, rate)
	}
	return p
}

func (p *plan) place(i, to int) {
	if p.at[i] >= 0 {
		p.want[p.at[i]] += p.rates[i]
	}
	p.want[to] -= p.rates[i]
	p.at[i] = to
	p.moves = append(p.moves, Move{p.free[i], to})
}

// house places those who are nowhere, or where they cannot work, the largest first.
func (p *plan) house() {
	var homeless []int
	for i, at := range p.at {
		if (at < 0 || !p.open[at]) && !p.members[p.free[i]].Stuck {
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
	gap := p.want[to] - p.want[from]
	movers := p.movers(from, now)
	// The one that fits best is one of the two next to half of what is missing.
	best, _ := slices.BinarySearchFunc(movers, gap/2, func(m mover, rate float64) int { return cmp.Compare(m.rate, rate) })
	if best == len(movers) || best > 0 && (movers[best].rate >= gap || gap/2-movers[best-1].rate <= movers[best].rate-gap/2) {
		best--
	}
	if best < 0 || movers[best].rate >= gap {
		return false
	}
	p.place(movers[best].i, to)
	p.movable[from] = slices.Delete(movers, best, best+1)
	return true
}

// movers are the free members that may be sent from a part, by their rates. They are
// looked for once: of many thousands it is hundreds that are sent one by one.
func (p *plan) movers(from int, now time.Time) []mover {
	if p.movable[from] == nil {
		p.movable[from] = []mover{}
		for i, of := range p.free {
			m := &p.members[of]
			if p.at[i] == from && m.Part == from && !m.Stuck && now.Sub(m.Moved) >= p.horizon && p.rates[i] > 0 {
				p.movable[from] = append(p.movable[from], mover{i, p.rates[i]})
			}
		}
		slices.SortStableFunc(p.movable[from], func(a, b mover) int { return cmp.Compare(a.rate, b.rate) })
	}
	return p.movable[from]
}

// extremes are the open parts that miss least and most, -1 where none is open.
func (p *plan) extremes() (least, most int) {
	least, most = -1, -1
	for i, open := range p.open {
		if !open {
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
func (s *Splitter) retarget(parts []Part, p *plan) {
	if len(s.owed) != len(parts) {
		s.owed = make([]float64, len(parts))
	}
	s.targets = Targets(parts, work.Hashrate(p.total, p.horizon))
	most := p.total * max(memory.Seconds()/p.horizon.Seconds(), memoryMoves)
	for i, part := range parts {
		if !part.Usable {
			s.owed[i] = 0 // others have had it
		}
		s.owed[i] = min(max(s.owed[i], -most*s.targets[i]), most*s.targets[i])
	}
}

// Settle says at which part each member comes to be by itself, where the parts are
// owed nothing, nothing else changes, and how long ago somebody was moved does not
// matter; -1 is nowhere, for no part is usable.
func Settle(members []Member, parts []Part) (at []int) {
	members = slices.Clone(members)
	for i := range members {
		members[i].Moved = time.Time{}
	}
	var s Splitter
	for range 8 { // once is enough, but for some that fit better elsewhere then
		moves := s.decide(members, parts, time.Unix(0, 0), len(members))
		if len(moves) == 0 {
			break
		}
		for _, mv := range moves {
			members[mv.Member].Part = mv.To
		}
	}
	for _, m := range members {
		at = append(at, m.Part)
	}
	return at
}
