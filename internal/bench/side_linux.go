package bench

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/loka/stratum/internal/load"
)

// pieceMost is how long shares are sent for one job: it does not stay good for ever, and
// before the proxy gives it again by the clock there is another one.
const pieceMost = 20 * time.Second

// proxied measures the proxy with n miners. What is as fast as it can be is last: it
// leaves work behind.
func (m *run) proxied(n int, s *Side, c *Coefficients) error {
	s.Miners, s.Rate = n, float64(m.rate)
	*c = Coefficients{Miners: n, BaseCPU: m.base.cpu, BaseMemory: m.base.heap}
	slab := kernelMemory()
	addr := m.proxy.Addr()
	if err := m.arrive(addr, s); err != nil {
		return err
	}
	// Both ends are on this machine.
	c.KernelMemory = max(0, kernelMemory()-slab) / 2 / float64(n)
	if err := m.fanout(s, c); err != nil {
		return err
	}
	idle, err := m.silence(m.Duration / 15)
	if err != nil {
		return err
	}
	c.MinerCPU = max(0, idle.mean-m.base.cpu) / float64(n)
	if err := m.shares(s, c, idle); err != nil {
		return err
	}
	if n == m.many {
		if err := m.closed(s); err != nil {
			return err
		}
	}
	return m.leave(addr)
}

// arrive has the side's miners connect, and looks at what they take.
func (m *run) arrive(addr string, s *Side) error {
	before, _, err := load.Memory()
	if err != nil {
		return err
	}
	took, err := m.connect(addr, s.Miners)
	if err != nil {
		return err
	}
	if err := m.rest(500 * time.Millisecond); err != nil {
		return err
	}
	heap, resident, err := load.Memory()
	n := float64(s.Miners)
	s.Storm, s.Idle, s.Resident = took.Seconds()*1e3, (heap-before)/n, (resident-m.base.resident)/n
	return err
}

// fanout measures a new block's way to all miners, by turns with the bare loop.
func (m *run) fanout(s *Side, c *Coefficients) error {
	sockets, err := load.Sockets(m.proxy.Addr())
	if err != nil {
		return err
	}
	if len(sockets) != s.Miners {
		return fmt.Errorf("%d sockets of %d miners were found", len(sockets), s.Miners)
	}
	if err := m.renew(); err != nil { // the first has caches to fill
		return err
	}
	rest := load.Rest(s.Miners)
	each := 2 * (rest + 50*time.Millisecond + time.Duration(s.Miners)*10*time.Microsecond)
	rounds := min(max(int(m.Duration/12/each), 1), 9)
	var ours, bare []load.Fanout
	var cpu, slope []float64
	for range rounds {
		before := load.CPUTime()
		f, err := m.load.Written(rest, m.announce)
		if err != nil {
			return err
		}
		cpu, slope = append(cpu, (load.CPUTime()-before).Seconds()), append(slope, slopeOf(f.Late))
		b, err := m.load.Written(rest, func() (time.Time, error) {
			begin := time.Now()
			return begin, load.WriteAll(sockets, []byte(f.Line))
		})
		if err != nil {
			return err
		}
		ours, bare = append(ours, f), append(bare, b)
	}
	s.Written = middle(ours)
	if s.Miners == m.many {
		m.result.Bare.Written = middle(bare)
	}
	c.Fanout = load.Median(slope)
	c.FanoutBase = max(0, s.Written.Last/1e3-c.Fanout*float64(s.Miners))
	c.JobCPU = load.Median(cpu) / float64(s.Miners)
	c.JobDown = float64(len(ours[0].Line))
	return m.renew() // the bare loop's line is one miner's, and nobody else's
}

// slopeOf is how much later each next miner has it, in seconds, by the middle four fifths:
// how it begins and ends is no matter of how many there are.
func slopeOf(late []time.Duration) float64 {
	from, to := len(late)/10, len(late)-1-len(late)/10
	if to <= from {
		return late[len(late)-1].Seconds() / float64(len(late))
	}
	return (late[to] - late[from]).Seconds() / float64(to-from)
}

// middle is the span of the round whose last was the middle one.
func middle(rounds []load.Fanout) Span {
	slices.SortFunc(rounds, func(a, b load.Fanout) int { return int(a.Last() - b.Last()) })
	return spanOf(rounds[len(rounds)/2].Late)
}

// shares measures what a share costs at the rate of many miners, and what a miner takes
// that has had some. Few miners say the first in two steps, for theirs would be waited for
// more often, or each of theirs would be kept with more others of the same worker: what is
// kept of it, at their own rate, and from the socket to its answer, at the rate of many.
// What is used without shares is no share's.
func (m *run) shares(s *Side, c *Coefficients, idle used) error {
	own := max(1, m.rate*s.Miners/m.many)
	all, err := m.paced(s, own, m.Duration/6, true)
	if err != nil {
		return err
	}
	heap, _, err := load.Memory()
	if err != nil {
		return err
	}
	s.Worked = (heap - m.base.heap) / float64(s.Miners)
	c.MinerMemory = s.Worked
	if s.Miners == m.many {
		c.ShareCPU = max(0, all.cpu-idle.mean*all.lasted) / all.count
	} else {
		// What comes now and then without shares is in idle.mean alone.
		other := all.steady*all.sending + (idle.mean-idle.steady)*all.sending + idle.mean*(all.lasted-all.sending)
		kept := max(0, all.cpu-other) / all.count
		if all, err = m.paced(s, m.rate, m.Duration/15, false); err != nil {
			return err
		}
		c.ShareCPU = max(0, all.steady-idle.steady)/float64(m.rate) + kept
	}
	c.ShareUp, c.ShareDown, s.Paced = all.up, all.down, c.ShareCPU*1e6
	return nil
}

// sent is what came of shares: seconds of processor time in so many seconds, of which
// shares were sent in some; the part of a processor that was used then, steadily; and of a
// share the bytes up and down.
type sent struct{ count, cpu, lasted, sending, steady, up, down float64 }

// paced has shares sent at a rate for a while, a piece for each job, until they are kept
// or not.
func (m *run) paced(s *Side, rate int, d time.Duration, kept bool) (all sent, err error) {
	var took []time.Duration
	var steady []float64
	pieces := int((d + pieceMost - 1) / pieceMost)
	for range pieces {
		if s != &m.result.Bare { // which has one job for ever
			if err := m.renew(); err != nil {
				return all, err
			}
		}
		begin, before := time.Now(), load.CPUTime()
		var r load.Report
		u, err := using(func() (err error) {
			r, err = m.load.Do("paced %d %d", rate, max(1, int(float64(rate)*(d/time.Duration(pieces)).Seconds())))
			return err
		})
		if err != nil {
			return all, err
		}
		all.sending += time.Since(begin).Seconds()
		if kept {
			if err := m.stored(); err != nil {
				return all, err
			}
		}
		all.cpu, all.lasted = all.cpu+(load.CPUTime()-before).Seconds(), all.lasted+time.Since(begin).Seconds()
		steady = append(steady, u.steady)
		for _, t := range r.Took {
			took = append(took, time.Duration(t))
		}
		all.up, all.down = float64(r.Wrote)/float64(r.Answered), float64(r.Heard)/float64(r.Answered)
	}
	slices.Sort(took)
	all.count, all.steady, s.Verdict = float64(len(took)), load.Median(steady), spanOf(took)
	return all, nil
}

// closed has shares sent as fast as answers come, one outstanding for each miner.
func (m *run) closed(s *Side) error {
	var cost load.Cost
	command := fmt.Sprintf("closed %d", min(max(int(m.Duration.Seconds()*500), s.Miners), 4*m.many))
	for range 3 {
		if _, err := cost.Measure(m.load, command); err != nil {
			return err
		}
	}
	s.Closed, s.ClosedRate = load.Median(cost.CPU), load.Median(cost.Rate)
	return nil
}

// bared measures the server that only answers.
func (m *run) bared(n int) error {
	s := &m.result.Bare
	s.Miners, s.Rate = n, float64(m.rate)
	addr := m.bare.Addr()
	if err := m.arrive(addr, s); err != nil {
		return err
	}
	all, err := m.paced(s, m.rate, m.Duration/30, false)
	if err != nil {
		return err
	}
	s.Paced = max(0, all.cpu-m.base.cpu*all.lasted) / all.count * 1e6
	if err := m.closed(s); err != nil {
		return err
	}
	return m.leave(addr)
}

// kernelMemory is what the kernel has for itself, in bytes; 0 is not known.
func kernelMemory() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(text, []byte("\nSlab:"))
	var kib float64
	if _, err := fmt.Sscan(string(rest), &kib); err != nil || !found {
		return 0
	}
	return kib * 1024
}
