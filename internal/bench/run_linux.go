package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
	begin := time.Now()
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
	if m.rig, err = newRig(ctx, deps); err != nil {
		return nil, told(ctx, err)
	}
	err = m.all()
	if err := errors.Join(err, m.end()); err != nil {
		return nil, told(ctx, err)
	}
	m.result.conclude()
	m.result.Took = time.Since(begin).Seconds()
	return m.result, nil
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
	if err := m.without(); err != nil {
		return err
	}
	m.tell(fmt.Sprintf("measuring %d miners of a server that only answers", m.many))
	if err := m.bared(m.many); err != nil {
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

// warm are the miners that the proxy has before it is looked at without any: what it
// takes once, for the first, is no miner's.
const warm = 50

// without looks at the proxy without miners.
func (m *run) without() (err error) {
	if m.base.cpu, err = m.silence(m.Duration / 15); err != nil {
		return err
	}
	addr := m.proxy.Addr()
	if _, err := m.connect(addr, min(warm, m.many)); err != nil {
		return err
	}
	if _, err := m.load.Do("closed %d", 10*warm); err != nil {
		return err
	}
	if err := m.leave(addr); err != nil {
		return err
	}
	m.base.heap, m.base.resident, err = load.Memory()
	return err
}

// silence is the part of a processor that is used while nothing is said.
func (m *run) silence(d time.Duration) (cpu float64, err error) {
	begin, before := time.Now(), load.CPUTime()
	err = m.rest(d)
	return (load.CPUTime() - before).Seconds() / time.Since(begin).Seconds(), err
}
