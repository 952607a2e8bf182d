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

// proxied measures the proxy with n miners.
func (m *run) proxied(n int) (s Side, c Coefficients, err error) {
	s.Miners, s.Rate = n, float64(m.rate)
	c = Coefficients{Miners: n, BaseCPU: m.base.cpu, BaseMemory: m.base.heap}
	heap, _, err := load.Memory()
	if err != nil {
		return s, c, err
	}
	slab := kernelMemory()
	addr := m.proxy.Addr()
	took, err := m.connect(addr, n)
	if err != nil {
		return s, c, err
	}
	s.Storm = took.Seconds() * 1e3
	if err := m.rest(500 * time.Millisecond); err != nil {
		return s, c, err
	}
	after, _, err := load.Memory()
	if err != nil {
		return s, c, err
	}
	s.Idle = (after - heap) / float64(n)
	// Both ends are on this machine.
	c.KernelMemory = max(0, kernelMemory()-slab) / 2 / float64(n)
	if err := m.fanout(&s, &c); err != nil {
		return s, c, err
	}
	cpu, err := m.silence(m.Duration / 6)
	if err != nil {
		return s, c, err
	}
	c.MinerCPU = max(0, cpu-m.base.cpu) / float64(n)
	paced, err := m.paced(&s, m.Duration/6)
	if err != nil {
		return s, c, err
	}
	c.ShareCPU = max(0, paced.cpu-cpu) / paced.rate
	c.ShareUp, c.ShareDown = paced.up, paced.down
	if err := m.closed(&s); err != nil {
		return s, c, err
	}
	after, resident, err := load.Memory()
	if err != nil {
		return s, c, err
	}
	s.Worked, s.Resident = (after-m.base.heap)/float64(n), (resident-m.base.resident)/float64(n)
	c.MinerMemory = s.Worked
	return s, c, m.leave(addr)
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
	rounds := min(max(int(m.Duration/8/each), 1), 9)
	var ours, bare []load.Fanout
	var cpu []float64
	for range rounds {
		before := load.CPUTime()
		f, err := m.load.Written(rest, m.announce)
		if err != nil {
			return err
		}
		cpu = append(cpu, (load.CPUTime() - before).Seconds())
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
	c.Fanout = s.Written.Last / 1e3 / float64(s.Miners)
	c.JobCPU = load.Median(cpu) / float64(s.Miners)
	c.JobDown = float64(len(ours[0].Line))
	return m.renew() // the bare loop's line is one miner's, and nobody else's
}

// middle is the span of the round whose last was the middle one.
func middle(rounds []load.Fanout) Span {
	slices.SortFunc(rounds, func(a, b load.Fanout) int { return int(a.Last() - b.Last()) })
	return spanOf(rounds[len(rounds)/2].Late)
}

// sent is what came of shares.
type sent struct {
	// cpu is the part of a processor, rate shares a second, up and down bytes a share.
	cpu, rate, up, down float64
}

// paced has shares sent at the farm's rate for a while, a piece for each job.
func (m *run) paced(s *Side, d time.Duration) (all sent, err error) {
	var cpu, during time.Duration
	var took []time.Duration
	pieces := int((d + pieceMost - 1) / pieceMost)
	for range pieces {
		if s != &m.result.Bare { // which has one job for ever
			if err := m.renew(); err != nil {
				return all, err
			}
		}
		before := load.CPUTime()
		count := max(1, int(float64(m.rate)*(d/time.Duration(pieces)).Seconds()))
		r, err := m.load.Do("paced %d %d", m.rate, count)
		if err != nil {
			return all, err
		}
		cpu, during = cpu+load.CPUTime()-before, during+time.Duration(r.Elapsed)
		for _, t := range r.Took {
			took = append(took, time.Duration(t))
		}
		all.up, all.down = float64(r.Wrote)/float64(r.Answered), float64(r.Heard)/float64(r.Answered)
	}
	slices.Sort(took)
	s.Verdict, s.Paced = spanOf(took), cpu.Seconds()*1e6/float64(len(took))
	all.cpu, all.rate = cpu.Seconds()/during.Seconds(), float64(len(took))/during.Seconds()
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
	heap, _, err := load.Memory()
	if err != nil {
		return err
	}
	took, err := m.connect(m.bare.Addr(), n)
	if err != nil {
		return err
	}
	s.Storm = took.Seconds() * 1e3
	if err := m.rest(500 * time.Millisecond); err != nil {
		return err
	}
	after, _, err := load.Memory()
	if err != nil {
		return err
	}
	s.Idle = (after - heap) / float64(n)
	if _, err := m.paced(s, m.Duration/12); err != nil {
		return err
	}
	if err := m.closed(s); err != nil {
		return err
	}
	return m.leave(m.bare.Addr())
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
