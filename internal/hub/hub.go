package hub

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/internal/watch"
)

// warnOr is Warn if the pace lets one through now, and Debug else: trouble
// that comes miner by miner is news once, not once a miner.
func warnOr(p *pace.Pace, now time.Time) slog.Level {
	if p.Due(now) {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// dialRate and dialBurst are how many connections a second, and at once,
// dedicated miners whose links were lost are given. Those that go to a better pool
// are given dialBurst a second.
const dialRate, dialBurst = 200, 50

// Hub joins miners and pools.
type Hub struct {
	// Static after construction.
	cfg    Config
	deps   Deps
	log    *slog.Logger
	fanout *fanout
	memory *vardiff.Memory

	// applyMu is held by who puts another roster in place. It guards running: Run has
	// begun.
	applyMu sync.Mutex
	running bool
	listed  atomic.Pointer[roster]

	jobIDs  atomic.Uint32
	linkIDs atomic.Uint64

	// dials spaces the connections of which each is for one miner or account, for
	// they are lost all at once; returns those of miners with links of their own
	// to better pools, and sends those to where their pool has sent them, while others
	// serve.
	dials, returns, sends *rate.Limiter

	// ctx is what links live under; it ends when Run does.
	ctx    context.Context
	cancel context.CancelFunc
	// tasks are the goroutines that links and waiting miners run in, probing those
	// of the pools' probes, which end after them.
	tasks, probing sync.WaitGroup
	// probes is what probes live under: it ends with Run, once the links have;
	// endProbes ends it.
	probes    context.Context
	endProbes context.CancelFunc

	// foreign spaces the warnings of workers of other accounts, undivided those of
	// miners of split routes that have links of their own.
	foreign, undivided pace.Pace
	// arrivals bounds the news of miners that log in.
	arrivals pace.Budget

	mu     sync.Mutex
	seats  map[mining.MinerID]*seat
	logins logins
	closed bool
	// changed is closed and replaced whenever a pool's state changes.
	changed chan struct{}

	// placeMu is held while a miner without a link is given one: where it goes is
	// counted before the next one asks. All other locks may be taken under it.
	placeMu sync.Mutex
	// packMu guards which groups there are; slotMu the slot spaces; termsMu
	// the rules of difficulty. A group's lock may be taken under the first.
	packMu  sync.Mutex
	groups  map[groupKey][]*group
	slotMu  sync.Mutex
	spaces  []*space
	termsMu sync.Mutex
	rulings map[ruling]*vardiff.Config

	// counted is the last sweep's.
	counted atomic.Pointer[census]

	// blocks compares when the pools come with new ones.
	blocks quality.Blocks
	// tips compares which blocks they are on. booked is when the books were last
	// looked at for what is watched of pools; the goroutine in Run owns it.
	tips   watch.Tips
	booked time.Time
}

// New makes a hub. It reaches no pool before [Hub.Run].
func New(cfg Config, deps Deps) (*Hub, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Events == nil {
		deps.Events = events.Nobody{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	probes, endProbes := context.WithCancel(context.Background())
	h := &Hub{
		cfg: cfg.withDefaults(), deps: deps, log: deps.Logger,
		dials: rate.NewLimiter(dialRate, dialBurst), returns: rate.NewLimiter(dialBurst, dialBurst), sends: rate.NewLimiter(dialBurst, dialBurst),
		ctx: ctx, cancel: cancel, probes: probes, endProbes: endProbes,
		fanout:  newFanout(&deps.Metrics),
		memory:  cmp.Or(deps.Rates, vardiff.NewMemory()),
		seats:   make(map[mining.MinerID]*seat),
		logins:  make(logins),
		changed: make(chan struct{}),
		groups:  make(map[groupKey][]*group),
		rulings: make(map[ruling]*vardiff.Config),
	}
	var seed [4]byte
	_, _ = rand.Read(seed[:]) // crypto/rand.Read never fails
	h.jobIDs.Store(binary.BigEndian.Uint32(seed[:]))

	now := time.Now()
	n, err := draft(&h.cfg, &roster{})
	if err != nil {
		cancel()
		endProbes()
		return nil, err
	}
	for _, p := range n.added {
		p.born = now
	}
	h.take(n, now)
	return h, nil
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

// poolChanged wakes whoever waits for a pool to be known.
func (h *Hub) poolChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}

// whenChanged is closed at the next change of a pool's state.
func (h *Hub) whenChanged() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// nextJob is a job id that was not given for as long as 2^32 others take.
func (h *Hub) nextJob() mining.JobID { return mining.JobID(h.jobIDs.Add(1)) }

// Run keeps the pools' probes and refreshes work until ctx ends; then it ends
// every link and returns when all of them are gone.
func (h *Hub) Run(ctx context.Context) error {
	h.applyMu.Lock()
	h.running = true
	for _, p := range h.roster().pools {
		h.startProbe(p)
	}
	h.applyMu.Unlock()
	h.probing.Go(h.fanout.run)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	changed := h.whenChanged()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-ticker.C:
			h.sweep(now)
		case <-changed:
			changed = h.whenChanged() // what changes from here on is seen at the next turn
			h.prewarm(time.Now())
			h.steer(time.Now())
			rest(ctx, steerEvery) // what else changes now is of one piece
		}
	}
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.applyMu.Lock() // a roster that is on its way is in place, or will not be
	h.cancel()
	h.applyMu.Unlock()
	h.tasks.Wait()
	h.endProbes()
	h.fanout.end()
	h.probing.Wait()
	h.keepFound()
	return nil
}

// keepFound tells what was found out about pools since it was told last.
func (h *Hub) keepFound() {
	for _, p := range h.roster().pools {
		if f := p.found(); f != p.kept && (h.deps.OnFound == nil || h.deps.OnFound(p.Name, f) == nil) {
			p.kept = f
		}
	}
}

// steerEvery is the least time between two looks at where miners should be.
const steerEvery = 20 * time.Millisecond

// rest waits, but not past the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// sweepEvery is the time between two sweeps.
const sweepEvery = time.Second

// sweep looks after what happens by the clock.
func (h *Hub) sweep(now time.Time) {
	all, ro := newCensus(now), h.roster()
	var alone []*dedicated
	for _, s := range h.all() {
		if d := s.tick(all, now); d != nil {
			d.seek(now)
			alone = append(alone, d)
		}
	}
	if h.roster() == ro {
		h.counted.Store(all)
	}
	for _, g := range h.allGroups() {
		g.tick(now)
	}
	for _, p := range h.roster().pools {
		p.tickSuspicion(h.log, now)
		p.tickQuality(now)
	}
	h.tickWatch(now)
	h.tend(alone, now)
	h.letGo()
	h.tickDisabled(now)
	h.tickConditions(all.pools, now)
	h.keepFound()
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
	s := newSeat(h, m, p)
	m.Seat = s
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seats[m.ID] = s
}

// Leave lets a miner go. Its link stays until due verdicts are booked.
func (h *Hub) Leave(m *mining.Miner) {
	if s, ok := m.Seat.(*seat); ok {
		s.leave(time.Now())
	}
}

// forget drops a seat whose miner is gone.
func (h *Hub) forget(s *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.seats, s.miner.ID)
}

// Pending is the number of shares whose verdict is still due.
func (h *Hub) Pending() int {
	n := 0
	for _, s := range h.all() {
		n += int(s.due.Load())
	}
	for _, g := range h.allGroups() {
		n += int(g.due.Load())
	}
	return n
}
