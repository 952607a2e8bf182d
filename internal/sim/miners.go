package sim

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Miners is a swarm of simulated miners.
type Miners struct {
	cfg    MinersConfig
	log    *slog.Logger
	addr   string
	miners []*miner
	paused atomic.Bool
	door   chan struct{} // holds who is in the handshake; nil if any number may be
}

// NewMiners checks the configuration and returns a swarm at rest.
func NewMiners(cfg MinersConfig) (*Miners, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	setDefault(&cfg.User, "sim")
	setDefault(&cfg.Password, "x")
	setDefault(&cfg.Hashrate, 50_000)
	setDefault(&cfg.TimeScale, 1)
	setDefault(&cfg.Patience, cfg.TimeScale)
	setDefault(&cfg.ConnectTimeout, 10*time.Second)
	setDefault(&cfg.MaxPending, 4096)
	setDefault(&cfg.Logger, slog.New(slog.DiscardHandler))
	if len(cfg.Manners) == 0 {
		cfg.Manners = Manners()
	}
	setDefault(&cfg.Count, len(cfg.Manners))
	swarm := &Miners{cfg: cfg, log: cfg.Logger, addr: cfg.address()}
	if cfg.AtOnce > 0 {
		swarm.door = make(chan struct{}, cfg.AtOnce)
	}
	for i := range cfg.Count {
		kind, _ := mannerOf(cfg.Manners[i%len(cfg.Manners)]) // check knows them all
		swarm.miners = append(swarm.miners, newMiner(swarm, i, kind))
	}
	return swarm, nil
}

// Run mines until ctx ends, and returns when all that it started is gone. The
// end of ctx is not an error. With Once it also returns when all have ended.
func (w *Miners) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for i, m := range w.miners {
		delay := w.cfg.Ramp * time.Duration(i) / time.Duration(len(w.miners))
		wg.Go(func() { m.run(ctx, delay) })
	}
	wg.Wait()
	return nil
}

// enter waits until a miner may connect; false if ctx ends before that.
func (w *Miners) enter(ctx context.Context) bool {
	if w.door == nil {
		return ctx.Err() == nil
	}
	select {
	case w.door <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// entered lets the next one connect.
func (w *Miners) entered() {
	if w.door != nil {
		<-w.door
	}
}

// Stats is a snapshot.
func (w *Miners) Stats() MinersStats {
	var s MinersStats
	now := time.Now()
	for _, m := range w.miners {
		st := m.snapshot(now)
		s.Miners = append(s.Miners, st)
		merge(&s.Tally, &st.Tally)
		s.Pending += st.Pending
		s.Unanswered += st.Unanswered
		s.Withheld += st.Withheld
		s.Failures += st.Failures
		s.Chatter += st.Chatter
		s.Hashes += st.Hashes
		if st.Connected {
			s.Connected++
		}
		if st.Mining {
			s.Mining++
		}
	}
	return s
}

// Settled reports that nobody hashes and that no submit waits for an answer.
// When it is true after Pause(true), OnShare has heard of all shares, and no
// more come.
func (w *Miners) Settled() bool {
	for _, m := range w.miners {
		if !m.settled() {
			return false
		}
	}
	return true
}

// Pause stops the hashing of all miners (true) or lets it go on (false);
// connections stay. It does not wait for who is hashing now: Settled does. For
// a comparison of both sides at rest.
func (w *Miners) Pause(stop bool) { w.paused.Store(stop) }
