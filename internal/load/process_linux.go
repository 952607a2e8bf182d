package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a load in a process of its own.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// Start starts a program that calls [Serve]. It ends with this process, and is in a
// group of its own, so that a key pressed in the terminal is for this one only.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the load: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the load: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the load: %w", err)
	}
	return &Process{cmd: cmd, in: in, out: json.NewDecoder(out)}, nil
}

// Close ends it. What it said last is not of interest.
func (p *Process) Close() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

// CPUTime is the processor time of the load, once it is closed.
func (p *Process) CPUTime() time.Duration {
	if p.cmd.ProcessState == nil {
		return 0
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Do has a command carried out.
func (p *Process) Do(format string, args ...any) (Report, error) {
	if err := p.Say(format, args...); err != nil {
		return Report{}, err
	}
	return p.Report()
}

// Say gives a command; its report is asked for later.
func (p *Process) Say(format string, args ...any) error {
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		return fmt.Errorf("tell the load: %w", err)
	}
	return nil
}

// Report waits for an answer. A share that was refused is an error, for the figures
// are of shares that are good.
func (p *Process) Report() (Report, error) {
	var r Report
	if err := p.out.Decode(&r); err != nil {
		return r, fmt.Errorf("the load ended: %w", err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	if r.Refused > 0 {
		return r, fmt.Errorf("%d shares were refused, the last with %s", r.Refused, r.Refusal)
	}
	return r, nil
}

// Fanout is how one line came to all miners.
type Fanout struct {
	// Late is how long after the beginning each miner had it, the first first.
	Late []time.Duration
	// Line is what the first miner was sent; only [Process.Written] knows it.
	Line string
}

// Last is when the last miner had it.
func (f *Fanout) Last() time.Duration { return f.Late[len(f.Late)-1] }

// Written tells how long a line is on its way until the kernel has it in each miner's
// queue. Send sends it and returns the time before; the miners sleep for as long as rest
// says, so that they take no time from the sender. They were opened with stamps.
func (p *Process) Written(rest time.Duration, send func() (time.Time, error)) (Fanout, error) {
	begin, err := send()
	if err != nil {
		return Fanout{}, err
	}
	time.Sleep(rest)
	r, err := p.Do("gather")
	return fanoutOf(&r, begin), err
}

// Received tells how long it takes until each miner has read it, all of them reading
// meanwhile on the same processors.
func (p *Process) Received(send func() (time.Time, error)) (Fanout, error) {
	if _, err := p.Do("watch"); err != nil {
		return Fanout{}, err
	}
	begin, err := send()
	if err != nil {
		return Fanout{}, err
	}
	r, err := p.Report()
	return fanoutOf(&r, begin), err
}

func fanoutOf(r *Report, begin time.Time) Fanout {
	f := Fanout{Late: make([]time.Duration, len(r.Arrivals)), Line: r.Sample}
	for i, at := range r.Arrivals {
		f.Late[i] = time.Duration(at - begin.UnixNano())
	}
	slices.Sort(f.Late)
	return f
}

// Rest is how long n miners sleep while a line is written to them.
func Rest(n int) time.Duration { return 100*time.Millisecond + time.Duration(n)*25*time.Microsecond }

// Cost gathers rounds of shares: of each share the processor time of this process and of
// the load in microseconds, and allocations; and shares a second.
type Cost struct{ CPU, Load, Rate, Allocs []float64 }

// Measure has a command carried out that sends shares.
func (c *Cost) Measure(p *Process, command string) (Report, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	mallocs, before := m.Mallocs, CPUTime()
	r, err := p.Do("%s", command)
	if err != nil {
		return r, err
	}
	cpu := CPUTime() - before
	runtime.ReadMemStats(&m)
	n := float64(r.Answered)
	c.CPU = append(c.CPU, float64(cpu.Nanoseconds())/1e3/n)
	c.Load = append(c.Load, float64(r.CPU)/1e3/n)
	c.Rate = append(c.Rate, n/time.Duration(r.Elapsed).Seconds())
	c.Allocs = append(c.Allocs, float64(m.Mallocs-mallocs)/n)
	return r, nil
}
