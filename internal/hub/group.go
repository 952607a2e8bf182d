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

// groupKey says what a group is for. Groups of one route that work for one
// account and whose slots are of one space may exchange miners, those of other
// pools among them.
type groupKey struct {
	route   *route
	pool    *pool
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

// group is a set of miners that share one connection to a pool, and that
// connection: one link after another. Which pool a miner should be at is not
// its business: see [Hub.steer].
type group struct {
	// Static after construction.
	hub   *Hub
	key   groupKey
	route *route
	pool  *pool
	// who is a worker of the account that the group works for, nil where
	// there is one account only.
	who *mining.Worker
	// pad goes before each slot, as far as the pool has room for it.
	pad   uint64
	works *jobbook.Book

	// Atomic: what the share path reads.
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
	// hashrate is theirs in H/s, expected that of those who may come at once.
	hashrate, expected float64
	sorted             time.Time

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
	// last is what members work on meanwhile where the route holds them; nil
	// before the first work.
	last *mining.Work
	sent time.Time
	// refreshed is how often the current job was given again, varied when
	// last.
	refreshed work.NTime
	varied    time.Time
	// early is a job that came before the link may serve.
	early *mining.Job
	// hurried are members whose difficulty should not wait for the next job.
	hurried []*shared
	// rushed says that one of them has nothing worth its while until then.
	rushed bool
	// lowered is when the pool asked for less than the current job's
	// difficulty; zero if it has not.
	lowered time.Time

	forwarded map[uint64]forwarded
	tags      uint64
	aliases   aliases

	// workless and memberless are since when there is no work and no member,
	// each zero where there is one. broken is when the first link has ended
	// since there was work, zero if none has.
	workless, memberless, broken time.Time
	closed                       bool

	// draining is guarded by the hub's packMu: the group takes no more miners.
	draining bool
}

func newGroup(h *Hub, key groupKey, who *mining.Worker, now time.Time) *group {
	g := &group{
		hub: h, key: key, route: key.route, pool: key.pool, who: who, pad: randomUint64(),
		works:     jobbook.New(jobbook.Config{Max: maxWorks, MaxShares: maxShares}),
		forwarded: make(map[uint64]forwarded),
		workless:  now, memberless: now,
	}
	g.terms.Store(&terms{})
	return g
}

// run lives one link after another until the group is closed or ctx ends. A
// link is dialled while the pool's probe says that it serves.
func (g *group) run(ctx context.Context) {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: backoffMin / 2, MaxInterval: backoffMax / 2,
		Multiplier: 2, RandomizationFactor: 1,
	}
	pause.Reset()
	for ctx.Err() == nil && !g.over() {
		changed := g.hub.whenChanged()
		if !g.pool.probe.Ready() || !g.pool.fits(g.layout()) {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if g.key.account != "" && g.hub.dials.Wait(ctx) != nil { // there may be a thousand of them
			break
		}
		began := time.Now()
		g.live(ctx)
		if time.Since(began) > healthyAfter {
			pause.Reset()
		}
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
)

// retell gives all members another extranonce, with which they go to other
// groups: there is no pool with room for the one they have. Who cannot be told
// is closed and comes back.
func (g *group) retell() {
	g.hub.packMu.Lock()
	g.close(mining.BadExtranonce) // nobody comes any more
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

// heir is what a group without members may have to do for those of another, in
// H/s.
func (g *group) heir() float64 {
	most := 0.0
	for _, other := range g.hub.allGroups() {
		if other.route == g.route && other.key.account == g.key.account && other != g {
			other.mu.Lock()
			most = max(most, other.hashrate)
			other.mu.Unlock()
		}
	}
	return most
}

// does is what the members do, in H/s.
func (g *group) does() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hashrate
}

// load is what the group does, or may have to do at once, in H/s. g.mu is held.
func (g *group) load() float64 { return max(g.hashrate, g.expected) }

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

// live lives one link.
func (g *group) live(ctx context.Context) {
	p := g.pool
	cfg := g.hub.linkConfig(p)
	expected := g.heir()
	g.mu.Lock()
	if len(g.members) == 0 {
		g.expected = expected
	}
	if g.closed {
		g.mu.Unlock()
		return
	}
	if p.SuggestAuto {
		cfg.SuggestDifficulty = g.asked.atStart(g.load())
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
	p := g.pool
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
	g.aliases = newAliases()
	g.link, g.early = nil, nil
	if g.current != nil {
		g.last, g.current, g.workless = g.current, nil, now
		p.worked(false)
	}
	if g.broken.IsZero() {
		g.broken = now
		time.AfterFunc(redialWait, g.hub.poolChanged) // by then it is back, or its miners go elsewhere
	}
	g.hub.poolChanged()
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
		p := g.pool
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
	g.hashrate += m.rate.Load()
	g.setTerms(time.Now())
	if g.current == nil && g.route.Hold {
		return g.last
	}
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
	g.hashrate = max(0, g.hashrate-m.rate.Load())
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

// serves says that the group has work.
func (g *group) serves() bool {
	_, serves := g.size()
	return serves
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

// close ends the group for good: it takes no miners any more. packMu is held.
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
