package hub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/steer"
)

// pool is one configured pool and its probe.
type pool struct {
	PoolConfig

	probe *link.Keeper
	book  *ledger.PoolBook
	links atomic.Int64
	// rtt is the last round trip of a share, in nanoseconds.
	rtt  atomic.Int64
	jobs Counter
	// quota spaces what its links log.
	quota link.Quota
	// ended, refused and silent space the warnings of miners' links that end,
	// of workers that the pool refuses and of those it says nothing about.
	ended, refused, silent pace.Pace
}

// warnOr is Warn if the pace lets one through now, and Debug else: trouble
// that comes miner by miner is news once, not once a miner.
func warnOr(p *pace.Pace, now time.Time) slog.Level {
	if p.Due(now) {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// route is one configured route.
type route struct {
	RouteConfig

	pools []*pool
}

// Hub joins miners and pools.
type Hub struct {
	// Static after construction.
	cfg    Config
	deps   Deps
	log    *slog.Logger
	pools  []*pool
	routes []*route
	rules  steer.Rules

	// coinbases lends memory to build coinbases in.
	coinbases sync.Pool

	jobIDs  atomic.Uint32
	linkIDs atomic.Uint64

	// ctx is what links live under; it ends when Run does.
	ctx    context.Context
	cancel context.CancelFunc
	// tasks are the goroutines that links and waiting miners run in.
	tasks sync.WaitGroup

	mu     sync.Mutex
	groups map[mining.MinerID]*group
	closed bool
	// changed is closed and replaced whenever a pool's state changes.
	changed chan struct{}
}

// New makes a hub. It reaches no pool before [Hub.Run].
func New(cfg Config, deps Deps) (*Hub, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hub{
		cfg: cfg.withDefaults(), deps: deps, log: deps.Logger,
		ctx: ctx, cancel: cancel,
		groups:  make(map[mining.MinerID]*group),
		changed: make(chan struct{}),
	}
	h.coinbases.New = func() any { return new([]byte) }
	var seed [4]byte
	_, _ = rand.Read(seed[:]) // crypto/rand.Read never fails
	h.jobIDs.Store(binary.BigEndian.Uint32(seed[:]))

	byName := make(map[string]*pool)
	for _, pc := range h.cfg.Pools {
		p := &pool{PoolConfig: pc, book: deps.Ledger.Pool(pc.Name, time.Now()), jobs: deps.Metrics.Jobs[pc.Name]}
		h.pools = append(h.pools, p)
		byName[pc.Name] = p
	}
	var rules []steer.Rule
	for _, rc := range h.cfg.Routes {
		r := &route{RouteConfig: rc}
		for _, name := range rc.Pools {
			p, ok := byName[name]
			if !ok {
				cancel()
				return nil, fmt.Errorf("route %q names pool %q, which is not configured", rc.Name, name)
			}
			r.pools = append(r.pools, p)
		}
		h.routes = append(h.routes, r)
		rules = append(rules, rc.Rule)
	}
	if len(h.pools) == 0 || len(h.routes) == 0 {
		cancel()
		return nil, errors.New("at least one pool and one route are needed")
	}
	h.rules = steer.Compile(rules)
	for _, p := range h.pools {
		h.makeProbe(p)
	}
	return h, nil
}

// makeProbe gives a pool the connection that is kept from start: it tells
// whether the pool can serve and what its extranonce is like.
func (h *Hub) makeProbe(p *pool) {
	login, template := mining.NewWorker("loka"), mining.Template{}
	for _, r := range h.routes {
		for _, q := range r.pools {
			if q == p && template.String() == "" {
				login, template = mining.NewWorker(r.Name), p.template(r)
			}
		}
	}
	username := p.Account
	if template.String() != "" {
		username = template.Expand(p.Account, login)
	}
	p.probe = link.NewKeeper(link.KeeperConfig{
		Link:     h.linkConfig(p),
		Username: username,
		Password: p.Password,
	}, link.KeeperDeps{
		Dial: h.deps.Dial, Logger: h.log,
		Metrics: h.linkMetrics(p), Quota: &p.quota, Wire: h.deps.Wire,
		OnChange: func(link.Status) { h.poolChanged() },
	})
}

func (h *Hub) linkConfig(p *pool) link.Config {
	return link.Config{
		ID: mining.LinkID(h.linkIDs.Add(1)), Pool: p.Name, Endpoint: p.Endpoint,
		UserAgent: h.cfg.UserAgent, VersionMask: h.cfg.VersionMask, SuggestDifficulty: p.Suggest,
	}
}

func (h *Hub) linkMetrics(p *pool) *link.Metrics {
	if h.deps.Metrics.Link == nil {
		return nil
	}
	return h.deps.Metrics.Link(p.Name)
}

// template is what the pool sees of a route's workers.
func (p *pool) template(r *route) mining.Template {
	if p.HasWorker {
		return p.Worker
	}
	return r.Worker
}

// poolChanged wakes whoever waits for a pool to be known.
func (h *Hub) poolChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}

// Run keeps the pools' probes and refreshes work until ctx ends; then it ends
// every link and returns when all of them are gone.
func (h *Hub) Run(ctx context.Context) error {
	probes, stop := context.WithCancel(h.ctx)
	defer stop()
	var running sync.WaitGroup
	for _, p := range h.pools {
		running.Go(func() { _ = p.probe.Run(probes) }) // it ends with its context only
	}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-ticker.C:
			h.sweep(now)
		}
	}
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	running.Wait()
	h.tasks.Wait()
	return nil
}

// sweepEvery is the time between two sweeps.
const sweepEvery = time.Second

// sweep looks after what happens by the clock.
func (h *Hub) sweep(now time.Time) {
	for _, g := range h.all() {
		g.tick(now)
	}
}

// spawn runs f in a goroutine that Run waits for; false if the hub is ending.
func (h *Hub) spawn(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.tasks.Go(f)
	return true
}

// Join takes a miner in.
func (h *Hub) Join(m *mining.Miner, p Peer) {
	g := newGroup(h, m, p)
	m.Seat = g
	h.mu.Lock()
	defer h.mu.Unlock()
	h.groups[m.ID] = g
}

// Leave lets a miner go. Its link stays until due verdicts are booked.
func (h *Hub) Leave(m *mining.Miner) {
	if g, ok := m.Seat.(*group); ok {
		g.leave(time.Now())
	}
}

// forget drops a group that has neither miner nor link.
func (h *Hub) forget(g *group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.groups, g.miner.ID)
}

// Pending is the number of shares whose verdict is still due.
func (h *Hub) Pending() int {
	n := 0
	for _, g := range h.all() {
		n += int(g.due.Load())
	}
	return n
}
