package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"

	"github.com/loka/stratum/internal/load"
)

// Load is what this program does as a child of one that runs [Run].
func Load(in io.Reader, out io.Writer) error { return load.Serve(in, out) }

// overtime is how much longer than asked for a run may take before it is given up.
const overtime = 3 * time.Minute

var (
	errTooLong = errors.New("the machine is too slow for so many miners: not done in time; try fewer (--miners)")
	errFiles   = errors.New("too few open files")
)

// run is one measurement.
type run struct {
	*rig
	Config

	tell   func(string)
	result *Result
	// many is the larger number of miners, rate what they send in a second.
	many, rate int
	// base is the proxy without miners.
	base struct{ heap, resident, cpu float64 }
}

// Run measures this machine. The context ends it early, without a result.
func Run(ctx context.Context, cfg Config, deps Deps) (_ *Result, err error) {
	begin, own := time.Now(), load.CPUTime()
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.Duration+overtime, errTooLong)
	defer cancel()
	possible := load.Most(cfg.Machine.Files)
	if possible == 0 {
		return nil, fmt.Errorf("%w: this process may have %d; raise the limit (ulimit -n, LimitNOFILE=)", errFiles, cfg.Machine.Files)
	}
	m := &run{Config: cfg, tell: deps.Tell, result: &Result{Machine: cfg.Machine}}
	if m.tell == nil {
		m.tell = func(string) {}
	}
	m.many, m.result.Note = cfg.size(possible)
	m.result.Farm = Farm{m.many, cfg.SharesPerMinute, jobEvery}
	m.rate = max(1, int(m.result.Farm.shares()))
	m.tell("starting")
	busy := busyProcessors()
	if m.rig, err = newRig(ctx, deps); err != nil {
		return nil, told(ctx, err)
	}
	err = m.all()
	if err := errors.Join(err, m.end()); err != nil {
		return nil, told(ctx, err)
	}
	m.result.conclude()
	m.result.Took = time.Since(begin).Seconds()
	if now := busyProcessors(); busy > 0 && now > busy {
		m.result.Others = max(0, now-busy-(load.CPUTime()-own).Seconds()-m.load.CPUTime().Seconds()) / m.result.Took
	}
	return m.result, nil
}

// busyProcessors are the seconds that all processors of the machine were busy since it
// started; 0 is not known.
func busyProcessors() float64 {
	all, err := cpu.Times(false)
	if err != nil || len(all) == 0 {
		return 0
	}
	t := all[0]
	return t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
}

// told says why a run ended early, where that is why it failed.
func told(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// all measures one side after the other. The bare server has its turn before the proxy
// has much to do in the same process.
func (m *run) all() error {
	m.tell("measuring without miners")
	idle, err := m.silence(m.Duration / 15)
	if err != nil {
		return err
	}
	m.base.cpu = idle.mean
	m.tell(fmt.Sprintf("measuring %d miners of a server that only answers", m.many))
	if err := m.bared(m.many); err != nil {
		return err
	}
	m.tell("warming up")
	if err := m.warm(); err != nil {
		return err
	}
	for _, one := range []struct {
		n    int
		side *Side
		cost *Coefficients
	}{{max(1, m.many/fewPart), &m.result.Few, &m.result.FromFew}, {m.many, &m.result.Many, &m.result.FromMany}} {
		m.tell(fmt.Sprintf("measuring %d miners", one.n))
		if err := m.proxied(one.n, one.side, one.cost); err != nil {
			return err
		}
	}
	return nil
}

// warm has a few miners send as many shares as many do in a few seconds: what the proxy
// takes once, for the first, is no miner's.
func (m *run) warm() error {
	const few = 50
	addr := m.proxy.Addr()
	if _, err := m.connect(addr, min(few, m.many)); err != nil {
		return err
	}
	if _, err := m.load.Do("closed %d", max(few, 4*m.rate)); err != nil {
		return err
	}
	err := errors.Join(m.leave(addr), m.stored())
	if err != nil {
		return err
	}
	m.base.heap, m.base.resident, err = load.Memory()
	return err
}

// storeEvery is how often the proxy takes what was booked to its store, and a little: so
// long after a share all is done that becomes of it.
const storeEvery = 10500 * time.Millisecond

// stored waits until all shares are in the store.
func (m *run) stored() error { return m.rest(min(storeEvery, m.Duration/6)) }

// used is the part of a processor that this process used for a while: on average, and in
// half of the half seconds at the most, which is without what comes now and then.
type used struct{ mean, steady float64 }

// using looks at what is used while something is done.
func using(what func() error) (u used, err error) {
	const every = time.Second / 2
	var parts []float64
	over, done := make(chan struct{}), make(chan struct{})
	begin, before := time.Now(), load.CPUTime()
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for at, last := begin, before; ; {
			select {
			case <-over:
				return
			case <-tick.C:
				now, spent := time.Now(), load.CPUTime()
				parts = append(parts, (spent-last).Seconds()/now.Sub(at).Seconds())
				at, last = now, spent
			}
		}
	}()
	err = what()
	u.mean = (load.CPUTime() - before).Seconds() / time.Since(begin).Seconds()
	close(over)
	<-done
	u.steady = u.mean
	if len(parts) > 0 {
		u.steady = load.Median(parts)
	}
	return u, err
}

// silence looks at what is used while nothing is said.
func (m *run) silence(d time.Duration) (used, error) {
	return using(func() error { return m.rest(d) })
}
