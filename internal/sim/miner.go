package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// miner is one miner of a swarm; its goroutine is run.
type miner struct {
	// static after construction
	swarm  *Miners
	index  int
	manner *manner
	worker string

	// owned by run
	rng     *rand.Rand
	lastID  uint64
	session string // the pool's name of the last session

	jobAt atomic.Int64 // unix nanoseconds of the newest job; 0 for none
	// hashing is set before the last look at paused, until what was found then
	// is counted as pending.
	hashing atomic.Bool

	mu    sync.Mutex
	stats MinerStats
}

func newMiner(swarm *Miners, index int, kind *manner) *miner {
	m := &miner{swarm: swarm, index: index, manner: kind, worker: swarm.cfg.User}
	if !swarm.cfg.ExactUser {
		m.worker = fmt.Sprintf("%s.%s-%d", swarm.cfg.User, kind.name, index)
	}
	m.rng = newRand(swarm.cfg.Seed, uint64(index)+100) //nolint:gosec // an index
	if kind.keepsIDs {
		m.lastID = m.rng.Uint64N(200)
	}
	m.stats = MinerStats{Index: index, Manner: kind.name, Worker: m.worker}
	return m
}

// run connects again and again until ctx ends.
func (m *miner) run(ctx context.Context, delay time.Duration) {
	for {
		if !pause(ctx, delay) {
			return
		}
		end := m.connect(ctx)
		m.swarm.log.InfoContext(ctx, "connection ended", "worker", m.worker, "reason", end)
		m.count(func(st *MinerStats) { st.LastEnd = end })
		m.jobAt.Store(0)
		if m.swarm.cfg.Once || ctx.Err() != nil {
			return
		}
		delay = max(m.scaled(m.manner.reconnect), time.Millisecond)
		if m.manner.name == NerdMiner { // a random back-off
			delay = max(time.Duration(m.rng.Int64N(int64(delay)+1)), time.Millisecond)
		}
	}
}

// connect has one connection, and says why it ended.
func (m *miner) connect(ctx context.Context) (end string) {
	if !m.swarm.enter(ctx) {
		return context.Cause(ctx).Error()
	}
	entered := sync.OnceFunc(m.swarm.entered)
	defer entered()
	dialer := net.Dialer{Timeout: m.swarm.cfg.ConnectTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", m.swarm.addr)
	if err != nil {
		return err.Error()
	}
	if target := m.swarm.cfg.Connect; target != "" {
		if err := tunnel(ctx, conn, target); err != nil {
			_ = conn.Close()
			return err.Error()
		}
	}
	m.count(func(st *MinerStats) {
		st.Connected = true
		st.Connects++
	})
	// Before another one enters, so that no more are connected than may be.
	defer m.count(func(st *MinerStats) { st.Connected, st.Mining = false, false })
	m.swarm.log.InfoContext(ctx, "connected", "worker", m.worker, "manner", string(m.manner.name))
	return newSession(ctx, m, conn).run(entered).Error()
}

func (m *miner) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * m.swarm.cfg.TimeScale)
}

// patience is scaled for a wait at whose end it gives up.
func (m *miner) patience(d time.Duration) time.Duration {
	return time.Duration(float64(d) * m.swarm.cfg.Patience)
}

func (m *miner) host() string {
	host, _ := splitHostPort(m.swarm.addr)
	return host
}

// rolls reports whether this build rolls versions.
func (m *miner) rolls() bool {
	return m.manner.rolling != "" && !m.swarm.cfg.NoVersionRolling
}

func (m *miner) count(change func(*MinerStats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.stats)
}

func (m *miner) fail(f Failure) {
	m.count(func(st *MinerStats) {
		st.Failures++
		st.LastFailure = f.Text
	})
	m.swarm.log.Warn("server breaks what this firmware needs", "worker", m.worker, "failure", f.Text, "fatal", f.Fatal, "line", f.Line)
	if hook := m.swarm.cfg.OnFailure; hook != nil {
		hook(f)
	}
}

// settled says that it does not hash and that no submit waits. The order
// matters: a run of hashing counts what it has found before it ends.
func (m *miner) settled() bool {
	if m.hashing.Load() {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats.Pending == 0
}

func (m *miner) snapshot(now time.Time) MinerStats {
	m.mu.Lock()
	st := m.stats
	st.Tally = m.stats.clone()
	m.mu.Unlock()
	if at := m.jobAt.Load(); at != 0 {
		st.JobAge = now.Sub(time.Unix(0, at))
	}
	return st
}
