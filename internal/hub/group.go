package hub

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// groupKey says which groups may exchange miners: those of one route that
// work for one account and whose slots are of one space.
type groupKey struct {
	route   *route
	account string
	slot    int // bytes
	miner   int // bytes
	// space is set where slots are so narrow that there may be several spaces,
	// whose slots are the same.
	space *space
}

// maxWorks is how many works a group remembers: new ones come with jobs and
// with difficulties that must not wait, all within the retention.
const (
	maxWorks = 512
	// maxShares is how many shares a group remembers to tell duplicates.
	maxShares = 1 << 18
)

// group is a set of miners that share one pool connection, and that
// connection: one link after another, at the first of the route's pools that
// serves.
type group struct {
	// Static after construction.
	hub   *Hub
	key   groupKey
	route *route
	// who is a worker of the account that the group works for, nil where
	// there is one account only.
	who *mining.Worker
	// pad goes before each slot, as far as the pool has room for it.
	pad   uint64
	works *jobbook.Book

	// Atomic: what the share path reads.
	pool  atomic.Pointer[pool]
	terms atomic.Pointer[terms]
	// due counts forwarded shares that the pool has not answered.
	due atomic.Int64
	// outages counts those that were long enough to make rates of shares mean
	// nothing.
	outages atomic.Uint32

	// Guarded by mu.
	mu      sync.Mutex
	members []*shared
	// order is the members by hashrate, as of the last sort, and fresh those
	// who came since: what a fan-out goes by.
	order, fresh []*shared
	hashrate     float64
	sorted       time.Time

	// The link: nil between two.
	link       *link.Link
	login      string
	authorized bool
	// mask is what the link's pool lets roll, once masked.
	masked bool
	mask   work.VersionMask
	climb  climb
	asked  suggestion

	// current is what members work on, nil while there is none; since is the
	// first work of the present link.
	current *mining.Work
	since   mining.JobID
	sent    time.Time
	// refreshed is how often the current job was given again, varied when
	// last.
	refreshed work.NTime
	varied    time.Time
	// early is a job that came before the link may serve.
	early *mining.Job
	// hurried are members whose difficulty should not wait for the next job.
	hurried []*shared
	// lowered is when the pool asked for less than the current job's
	// difficulty; zero if it has not.
	lowered time.Time

	forwarded map[uint64]forwarded
	tags      uint64
	aliases   aliases

	// workless and memberless are since when there is no work and no member,
	// each zero where there is one.
	workless, memberless time.Time
	closed               bool

	// draining is guarded by the hub's packMu: the group takes no more miners.
	draining bool
}

func newGroup(h *Hub, key groupKey, who *mining.Worker, now time.Time) *group {
	g := &group{
		hub: h, key: key, route: key.route, who: who, pad: randomUint64(),
		works:     jobbook.New(jobbook.Config{Max: maxWorks, MaxShares: maxShares}),
		forwarded: make(map[uint64]forwarded),
		workless:  now, memberless: now,
	}
	g.terms.Store(&terms{})
	return g
}

// run lives one link after another until the group is closed or ctx ends.
func (g *group) run(ctx context.Context) {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: backoffMin / 2, MaxInterval: backoffMax / 2,
		Multiplier: 2, RandomizationFactor: 1,
	}
	pause.Reset()
	failed := make(map[*pool]time.Time)
	patience := time.NewTimer(g.hub.cfg.PoolWait)
	defer patience.Stop()
	patient := true
	for ctx.Err() == nil && !g.over() {
		changed := g.hub.whenChanged()
		p, narrow := g.choose(failed, patient)
		if p == nil {
			if narrow {
				g.retell()
				break
			}
			select {
			case <-changed:
			case <-patience.C:
				patient = false
			case <-ctx.Done():
			}
			continue
		}
		began := time.Now()
		g.live(ctx, p)
		if time.Since(began) > healthyAfter {
			pause.Reset()
		}
		failed[p] = time.Now()
		wait := time.NewTimer(pause.NextBackOff())
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
	g.hub.dropGroup(g)
}

const (
	// backoffMin and backoffMax are the first and the longest pause between two
	// links, each drawn from nothing to twice its mean.
	backoffMin, backoffMax = 500 * time.Millisecond, 30 * time.Second
	// healthyAfter is how long a link must have lived for the next pause to
	// be the first one again.
	healthyAfter = time.Minute
	// avoidFor is how long a pool whose link ended comes after the others.
	avoidFor = 30 * time.Second
)

// choose is the first of the route's pools that serves now and whose
// extranonce fits the group's slots; one that has just failed comes last. With
// patience a pool that is being connected for the first time is waited for:
// after a start the fastest pool is not the preferred one. narrow says that
// there are pools that serve, and none has room for the slots.
func (g *group) choose(failed map[*pool]time.Time, patient bool) (best *pool, narrow bool) {
	var last *pool
	for _, p := range g.route.pools {
		if patient && p.probe.State() == link.Connecting {
			return nil, false
		}
		facts, ok := p.probe.Facts()
		if !ok || !p.probe.Ready() {
			continue
		}
		if _, fits := extranonce.Fits(g.layout(), facts.Extranonce2Size); !fits {
			narrow = true
			continue
		}
		if at, ok := failed[p]; !ok || time.Since(at) > avoidFor {
			return p, false
		}
		if last == nil {
			last = p
		}
	}
	return last, narrow && last == nil
}

// retell gives all members another extranonce, with which they go to other
// groups: the pools have become too narrow for the one they have. Who cannot
// be told is closed and comes back. The group serves nobody any more.
func (g *group) retell() {
	g.hub.packMu.Lock()
	g.draining = true // nobody comes any more
	g.hub.packMu.Unlock()
	members := g.everyone()
	if len(members) > 0 {
		g.hub.log.LogAttrs(context.Background(), slog.LevelWarn, "no pool has room for the extranonces of a shared connection's miners any more; they are told others, or closed where they cannot be",
			slog.String("route", g.route.Name), slog.Int("miners", len(members)), slog.Int("needed", g.key.slot+g.key.miner))
	}
	for _, m := range members {
		m.retell(g)
	}
}

// layout is what the group's miners were told, whatever the pool.
func (g *group) layout() extranonce.Layout {
	return extranonce.Layout{PoolSize: g.key.slot + g.key.miner, Slot: g.key.slot, Miner: g.key.miner}
}

// over says that the group takes no part any more.
func (g *group) over() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// live lives one link to a pool.
func (g *group) live(ctx context.Context, p *pool) {
	cfg := g.hub.linkConfig(p)
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return
	}
	if p.SuggestAuto {
		cfg.SuggestDifficulty = g.asked.atStart(g.hashrate)
	}
	l := link.New(cfg, link.Deps{
		Dial: g.hub.deps.Dial, Events: g, Logger: g.hub.log,
		Metrics: g.hub.linkMetrics(p), Quota: &p.quota, Wire: g.hub.deps.Wire,
	})
	g.link, g.login = l, p.loginOf(g.route, g.who)
	g.authorized, g.early = false, nil
	g.masked, g.mask = cfg.VersionMask == 0, 0
	g.climb = climb{difficulty: 1, changed: time.Now()}
	g.aliases = newAliases()
	g.pool.Store(p)
	login := g.login
	g.mu.Unlock()
	l.Authorize(login, p.Password.Reveal(), loginTag)
	p.links.Add(1)
	l.Run(ctx)
	p.links.Add(-1)
}

// loginTag is the tag of a link's own login; names of workers have tags above.
const loginTag = 1 << 62

// LinkEvent takes what the link's pool said; see [link.Events].
func (g *group) LinkEvent(l *link.Link, ev upstream.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l != g.link {
		return
	}
	switch ev.Kind {
	case upstream.Job:
		g.onJob(ev.Job)
	case upstream.Authorized:
		g.onAuthorized(l, ev)
	case upstream.Verdict:
		g.onVerdict(ev)
	case upstream.Mask:
		g.masked, g.mask = true, ev.VersionMask
		g.giveEarly()
	case upstream.Difficulty:
		g.onDifficulty(ev.Difficulty)
	case upstream.Subscribed, upstream.Extranonce, upstream.Message, upstream.Reconnect, upstream.BadLine:
		// What matters of the first two rides in the next job; the link logs
		// and counts the others.
	}
}

// LinkEnded is the last word of a link; see [link.Events]. Its work is worth
// nothing any more, but the members stay: the next link's first job is theirs.
func (g *group) LinkEnded(l *link.Link, reason mining.Reason, err error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.pool.Load()
	level := slog.LevelDebug
	if reason != mining.NoMiners && reason != mining.Shutdown {
		level = warnOr(&p.ended, now)
	}
	attrs := []slog.Attr{
		slog.String("pool", l.Pool()), slog.String("route", g.route.Name), slog.Int("miners", len(g.members)),
		slog.String("link", l.ID().String()), slog.String("reason", string(reason)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	g.hub.log.LogAttrs(context.Background(), level, "shared pool connection ended", attrs...)
	if (reason == mining.PeerClosed || reason == mining.PeerReset) && g.aliases.suspicious(now) {
		p.suspected.Store(now.UnixNano())
	}
	g.link, g.early = nil, nil
	if g.current != nil {
		g.current, g.workless = nil, now
	}
	g.works.Retire()
	g.since = g.hub.nextJob() // what was given before is nothing to the next link, even before its first job
	for _, share := range g.forwarded {
		if !share.late { // it was never on the way
			g.due.Add(-1)
		}
	}
	clear(g.forwarded)
}

// onAuthorized takes the pool's answer to the link's login or to a worker's
// name.
func (g *group) onAuthorized(l *link.Link, ev upstream.Event) {
	if ev.Tag != loginTag {
		g.onAlias(ev)
		return
	}
	switch ev.Verdict {
	case mining.Accepted:
		g.authorized = true
		g.giveEarly()
	case mining.Unanswered:
		l.Close(mining.PoolHandshakeTimeout)
	default:
		p := g.pool.Load()
		g.hub.log.LogAttrs(context.Background(), warnOr(&p.refused, time.Now()), "pool refused a shared connection's login",
			slog.String("pool", p.Name), slog.String("route", g.route.Name), slog.String("login", g.login),
			slog.Int("code", ev.Code), slog.String("text", ev.Text))
		l.Close(mining.PoolAuthorizeRefused)
	}
}

// onDifficulty hears of the pool's difficulty. It counts from the next job on,
// but for one that is lower: whoever is above it then does work that the pool
// does not pay.
func (g *group) onDifficulty(d work.Difficulty) {
	now := time.Now()
	g.climb.told(d, now)
	g.setTerms(now)
	if g.current != nil && d < g.current.Job.Difficulty && g.lowered.IsZero() {
		g.lowered = now
	}
}

// add makes a miner a member and returns the work there is for it, or nil.
func (g *group) add(m *shared) *mining.Work {
	g.mu.Lock()
	defer g.mu.Unlock()
	m.place = len(g.members)
	g.members = append(g.members, m)
	g.fresh = append(g.fresh, m)
	g.memberless = time.Time{}
	return g.current
}

// remove takes a miner out.
func (g *group) remove(m *shared) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := len(g.members) - 1
	g.members[m.place], g.members[last].place = g.members[last], m.place
	g.members[last] = nil
	g.members = g.members[:last]
	if last == 0 {
		g.memberless = time.Now()
		g.order, g.fresh = nil, nil
	}
}

// size is the number of members, and whether there is work for them.
func (g *group) size() (members int, serving bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members), g.current != nil
}

// counts says whether shares of a work that the group gave still count.
func (g *group) counts(w *mining.Work, now time.Time) bool {
	_, state := g.works.Get(w.ID, now)
	return state == jobbook.Live
}

func (g *group) linkID() mining.LinkID {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.link == nil {
		return 0
	}
	return g.link.ID()
}

// close ends the group for good; it has no members.
func (g *group) close(reason mining.Reason) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	if g.link != nil {
		g.link.Close(reason)
	} else {
		g.hub.poolChanged() // it may wait for a pool
	}
}
