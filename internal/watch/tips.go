package watch

import (
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// recentTips is how many of the latest blocks of a pool are remembered.
const recentTips = 8

// tip is which block a pool's work follows.
type tip struct {
	known  bool
	hash   work.Hash
	height uint32 // of the block that is worked on; 0 is not known
	nbits  work.NBits
	since  time.Time
	// before are the blocks before it, the latest last.
	before []work.Hash
	// Since when the pool lags, is alone, and differs; zero is that it does not.
	lags, alone, differs time.Time
}

// knows says whether the pool is at a block or was lately.
func (t *tip) knows(hash work.Hash) bool { return t.hash == hash || slices.Contains(t.before, hash) }

// moved notes which block a job is on. mu is held.
func (p *Pool) moved(job *mining.Job, now time.Time) {
	t := &p.at
	t.height, t.nbits = job.Height, job.NBits
	if t.known && t.hash == job.PrevHash {
		return
	}
	if t.known {
		if t.before = append(t.before, t.hash); len(t.before) > recentTips {
			t.before = slices.Delete(t.before, 0, 1)
		}
	}
	t.known, t.hash, t.since = true, job.PrevHash, now
}

// Tips compares the blocks that pools are on. Its zero value is ready.
type Tips struct {
	mu sync.Mutex
	// kin are pairs of pools that were on one block: of one coin.
	kin map[[2]*Pool]bool
}

// seen is a pool and where it is.
type seen struct {
	tip

	pool *Pool
}

// Judge compares the pools that there are, each once, as far as they are connected.
func (ts *Tips) Judge(pools []*Pool, now time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	all := make([]seen, 0, len(pools))
	for _, p := range pools {
		p.mu.Lock()
		if p.at.known && !p.away {
			all = append(all, seen{p.at, p})
			all[len(all)-1].before = slices.Clone(p.at.before)
		} else {
			p.stands(time.Time{}, time.Time{}, time.Time{}, now)
		}
		p.mu.Unlock()
	}
	ts.relate(all, pools)
	for i := range all { // who lags is nobody to go by for the others
		all[i].lags = began(ts.behind(all, i), all[i].lags, now)
	}
	for i := range all {
		all[i].alone = began(ts.aside(all, i), all[i].alone, now)
		all[i].differs = began(odd(all, i), all[i].differs, now)
	}
	for i := range all {
		one := &all[i]
		p := one.pool
		p.mu.Lock()
		p.stands(one.lags, one.alone, one.differs, now)
		p.mu.Unlock()
	}
}

// stands notes since when the pool lags, is alone and differs. mu is held.
func (p *Pool) stands(lags, alone, differs, now time.Time) {
	p.at.lags, p.at.alone, p.at.differs = lags, alone, differs
	p.values[indexOf(TipLag)] = lasted(lags, now)
	p.values[indexOf(TipAlone)] = lasted(alone, now)
	p.values[indexOf(OtherCoin)] = lasted(differs, now)
	p.behind.see(lasted(lags, now), tenMinutes, now)
	p.alone.see(lasted(alone, now), tenMinutes, now)
}

// Astray is for how long at a time, of the last 10 to 20 minutes, the pool lagged behind
// most others, and was on a block that nobody else knows: the longest of each, whatever
// the thresholds are.
func (p *Pool) Astray(now time.Time) (behind, alone time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seconds := func(of *peak) time.Duration { return time.Duration(of.most(tenMinutes, now) * float64(time.Second)) }
	return seconds(&p.behind), seconds(&p.alone)
}

// began is since when something is so.
func began(is bool, since, now time.Time) time.Time {
	switch {
	case !is:
		return time.Time{}
	case since.IsZero():
		return now
	}
	return since
}

// lasted is how long something has been so, in seconds.
func lasted(since, now time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return now.Sub(since).Seconds()
}

// relate notes which pools are of one coin, and forgets those that are no more.
func (ts *Tips) relate(all []seen, pools []*Pool) {
	kin := make(map[[2]*Pool]bool)
	for pair := range ts.kin {
		if slices.Contains(pools, pair[0]) && slices.Contains(pools, pair[1]) {
			kin[pair] = true
		}
	}
	for i := range all {
		for j := range i {
			if all[i].hash == all[j].hash && !ts.related(all[i].pool, all[j].pool) {
				kin[[2]*Pool{all[j].pool, all[i].pool}] = true
			}
		}
	}
	ts.kin = kin
}

func (ts *Tips) related(a, b *Pool) bool { return ts.kin[[2]*Pool{a, b}] || ts.kin[[2]*Pool{b, a}] }

// behind says whether most other pools of its coin have gone on from where one is.
func (ts *Tips) behind(all []seen, i int) bool {
	one, others, gone := &all[i], 0, 0
	for j := range all {
		other := &all[j]
		if j == i || other.nbits != one.nbits && !ts.related(one.pool, other.pool) {
			continue
		}
		others++
		ahead := slices.Contains(other.before, one.hash) // or it has given that block up
		if one.height > 0 && other.height > 0 && one.height != other.height {
			ahead = other.height > one.height
		}
		if ahead && other.hash != one.hash {
			gone++
		}
	}
	return 2*gone > others
}

// aside says whether one is on a block that nobody else knows, though others agree,
// or though it was on theirs before. With those who lag nobody has to agree.
func (ts *Tips) aside(all []seen, i int) bool {
	one := &all[i]
	if !one.lags.IsZero() {
		return false // it is known where it is
	}
	related := false
	at := make(map[work.Hash]int)
	for j := range all {
		other := &all[j]
		if j == i || !other.lags.IsZero() {
			continue
		}
		if other.knows(one.hash) || one.knows(other.hash) {
			return false
		}
		related = related || ts.related(one.pool, other.pool)
		at[other.hash]++
	}
	for _, n := range at {
		if n > 1 {
			return true
		}
	}
	return related
}

// odd says whether most others at the height of one have another network difficulty.
func odd(all []seen, i int) bool {
	one, others, differ := &all[i], 0, 0
	for j := range all {
		if other := &all[j]; j != i && one.height > 0 && other.height == one.height {
			others++
			if other.nbits != one.nbits {
				differ++
			}
		}
	}
	return 2*differ > others
}
