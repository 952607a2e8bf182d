package app_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lightMiners are miners that take a goroutine each and no hashing: they send
// whatever comes to mind, which is a share one time in four at the smallest
// difficulty that there is, 2^-30. Each comes and goes.
type lightMiners struct {
	addr string
	// share and stay are the mean times between two shares, and for which a
	// connection is kept.
	share, stay time.Duration

	connects, accepted, stale, low, others, lost atomic.Uint64
	// last is what the newest refusal but for these was, or the newest loss.
	last atomic.Pointer[string]

	mu   sync.Mutex
	took []time.Duration // how long answers were waited for, since the last report
}

// lightReport is what light miners have met with.
type lightReport struct {
	Connects, Accepted, Stale, Low, Others, Lost uint64
	Last                                         string
	// P50 and P99 are within how many milliseconds half and 99 of 100 answers to shares
	// came since the last report.
	P50, P99 float64
}

func (l *lightMiners) report() lightReport {
	l.mu.Lock()
	took := l.took
	l.took = nil
	l.mu.Unlock()
	slices.Sort(took)
	within := func(part int) float64 {
		if len(took) == 0 {
			return 0
		}
		return took[min(len(took)*part/100, len(took)-1)].Seconds() * 1e3
	}
	r := lightReport{
		Connects: l.connects.Load(), Accepted: l.accepted.Load(), Stale: l.stale.Load(), Low: l.low.Load(),
		Others: l.others.Load(), Lost: l.lost.Load(), P50: within(50), P99: within(99),
	}
	if last := l.last.Load(); last != nil {
		r.Last = *last
	}
	return r
}

// run has so many miners until ctx ends, the first connects spread over ramp.
func (l *lightMiners) run(ctx context.Context, miners int, ramp time.Duration) {
	var all sync.WaitGroup
	for i := range miners {
		rng := rand.New(rand.NewPCG(11, uint64(i)))
		wait := ramp * time.Duration(i) / time.Duration(miners)
		all.Go(func() {
			for {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return
				}
				if err := l.connect(ctx, i, rng); err != nil && ctx.Err() == nil {
					l.lost.Add(1)
					text := err.Error()
					l.last.Store(&text)
				}
				wait = time.Duration(rng.Int64N(int64(100 * time.Millisecond)))
			}
		})
	}
	all.Wait()
}

// connect has one connection. It ends well when the miner goes.
func (l *lightMiners) connect(ctx context.Context, i int, rng *rand.Rand) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	l.connects.Add(1)
	if rng.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0) // half of them go without a word
	}
	m := lightMiner{l: l, name: fmt.Sprintf("farm.w%d", i), conn: conn, nonce: rng.Uint32()}
	if err := m.say("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n{\"id\":2,\"method\":\"mining.authorize\",\"params\":[%q,\"x\"]}\n", m.name); err != nil {
		return err
	}
	leave := time.Now().Add(time.Duration(rng.ExpFloat64() * float64(l.stay)))
	for now := time.Now(); now.Before(leave); now = time.Now() {
		next := now.Add(time.Duration(rng.ExpFloat64() * float64(l.share)))
		if next.After(leave) {
			next = leave
		}
		if err := m.listen(next); err != nil {
			return err
		}
		if len(m.job) == 0 || next.Equal(leave) {
			continue
		}
		m.nonce++
		m.asked = time.Now()
		if err := m.say("{\"id\":3,\"method\":\"mining.submit\",\"params\":[%q,%q,\"%08x\",%q,\"%08x\"]}\n", m.name, m.job, i, m.ntime, m.nonce); err != nil {
			return err
		}
	}
	return nil
}

// lightMiner is one connection of a light miner.
type lightMiner struct {
	l          *lightMiners
	name       string
	conn       net.Conn
	in         []byte // a line's begin
	job, ntime string
	nonce      uint32
	asked      time.Time // when the share was sent
}

func (m *lightMiner) say(format string, args ...any) error {
	_, err := fmt.Fprintf(m.conn, format, args...)
	return err
}

// listen takes lines until the given time.
func (m *lightMiner) listen(until time.Time) error {
	if err := m.conn.SetReadDeadline(until); err != nil {
		return err
	}
	for {
		if cap(m.in)-len(m.in) < 512 {
			m.in = append(make([]byte, 0, 2*cap(m.in)+1024), m.in...)
		}
		n, err := m.conn.Read(m.in[len(m.in):cap(m.in)])
		m.in = m.in[:len(m.in)+n]
		rest := m.in
		for {
			line, after, ok := bytes.Cut(rest, []byte("\n"))
			if !ok {
				break
			}
			m.line(line)
			rest = after
		}
		m.in = m.in[:copy(m.in, rest)]
		switch {
		case os.IsTimeout(err):
			return nil
		case err != nil:
			return err
		}
	}
}

// line reads a job or an answer to a share.
func (m *lightMiner) line(line []byte) {
	switch {
	case bytes.Contains(line, []byte("mining.notify\",\"params")):
		fields := bytes.Split(line, []byte(`"`))
		m.job, m.ntime = string(fields[9]), string(fields[len(fields)-2])
		return
	case !bytes.Contains(line, []byte(`"id":3`)):
		return
	case bytes.Contains(line, []byte("true")):
		m.l.accepted.Add(1)
	case bytes.Contains(line, []byte("[21,")):
		m.l.stale.Add(1)
	case bytes.Contains(line, []byte("[23,")):
		m.l.low.Add(1)
	default:
		m.l.others.Add(1)
		text := string(line)
		m.l.last.Store(&text)
	}
	m.l.mu.Lock()
	m.l.took = append(m.l.took, time.Since(m.asked))
	m.l.mu.Unlock()
}

// startLight has light miners mine at the rig's proxy until the returned
// function is called.
func (r *sharedRig) startLight(l *lightMiners, miners int, ramp time.Duration) (stop func()) {
	r.t.Helper()
	l.addr = r.addr
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		l.run(ctx, miners, ramp)
		close(done)
	}()
	stop = func() {
		cancel()
		<-done
	}
	r.t.Cleanup(stop)
	return stop
}

// wantWell demands that the miners were refused nothing but what is stale or
// no share, and that no connection ended but by its miner.
func (r lightReport) wantWell(t *testing.T) {
	t.Helper()
	t.Logf("%d connects, %d accepted, %d stale, %d too low", r.Connects, r.Accepted, r.Stale, r.Low)
	if r.Others+r.Lost > 0 {
		t.Errorf("%d shares refused, %d connections lost, the last: %s", r.Others, r.Lost, r.Last)
	}
	if r.Accepted < r.Low/5 || r.Stale > r.Accepted/5 {
		t.Errorf("%d accepted, %d stale, %d too low", r.Accepted, r.Stale, r.Low)
	}
}
