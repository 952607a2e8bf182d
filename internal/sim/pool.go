package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/work"
)

// tickInterval is how often timed behaviour is looked after.
const tickInterval = 50 * time.Millisecond

// Pool is a simulated pool.
type Pool struct {
	cfg    PoolConfig
	log    *slog.Logger
	ledger *Ledger
	quirks atomic.Pointer[Quirks]
	jobID  atomic.Uint64 // names jobs, over all connections
	blocks chan foundBlock

	connects, authorized, lines atomic.Uint64
	badLines, unanswered        atomic.Uint64
	submits                     atomic.Uint64 // for Quirks.UnansweredEvery
	notifies                    atomic.Uint64 // for Quirks.MalformedEvery
	block                       atomic.Uint64 // the block being mined; jobs of others are stale

	mu       sync.Mutex
	listener net.Listener
	conns    map[uint64]*poolConn
	sessions map[string]uint64 // session name → connection whose extranonce1 it is
	nextConn uint64
	rng      *rand.Rand
	chain    *chain    // nil with a node
	tip      *template // the newest; nil until there is one
	retired  bool      // tip's block has been found, and no newer tip is known
	seen     map[work.Hash]struct{}
	lastJob  time.Time
	lastTip  time.Time
	stats    poolCounts
}

// poolCounts are figures guarded by Pool.mu.
type poolCounts struct {
	jobs, found, accepted, rejected, untidy uint64
	lastUntidy, lastReject, best, nodeError string
}

// NewPool checks the configuration and returns a pool that does not listen yet.
func NewPool(cfg PoolConfig) (*Pool, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: cfg, log: cfg.Logger, ledger: newLedger(), blocks: make(chan foundBlock, 64),
		conns: map[uint64]*poolConn{}, sessions: map[string]uint64{}, seen: map[work.Hash]struct{}{},
		nextConn: uint64(cfg.Number) << numberShift,
		rng:      rand.New(rand.NewPCG(cfg.Seed, 2)), //nolint:gosec // repeatable on purpose
	}
	p.SetQuirks(cfg.Quirks)
	if cfg.Node == nil {
		p.chain = newChain(&p.cfg)
	}
	return p, nil
}

// Listen binds the address, so that Addr is known and miners may connect.
func (p *Pool) Listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening for miners: %w", err)
	}
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	return nil
}

// Addr is the address that is listened on; nil before Listen.
func (p *Pool) Addr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil
	}
	return p.listener.Addr()
}

// URL is "stratum+tcp://" and the address; "" before Listen.
func (p *Pool) URL() string {
	if a := p.Addr(); a != nil {
		return "stratum+tcp://" + a.String()
	}
	return ""
}

// Run serves until ctx ends, and returns when all that it started is gone. It
// calls Listen if that has not happened. The end of ctx is not an error.
func (p *Pool) Run(ctx context.Context) error {
	if p.Addr() == nil {
		if err := p.Listen(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = p.listener.Close() })
	defer stop()
	if p.cfg.Node != nil {
		wg.Go(func() { p.followNode(ctx) })
		wg.Go(func() { p.submitBlocks(ctx) })
	} else {
		p.NewJob()
	}
	wg.Go(func() { p.tickLoop(ctx) })
	p.log.InfoContext(ctx, "pool started", "address", p.listener.Addr().String())
	err := p.acceptLoop(ctx, &wg)
	cancel()
	wg.Wait()
	p.log.InfoContext(ctx, "pool stopped")
	return err
}

func (p *Pool) acceptLoop(ctx context.Context, wg *sync.WaitGroup) error {
	for {
		conn, err := p.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting miners: %w", err)
		case err != nil:
			if !pause(ctx, tickInterval) { // out of descriptors, or the peer is gone already
				return nil
			}
			continue
		}
		if p.Quirks().RefuseConnections {
			endConn(conn, p.Quirks().DisconnectReset)
			continue
		}
		wg.Go(func() { p.serve(ctx, conn) })
	}
}

func (p *Pool) tickLoop(ctx context.Context) {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			p.tick(now)
		}
	}
}

func (p *Pool) tick(now time.Time) {
	p.mu.Lock()
	jobDue := p.tip != nil && !p.retired && now.Sub(p.lastJob) >= p.cfg.JobInterval
	blockDue := p.chain != nil && p.cfg.BlockInterval > 0 && now.Sub(p.lastTip) >= p.cfg.BlockInterval
	p.mu.Unlock()
	switch {
	case blockDue:
		p.NewBlock()
	case jobDue:
		p.NewJob()
	}
	q := p.Quirks()
	for _, c := range p.open() {
		c.tick(now, &q)
	}
}

// open lists the open connections, oldest first.
func (p *Pool) open() []*poolConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.openLocked()
}

// endConn closes a connection with FIN, or with RST.
func endConn(conn net.Conn, reset bool) {
	if t, ok := conn.(*net.TCPConn); ok && reset {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

// pause waits, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
