package app

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/view"
)

const (
	// clockOff is by how much our clock, or a pool's, may differ from the others. A
	// block may be two hours ahead, but shares are refused before, and certificates,
	// history and bans go by our clock.
	clockOff = 30 * time.Second
	// jumpOff is a jump that is told, and jumpFor for how long it is.
	jumpOff = 5 * time.Second
	jumpFor = 10 * time.Minute
	// jobTimesFor is for how long a job's time counts.
	jobTimesFor = 15 * time.Minute
	// jobsToTell is how many jobs tell a pool's clock that is behind from jobs that were
	// made a while before, which oldJobs bounds.
	jobsToTell = 4
	oldJobs    = 3 * time.Minute
)

// jobTime is the time in a pool's latest job, and when it came.
type jobTime struct {
	pool     string
	ntime    time.Time
	received time.Time
}

// jobTimes are those of all pools that have given one.
func (a *App) jobTimes() []jobTime {
	var all []jobTime
	for _, p := range a.hub.Pools() {
		if facts := p.Probe.Facts; p.Probe.Known && facts.Job != nil {
			all = append(all, jobTime{p.Name, time.Unix(int64(facts.Job.NTime), 0), facts.Job.Received})
		}
		for _, l := range p.Shared {
			if job := l.Session.Job; job != nil {
				all = append(all, jobTime{p.Name, time.Unix(int64(job.NTime), 0), job.Received})
			}
		}
	}
	return all
}

// clockLook looks at the clock of this machine. Pools put their time into each job. It
// is never before that when the job was made, and often a minute after: so of what a
// pool said of late, what is the furthest ahead is nearest to its clock.
type clockLook struct {
	// ahead is by pool and the time of receipt how much a job was ahead of our clock.
	ahead map[string]map[time.Time]time.Duration
	// wall and mono are the clock, and one that nobody sets, at the look before.
	wall, mono time.Time
	// jumped is by how much the clock was set last, and jumpedAt when, by mono.
	jumped   time.Duration
	jumpedAt time.Time
}

func newClockLook() *clockLook {
	return &clockLook{ahead: make(map[string]map[time.Time]time.Duration)}
}

// at looks at the clock; now has both of its readings.
func (c *clockLook) at(now time.Time, jobs []jobTime) checks {
	c.hear(now, jobs)
	return checks{"clock": c.check(now.Round(0), now)}
}

// hear takes the times of jobs, and forgets old ones.
func (c *clockLook) hear(now time.Time, jobs []jobTime) {
	for _, j := range jobs {
		if c.ahead[j.pool] == nil {
			c.ahead[j.pool] = make(map[time.Time]time.Duration)
		}
		c.ahead[j.pool][j.received] = j.ntime.Sub(j.received.Round(0))
	}
	for pool, times := range c.ahead {
		maps.DeleteFunc(times, func(at time.Time, _ time.Duration) bool { return now.Sub(at) > jobTimesFor })
		if len(times) == 0 {
			delete(c.ahead, pool)
		}
	}
}

// offset is by how much a pool's clock is ahead of ours.
type offset struct {
	pool  string
	ahead time.Duration
}

// offsets are those of all pools, the least first.
func (c *clockLook) offsets() []offset {
	all := make([]offset, 0, len(c.ahead))
	for pool, times := range c.ahead {
		ahead := slices.Max(slices.Collect(maps.Values(times)))
		if len(times) < jobsToTell && ahead < -clockOff && ahead > -oldJobs {
			continue // what a pool gives a new connection was often made a while before
		}
		all = append(all, offset{pool, ahead})
	}
	slices.SortFunc(all, func(a, b offset) int { return cmp.Or(cmp.Compare(a.ahead, b.ahead), cmp.Compare(a.pool, b.pool)) })
	return all
}

// check judges the clock; wall is what it says, mono a clock that nobody sets.
func (c *clockLook) check(wall, mono time.Time) view.Check {
	if !c.wall.IsZero() {
		if jump := wall.Sub(c.wall) - mono.Sub(c.mono); jump.Abs() > jumpOff {
			c.jumped, c.jumpedAt = jump, mono
			clear(c.ahead) // by a clock that is not any more
		}
	}
	c.wall, c.mono = wall, mono
	all := c.offsets()
	if found := skewed(all); found.Status != view.OK {
		return found
	}
	if !c.jumpedAt.IsZero() && mono.Sub(c.jumpedAt) < jumpFor {
		way := "forward"
		if c.jumped < 0 {
			way = "back"
		}
		return view.Check{
			Status: view.Degraded,
			Detail: fmt.Sprintf("the clock of this machine was set %s by %s, %s ago", way, c.jumped.Abs().Round(time.Second), mono.Sub(c.jumpedAt).Round(time.Second)),
			Advice: "see what sets it (chrony, systemd-timesyncd, a host that was asleep); what is kept of that time may be missing or twice there",
		}
	}
	if len(all) == 0 {
		return view.Check{Status: view.OK, Detail: "no pool has given a job to compare it with"}
	}
	return view.Check{Status: view.OK, Detail: fmt.Sprintf("within %s of what jobs say, by %d pools", clockOff, len(all))}
}

// skewed says whose clock is wrong by what pools say of the time: ours where most of
// them say so, else a pool's.
func skewed(all []offset) view.Check {
	if len(all) == 0 {
		return view.Check{Status: view.OK}
	}
	middle := all[len(all)/2].ahead
	if lower := all[(len(all)-1)/2].ahead; lower.Abs() < middle.Abs() {
		middle = lower // of two, the one that agrees with us is right
	}
	if middle.Abs() > clockOff {
		if len(all) == 1 {
			return view.Check{
				Status: view.Degraded,
				Detail: fmt.Sprintf("the time in the jobs of pool %s is %s ours; by one pool it cannot be told which is wrong", all[0].pool, apart(middle)),
				Advice: "set the clock of this machine (chrony, systemd-timesyncd); if it is right, the pool's is wrong: ask the pool",
			}
		}
		return view.Check{
			Status: view.Degraded,
			Detail: fmt.Sprintf("the clock of this machine is %s that of most of %d pools", apart(-middle), len(all)),
			Advice: "set it (chrony, systemd-timesyncd): history, bans, certificates and what miners roll go by it",
		}
	}
	var wrong []string
	for _, o := range all {
		if d := o.ahead - middle; d.Abs() > clockOff {
			wrong = append(wrong, fmt.Sprintf("that of pool %s is %s the others", o.pool, apart(d)))
		}
	}
	if len(wrong) == 0 {
		return view.Check{Status: view.OK}
	}
	return view.Check{
		Status: view.Degraded,
		Detail: "the time in jobs differs: " + strings.Join(wrong, ", "),
		Advice: "ask the pool: blocks of a wrong time may be refused by the network, and with them their reward",
	}
}

// apart says how far ahead, or behind, something is.
func apart(d time.Duration) string {
	if d < 0 {
		return (-d).Round(time.Second).String() + " behind"
	}
	return d.Round(time.Second).String() + " ahead of"
}
