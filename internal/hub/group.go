package hub

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
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
	// working says that there is work, as current does.
	working atomic.Bool
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
	// trail is how often the pool has sent it on.
	trail trail

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
	// lately are shares that the pool has answered last, answers how many it has.
	lately  [lately]answered
	answers uint64
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

	// first is where the first link goes, nil where the pool is configured; owned
	// by run.
	first *link.Redirection

	// Guarded by the hub's packMu: draining says that the group takes no more
	// miners, successor is the one that its pool has sent it to.
	draining  bool
	successor *group
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

// retell gives all members another extranonce, with which they go to other
// groups: there is no pool with room for the one they have. Who cannot be told
// is closed and comes back.
func (g *group) retell() {
	g.hub.packMu.Lock()
	g.close(mining.BadExtranonce) // nobody comes any more
	g.hub.packMu.Unlock()
	members := g.everyone()
	if len(members) > 0 {
		g.hub.log.LogAttrs(context.Background(), warnOr(&g.pool.moved, time.Now()), "no pool has room for the extranonces of a shared connection's miners any more; they are told others, or closed where they cannot be",
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
	if g.current == nil && g.route.conf().Hold {
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
