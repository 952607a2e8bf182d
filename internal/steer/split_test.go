package steer_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/steer"
)

const hashes = 1 << 32

// farm is a split in virtual time: miners whose shares come at random, 6 a
// minute each.
type farm struct {
	// guess, if not nil, has what is known of each member's hashrate, by its shares
	// of the last half hour; else that is known.
	guess   []float64
	weight  float64
	rnd     *rand.Rand
	split   steer.Splitter
	parts   []steer.Part
	members []steer.Member
	now     time.Time
	moves   int
	// work is what each part had in each second, own what bound members did for
	// their own parts.
	work [][]float64
	own  float64
}

func newFarm(seed uint64, parts []steer.Part, rates ...float64) *farm {
	f := &farm{rnd: rand.New(rand.NewPCG(seed, 1)), parts: parts, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, r := range rates {
		f.members = append(f.members, steer.Member{Part: -1, Hashrate: r})
	}
	return f
}

// run lets seconds pass, each of which ends with a decision.
func (f *farm) run(t *testing.T, seconds int) {
	t.Helper()
	const chance = 6.0 / 60 // of a share, per second
	for range seconds {
		f.now = f.now.Add(time.Second)
		had := make([]float64, len(f.parts))
		did := make([]float64, len(f.members))
		for i, m := range f.members {
			if m.Part >= 0 && f.rnd.Float64() < chance {
				d := m.Hashrate / hashes / chance
				did[i] = d
				if own := f.parts[m.Own]; m.IsBound && (m.Part == m.Own || own.HasHeir && m.Part == own.Heir) {
					f.own += d
					continue
				}
				had[m.Part] += d
				f.split.Worked(m.Part, d)
			}
		}
		f.work = append(f.work, had)
		for _, mv := range f.split.Decide(f.known(did), f.parts, f.now) {
			m := &f.members[mv.Member]
			soon := m.Part >= 0 && f.parts[m.Part].Usable && f.now.Sub(m.Moved) < cmp.Or(f.split.MoveEvery, steer.MoveEvery) && !m.IsBound
			if soon || mv.To == m.Part || !f.parts[mv.To].Usable {
				t.Fatalf("%v moves to %d at %v", *m, mv.To, f.now)
			}
			m.Part, m.Moved = mv.To, f.now
			f.moves++
		}
	}
}

// known are the members as far as is known, given what they did in a second.
func (f *farm) known(did []float64) []steer.Member {
	if f.guess == nil {
		return f.members
	}
	const seconds = 1800
	fade := math.Exp(-1. / seconds)
	f.weight = f.weight*fade + seconds*(1-fade)
	members := slices.Clone(f.members)
	for i := range members {
		f.guess[i] = f.guess[i]*fade + did[i]*hashes
		members[i].Hashrate = f.guess[i] / f.weight
	}
	return members
}

// errors are how far the first part's share is from what it should be, in
// points, in each window of so many seconds, ascending.
func (f *farm) errors(window int, want float64) (errs []float64) {
	for end := window; end <= len(f.work); end += 7 {
		part, all := 0.0, 0.0
		for _, had := range f.work[end-window : end] {
			part += had[0]
			for _, w := range had {
				all += w
			}
		}
		errs = append(errs, math.Abs(part/all-want)*100)
	}
	slices.Sort(errs)
	return errs
}

func weights(w ...float64) (parts []steer.Part) {
	for _, one := range w {
		parts = append(parts, steer.Part{Weight: one, Usable: true})
	}
	return parts
}

func equal(n int, rate float64) []float64 { return slices.Repeat([]float64{rate}, n) }

// What a split promises, whatever the shares' luck.
func TestSplitTolerances(t *testing.T) {
	const tera = 1e12
	for name, c := range map[string]struct {
		parts []steer.Part
		rates []float64
		want  float64
		// hour and ten are the most points that the first part may be off over
		// any hour, and in 95 % of all windows of ten minutes.
		hour, ten float64
		// moves is the most moves a miner and hour.
		moves float64
	}{
		"three of 1:10:100, 70:30": {weights(70, 30), []float64{tera, 10 * tera, 100 * tera}, 0.7, 1, 3, 250},
		"three of 1:10:100, 50:50": {weights(1, 1), []float64{tera, 10 * tera, 100 * tera}, 0.5, 1, 3, 250},
		"three of 1:10:100, 5:95":  {weights(5, 95), []float64{tera, 10 * tera, 100 * tera}, 0.05, 1, 3, 250},
		"one miner, 70:30":         {weights(70, 30), []float64{100 * tera}, 0.7, 1.5, 4, 250},
		"ten, 33:33:33":            {weights(1, 1, 1), equal(10, 100*tera), 1. / 3, 1, 3, 60},
		"a thousand, 70:30":        {weights(70, 30), equal(1000, 100*tera), 0.7, 0.5, 0.5, 20},
		"a thousand, 1:999":        {weights(1, 999), equal(1000, 100*tera), 0.001, 0.5, 0.5, 20},
		"500 TH/s of 11 PH/s":      {[]steer.Part{{Hashrate: 500 * tera, Usable: true}, {Weight: 1, Usable: true}}, equal(110, 100*tera), 500. / 11000, 1, 1.5, 30},
		"more than there is":       {[]steer.Part{{Hashrate: 500 * tera, Usable: true}, {Weight: 1, Usable: true}}, equal(3, 100*tera), 1, 0.01, 0.01, 1},
		"two buyers and the rest":  {[]steer.Part{{Hashrate: 200 * tera, Usable: true}, {Hashrate: 300 * tera, Usable: true}, {Weight: 1, Usable: true}}, equal(50, 20*tera), 0.2, 1, 3, 60},
	} {
		t.Run(name, func(t *testing.T) {
			seeds, hours := uint64(1), 3
			if len(c.rates) >= 1000 || racing {
				hours = 1
			}
			if os.Getenv("LOKA_THOROUGH") != "" {
				seeds, hours = 5, 5
			}
			for seed := range seeds {
				f := newFarm(seed, c.parts, c.rates...)
				f.run(t, 600) // until it has settled
				f.work = nil
				f.moves = 0
				f.run(t, hours*3600)
				hour, ten := f.errors(3600, c.want), f.errors(600, c.want)
				worst, most := hour[len(hour)-1], ten[len(ten)*95/100]
				perHour := float64(f.moves) / float64(len(c.rates)*hours)
				t.Logf("off by %.2f points over any hour, %.2f in 95 %% of ten minutes, %.1f moves a miner and hour", worst, most, perHour)
				if worst > c.hour || most > c.ten || perHour > c.moves {
					t.Errorf("want %.2f, %.2f and %.0f at the most", c.hour, c.ten, c.moves)
				}
			}
		})
	}
}

// What a split promises where a move costs so much that there is one of each miner in
// ten minutes, whatever the luck of the shares by which they are known.
func TestSplitOfRareMoves(t *testing.T) {
	const tera = 1e12
	mixed := make([]float64, 100)
	for i := range mixed {
		mixed[i] = tera * float64(10+2*i)
	}
	for name, c := range map[string]struct {
		parts []steer.Part
		rates []float64
		want  float64
		// hour is the most points that the first part may be off over any hour, moves
		// the most moves a miner and hour.
		hour, moves float64
	}{
		"a hundred, 70:30":         {weights(70, 30), equal(100, 100*tera), 0.7, 2, 1},
		"a hundred of 10 to 208":   {weights(70, 30), mixed, 0.7, 2, 1},
		"500 TH/s of 11 PH/s":      {[]steer.Part{{Hashrate: 500 * tera, Usable: true}, {Weight: 1, Usable: true}}, equal(110, 100*tera), 500. / 11000, 1, 1},
		"ten, 33:33:33":            {weights(1, 1, 1), equal(10, 100*tera), 1. / 3, 3, 6},
		"three of 1:10:100, 70:30": {weights(70, 30), []float64{tera, 10 * tera, 100 * tera}, 0.7, 15, 6},
	} {
		t.Run(name, func(t *testing.T) {
			seeds, hours := uint64(1), 2
			if racing {
				hours = 1
			}
			if os.Getenv("LOKA_THOROUGH") != "" {
				seeds, hours = 5, 5
			}
			for seed := range seeds {
				f := newFarm(seed, c.parts, c.rates...)
				f.split.MoveEvery = 10 * time.Minute
				f.guess, f.weight = make([]float64, len(c.rates)), 60
				f.run(t, 3600) // until it has settled
				f.work, f.moves = nil, 0
				f.run(t, hours*3600)
				hour := f.errors(3600, c.want)
				worst, perHour := hour[len(hour)-1], float64(f.moves)/float64(len(c.rates)*hours)
				t.Logf("off by %.2f points over any hour, %.2f in 95 %% of them, %.2f moves a miner and hour", worst, hour[len(hour)*95/100], perHour)
				if worst > c.hour || perHour > c.moves {
					t.Errorf("want %.2f and %.0f at the most", c.hour, c.moves)
				}
			}
		})
	}
}

// Miners that cannot be moved are where they are, and the others make up for it.
func TestSplitAroundTheStuck(t *testing.T) {
	f := newFarm(1, weights(70, 30), equal(20, 1e14)...)
	for i := range 5 {
		f.members[i].Part, f.members[i].Stuck = 0, true
	}
	f.run(t, 600)
	f.work = nil
	f.run(t, 3600)
	for i, m := range f.members[:5] {
		if m.Part != 0 {
			t.Errorf("miner %d was moved", i)
		}
	}
	if e := f.errors(3600, 0.7); e[0] > 1 {
		t.Errorf("off by %.2f points", e[0])
	}
}

// A part that dies loses its miners at once, to the others in proportion, and
// has its share again when it is back; what it missed is not owed.
func TestSplitWithADeadPart(t *testing.T) {
	f := newFarm(1, weights(50, 30, 20), equal(100, 1e14)...)
	f.run(t, 600)
	f.parts[1].Usable = false
	f.run(t, 1)
	for i, m := range f.members {
		if m.Part == 1 {
			t.Errorf("miner %d is still at the dead part", i)
		}
	}
	f.run(t, 60)
	f.work = nil
	f.run(t, 3600)
	if e := f.errors(3600, 50./70); e[0] > 1 {
		t.Errorf("off by %.2f points without it", e[0])
	}
	f.parts[1].Usable = true
	f.run(t, 60)
	f.work = nil
	f.run(t, 3600)
	if e := f.errors(3600, 0.5); e[0] > 1 {
		t.Errorf("off by %.2f points with it again", e[0])
	}
	f.parts = weights(0.2, 0.3, 0.5) // it is changed while it runs
	f.run(t, 60)
	f.work = nil
	f.run(t, 3600)
	if e := f.errors(3600, 0.2); e[0] > 1 {
		t.Errorf("off by %.2f points after a change", e[0])
	}
}

// Miners that a part is for are there, and what they do changes nothing for the
// others; while it is dead they are as everybody else.
func TestSplitWithOwners(t *testing.T) {
	f := newFarm(1, weights(70, 30, 0), equal(60, 1e14)...)
	for i := range 20 {
		f.members[i].IsBound, f.members[i].Own = true, 2
	}
	f.members[20].IsBound, f.members[20].Own = true, 1 // a part by weight has one of its own, too
	at := func() (own, strangers int) {
		for i, m := range f.members {
			switch {
			case i <= 20 && m.Part == m.Own:
				own++
			case m.Part == 2:
				strangers++
			}
		}
		return own, strangers
	}
	f.run(t, 600)
	f.work, f.own = nil, 0
	f.run(t, 3600)
	if own, strangers := at(); own != 21 || strangers != 0 {
		t.Errorf("%d of 21 are at their own part, %d others at one that is not theirs", own, strangers)
	}
	e, each := f.errors(3600, 0.7), f.own/3600/21*hashes/1e14
	if t.Logf("off by %.2f points, the bound did %.3f of what they can", e[0], each); e[0] > 1 || math.Abs(each-1) > 0.02 {
		t.Errorf("off by %.2f points, the bound did %.3f of what they can", e[0], each)
	}

	f.parts[2].Usable = false
	f.run(t, 60)
	f.work = nil
	f.run(t, 3600)
	if own, _ := at(); own != 1 || f.errors(3600, 0.7)[0] > 1 {
		t.Errorf("without their part %d are at it, off by %.2f points", own-1, f.errors(3600, 0.7)[0])
	}
	f.parts[2].Usable = true
	f.run(t, 1)
	if own, strangers := at(); own != 21 || strangers != 0 {
		t.Errorf("it is back: %d of 21 are at their own part, %d others at one that is not theirs", own, strangers)
	}
	f.parts[0].Usable, f.parts[1].Usable = false, false
	f.run(t, 1)
	if own, strangers := at(); own != 20 || strangers != 40 {
		t.Errorf("there is no other: %d and %d are at the part of some", own, strangers)
	}
}

// What a dead part should have goes to its heir, its own miners too; nobody else
// has more or less for it.
func TestSplitWithAnHeir(t *testing.T) {
	f := newFarm(1, weights(50, 30, 20), equal(100, 1e14)...)
	f.parts[2].Heir, f.parts[2].HasHeir = 1, true
	for i := range 10 {
		f.members[i].IsBound, f.members[i].Own = true, 2
	}
	home := func(part int) (n int) {
		for _, m := range f.members[:10] {
			if m.Part == part {
				n++
			}
		}
		return n
	}
	f.run(t, 600)
	f.parts[2].Usable = false
	f.run(t, 1)
	if n := home(1); n != 10 {
		t.Errorf("%d of 10 of the dead part's own are with its heir", n)
	}
	f.run(t, 60)
	f.work, f.own = nil, 0
	f.run(t, 3600)
	if e := f.errors(3600, 0.5); e[0] > 1 || math.Abs(f.own/3600/10*hashes/1e14-1) > 0.03 {
		t.Errorf("off by %.2f points without it", e[0])
	}
	f.parts[1].Usable = false // and its heir
	f.run(t, 1)
	if n := home(0); n != 10 {
		t.Errorf("%d of 10 are with the last part", n)
	}
	f.parts[1].Usable, f.parts[2].Usable = true, true
	f.run(t, 600)
	if n := home(2); n != 10 {
		t.Errorf("%d of 10 are at their own part again", n)
	}
	f.work = nil
	f.run(t, 3600)
	if e := f.errors(3600, 0.5); e[0] > 1 {
		t.Errorf("off by %.2f points with all", e[0])
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		parts []steer.Part
		total float64
		want  string
	}{
		{weights(70, 30), 100, "[0.7 0.3]"},
		{weights(7, 3), 0, "[0.7 0.3]"},
		{[]steer.Part{{Weight: 1}, {Weight: 1, Usable: true}}, 100, "[0 1]"},
		{[]steer.Part{{Weight: 1}}, 100, "[0]"},
		{[]steer.Part{{Hashrate: 25, Usable: true}, {Weight: 1, Usable: true}}, 100, "[0.25 0.75]"},
		{[]steer.Part{{Hashrate: 25, Usable: true}, {Weight: 1, Usable: true}}, 20, "[1 0]"},
		{[]steer.Part{{Hashrate: 25, Usable: true}, {Hashrate: 75, Usable: true}}, 200, "[0.25 0.75]"},
		{[]steer.Part{{Hashrate: 25, Usable: true}, {Hashrate: 75, Usable: true}, {Weight: 1, Usable: true}}, 200, "[0.125 0.375 0.5]"},
		{[]steer.Part{{Hashrate: 25, Usable: true}, {Weight: 1}}, 200, "[1 0]"},
		{weights(7, 3, 0), 100, "[0.7 0.3 0]"},
		{[]steer.Part{{Weight: 1}, {Usable: true}, {Usable: true}}, 100, "[0 0.5 0.5]"},
		{[]steer.Part{{Weight: 30, HasHeir: true, Heir: 1}, {Weight: 20, Usable: true}, {Weight: 50, Usable: true}}, 100, "[0 0.5 0.5]"},
		{[]steer.Part{{Weight: 30, HasHeir: true, Heir: 1}, {Weight: 20}, {Weight: 50, Usable: true}}, 100, "[0 0 1]"},
		{[]steer.Part{{Hashrate: 25, HasHeir: true, Heir: 2}, {Weight: 50, Usable: true}, {Weight: 50, Usable: true}}, 100, "[0 0.375 0.625]"},
		{[]steer.Part{{Weight: 1, HasHeir: true, Heir: 1}, {Usable: true}, {Usable: true}}, 100, "[0 1 0]"},
		{[]steer.Part{{HasHeir: true, Heir: 1}, {Usable: true}}, 100, "[0 1]"},
		{nil, 100, "[]"},
	} {
		if got := fmt.Sprint(steer.Targets(c.parts, c.total)); got != c.want {
			t.Errorf("%v of %v: %s, want %s", c.parts, c.total, got, c.want)
		}
	}
}

// Whatever comes, a decision moves nobody twice, to nowhere or to where it is,
// and leaves nobody at a part that is not usable while another is.
func TestSplitDecisionsAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s steer.Splitter
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		members := make([]steer.Member, rapid.IntRange(0, 12).Draw(t, "members"))
		for i := range members {
			members[i] = steer.Member{Part: -1, Hashrate: rapid.SampledFrom([]float64{0, 1, 1e9, 1e14, 1e15}).Draw(t, "rate")}
		}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			parts := make([]steer.Part, rapid.IntRange(1, 4).Draw(t, "parts"))
			usable := false
			for i := range parts {
				parts[i].Usable = rapid.Bool().Draw(t, "usable")
				usable = usable || parts[i].Usable
				parts[i].HasHeir, parts[i].Heir = rapid.Bool().Draw(t, "has an heir"), rapid.IntRange(0, len(parts)-1).Draw(t, "heir")
				switch rapid.IntRange(0, 2).Draw(t, "asks") {
				case 0:
					parts[i].Weight = rapid.Float64Range(0.001, 100).Draw(t, "weight")
				case 1:
					parts[i].Hashrate = rapid.Float64Range(1, 1e16).Draw(t, "hashrate")
				}
			}
			asks := slices.ContainsFunc(parts, func(p steer.Part) bool { return p.Usable && p.Weight+p.Hashrate > 0 })
			for i := range members {
				if members[i].Part >= len(parts) {
					members[i].Part = -1
				}
				members[i].Stuck = rapid.IntRange(0, 3).Draw(t, "stuck") == 0
				members[i].IsBound, members[i].Own = rapid.Bool().Draw(t, "bound"), rapid.IntRange(0, len(parts)-1).Draw(t, "own")
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			s.Worked(rapid.IntRange(0, 4).Draw(t, "part"), rapid.Float64Range(0, 1e9).Draw(t, "work"))
			moved := map[int]bool{}
			for _, mv := range s.Decide(members, parts, now) {
				m := &members[mv.Member]
				if moved[mv.Member] || m.Stuck || mv.To == m.Part || !parts[mv.To].Usable {
					t.Fatalf("%+v is moved to %d, again %t", *m, mv.To, moved[mv.Member])
				}
				moved[mv.Member] = true
				m.Part, m.Moved = mv.To, now
			}
			inherits := func(i int) bool {
				return slices.ContainsFunc(parts, func(p steer.Part) bool { return p.HasHeir && p.Heir == i && !p.Usable })
			}
			for i, m := range members {
				switch {
				case !usable, m.Stuck:
				case m.Part < 0, !parts[m.Part].Usable, m.IsBound && parts[m.Own].Usable && m.Part != m.Own:
					t.Fatalf("member %d is left at %d", i, m.Part)
				case asks && parts[m.Part].Weight+parts[m.Part].Hashrate == 0 && (!m.IsBound || m.Part != m.Own) && !inherits(m.Part):
					t.Fatalf("member %d is at %d, which is for others only", i, m.Part)
				}
			}
			sum := 0.0
			for _, target := range s.Targets() {
				sum += target
			}
			if usable != (math.Abs(sum-1) < 1e-9) {
				t.Fatalf("targets %v of %+v", s.Targets(), parts)
			}
		}
	})
}

// Who is settled has nothing left to even out, who is stuck stays, who is bound is
// with its own, and all others are at parts that are usable.
func TestSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts, usable := make([]steer.Part, rapid.IntRange(1, 4).Draw(t, "parts")), 0
		for i := range parts {
			p := steer.Part{Usable: rapid.Bool().Draw(t, "usable")}
			if rapid.Bool().Draw(t, "by hashrate") {
				p.Hashrate = rapid.Float64Range(1, 1e15).Draw(t, "hashrate")
			} else {
				p.Weight = rapid.Float64Range(0.1, 100).Draw(t, "weight")
			}
			if p.Usable {
				usable++
			}
			parts[i] = p
		}
		members := make([]steer.Member, rapid.IntRange(0, 700).Draw(t, "members"))
		for i := range members {
			m := steer.Member{Part: rapid.IntRange(-1, len(parts)-1).Draw(t, "part"), Hashrate: float64(rapid.IntRange(0, 300).Draw(t, "TH/s")) * 1e12, Moved: time.Now()}
			m.Stuck = m.Part >= 0 && rapid.IntRange(0, 9).Draw(t, "stuck") == 0
			if m.IsBound = rapid.IntRange(0, 9).Draw(t, "bound") == 0; m.IsBound {
				m.Own = rapid.IntRange(0, len(parts)-1).Draw(t, "own")
			}
			members[i] = m
		}
		at := steer.Settle(members, parts)
		if len(at) != len(members) {
			t.Fatalf("%d of %d", len(at), len(members))
		}
		settled := slices.Clone(members)
		for i, m := range members {
			switch to := at[i]; {
			case m.Stuck && to != m.Part:
				t.Errorf("one that is stuck at %d comes to %d", m.Part, to)
			case m.Stuck, usable == 0:
			case to < 0 || !parts[to].Usable:
				t.Errorf("one comes to %d, which is of no use", to)
			case m.IsBound && parts[m.Own].Usable && to != m.Own:
				t.Errorf("one of %d comes to %d", m.Own, to)
			}
			settled[i].Part, settled[i].Moved = at[i], time.Time{}
		}
		var s steer.Splitter
		if moves := s.Decide(settled, parts, time.Unix(0, 0)); len(moves) > 0 {
			t.Errorf("%d moves are left, such as %+v of %+v", len(moves), moves[0], settled[moves[0].Member])
		}
	})
}
