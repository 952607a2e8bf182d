package quality

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
)

const (
	// apart is the least time between two troubles: of many connections that end
	// at once it is one.
	apart = 10 * time.Second
	// jobDue is how old the latest job of a pool that is connected may be; pools
	// send one at least every minute or so.
	jobDue = 5 * time.Minute
	// kinds is how many verdicts there are.
	kinds = int(mining.Unanswered) + 1
)

// Meter is what is measured of one pool. Its zero value is ready, and it is safe
// for any number of goroutines; only [Meter.Tick] is for one.
type Meter struct {
	connects, blocks latest

	// halves are the answers of two spans, turn is the present one. since is
	// when it began; only Tick uses it.
	halves [2]half
	turn   atomic.Uint32
	since  time.Time

	silences, disconnects Recent
	// behind and alone are what [Meter.Astray] was told last.
	behind, alone atomic.Int64
	// mu guards when the latest end was counted.
	mu    sync.Mutex
	ended time.Time
	// waited is the job that was found to be old; only Tick uses it.
	waited time.Time
}

// half is what a pool answered in one span.
type half struct {
	verdicts [kinds]atomic.Uint64
	rtt      times
}

// Connected is told how long it took to connect.
func (m *Meter) Connected(took time.Duration) { m.connects.add(took) }

// Answered is told the pool's word on a share, and how long it took; mining's
// Unanswered is that there was none, and its time is not looked at.
func (m *Meter) Answered(v mining.Verdict, rtt time.Duration) {
	if int(v) >= kinds {
		v = mining.Invalid
	}
	h := &m.halves[m.turn.Load()%2]
	h.verdicts[v].Add(1)
	if v != mining.Unanswered {
		h.rtt.add(rtt)
	}
}

// Astray is told for how long at a time, of late, the pool lagged behind most others,
// and was on a block that none of them knows.
func (m *Meter) Astray(behind, alone time.Duration) {
	m.behind.Store(int64(behind))
	m.alone.Store(int64(alone))
}

// Ended is told that a connection to the pool has ended.
func (m *Meter) Ended(reason mining.Reason, now time.Time) {
	if slices.Contains(blameless(), reason) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended.IsZero() && now.Sub(m.ended) < apart {
		return
	}
	m.ended = now
	if reason == mining.PoolSilent || reason == mining.PoolHandshakeTimeout {
		m.silences.Add(now, 1)
	} else {
		m.disconnects.Add(now, 1)
	}
}

// blameless are the ends that say nothing of the pool: we wanted them, or they
// are about a login.
func blameless() []mining.Reason {
	return []mining.Reason{mining.Shutdown, mining.InternalError, mining.MinerGone, mining.NoMiners, mining.PoolDisabled, mining.PoolAuthorizeRefused}
}

// Tick is called about once a second, always by the same goroutine, with the
// time of the latest job of a pool that is connected, zero where there is none.
func (m *Meter) Tick(lastJob, now time.Time) {
	if m.since.IsZero() {
		m.since = now
	}
	if now.Sub(m.since) >= Span {
		m.since = now
		next := (m.turn.Load() + 1) % 2
		m.halves[next].clear()
		m.turn.Store(next)
	}
	if !lastJob.IsZero() && now.Sub(lastJob) > jobDue && !lastJob.Equal(m.waited) {
		m.waited = lastJob
		m.silences.Add(now, 1)
	}
}

func (h *half) clear() {
	for i := range h.verdicts {
		h.verdicts[i].Store(0)
	}
	for i := range h.rtt {
		h.rtt[i].Store(0)
	}
}
