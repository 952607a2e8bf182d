package hub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/work"
)

// member is a worker of a group: the name that the pool knows it by, and
// where its shares are booked.
type member struct {
	name string
	book *ledger.WorkerBook
}

// login is an authorize that the pool has not answered.
type login struct {
	worker  *mining.Worker
	at      time.Time
	relayed bool
}

// share is a submit that the pool has not answered.
type share struct {
	member     *member
	difficulty work.Difficulty
	// reached is the difficulty of the share's hash.
	reached work.Difficulty
	at      time.Time
	// answered: the miner was told "unanswered"; only the pool's word is due.
	answered bool
}

// lateWait is how long a verdict may be late and still be booked: as long as
// the upstream session remembers its submit.
const lateWait = 5 * time.Minute

// group is a miner with a link of its own.
type group struct {
	// Static after construction.
	hub   *Hub
	miner *mining.Miner
	peer  Peer
	// gone is closed by leave.
	gone chan struct{}
	// due counts entries of shares that are not answered.
	due atomic.Int64

	// Guarded by mu.
	mu    sync.Mutex
	facts steer.Facts
	route *route
	// requested is what the miner asked to roll, granted what it was told.
	requested, granted work.VersionMask

	// The miner's extranonce, fixed once planned.
	planned bool
	layout  extranonce.Layout
	slot    work.Extranonce
	padSeed uint64
	// openTicket waits for the link's E1 while opening.
	opening    bool
	openTicket uint64

	// The link: nil before connect; en1 and en2Size once subscribed.
	connecting bool
	link       *link.Link
	pool       *pool
	subscribed bool
	en1        work.Extranonce
	en2Size    int
	// mask is what the link's pool lets roll, once masked.
	masked bool
	mask   work.VersionMask

	// What the miner works on.
	book    *jobbook.Book
	current *mining.Work
	sent    time.Time
	// refreshed is how often the current job was given again.
	refreshed work.NTime
	// early is a job that came before the miner's extranonce was decided, or
	// before the link's pool said what may be rolled.
	early *mining.Job

	first   *member
	members map[string]*member // by login
	logins  map[uint64]login
	shares  map[uint64]share
	// accepted and rejected count shares by our verdict.
	accepted, rejected uint64

	left   bool
	leftAt time.Time
	// over: run has ended.
	over bool
}

func newGroup(h *Hub, m *mining.Miner, p Peer) *group {
	return &group{
		hub: h, miner: m, peer: p, gone: make(chan struct{}),
		facts:   steer.Facts{Listener: m.Listener, Remote: m.Remote.Addr()},
		book:    jobbook.New(jobbook.Config{}),
		members: make(map[string]*member),
		logins:  make(map[uint64]login),
		shares:  make(map[uint64]share),
	}
}

// record books a share by our word, and the pool's where it is known.
func (g *group) record(e ledger.Entry) {
	if e.Verdict == mining.Accepted {
		g.accepted++
	} else {
		g.rejected++
	}
	g.hub.deps.Ledger.Record(e)
}

// leave is called when the miner is gone.
func (g *group) leave(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.leftAt = true, now
	close(g.gone)
	if g.link != nil && g.due.Load() == 0 {
		g.link.Close(mining.MinerGone)
	}
	g.settle()
}

// settle lets the group go once neither miner nor link is left. g.mu is held.
func (g *group) settle() {
	if !g.left || g.connecting && !g.over {
		return
	}
	g.hub.forget(g)
	for _, m := range g.members {
		g.hub.deps.Ledger.Release(m.book)
	}
	clear(g.members)
}

// tick looks after refresh, silent authorizes and lingering.
func (g *group) tick(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left {
		if g.link != nil && (g.due.Load() == 0 || now.Sub(g.leftAt) > g.hub.cfg.Linger) {
			g.link.Close(mining.MinerGone)
		}
		return
	}
	if g.over {
		return
	}
	// The next sweep would be too late.
	if g.current != nil && now.Sub(g.sent) > g.hub.cfg.Refresh-sweepEvery {
		g.refresh(now)
	}
	for ticket, s := range g.shares {
		if s.answered && now.Sub(s.at) > lateWait {
			delete(g.shares, ticket)
		}
	}
	if g.first == nil {
		return
	}
	for ticket, l := range g.logins {
		if l.relayed && now.Sub(l.at) > g.hub.cfg.AuthorizeWait {
			g.adopt(ticket, l)
		}
	}
}

// adopt lets a later worker in under the first one's name, for a pool that
// knows one worker a connection and says nothing to a second authorize.
func (g *group) adopt(ticket uint64, l login) {
	delete(g.logins, ticket)
	g.members[l.worker.Login] = &member{name: g.first.name, book: g.hub.deps.Ledger.Worker(l.worker.Login, g.route.Name, time.Now())}
	g.hub.log.LogAttrs(context.Background(), warnOr(&g.pool.silent, time.Now()),
		"pool does not answer a second worker's authorize; its shares go by the first one's name", g.attrs(l.worker, g.first.name)...)
	g.peer.Answer(mining.Answer{Ticket: ticket, Verdict: mining.Accepted})
}

func randomUint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return binary.BigEndian.Uint64(b[:])
}

func randomBytes(n int) work.Extranonce {
	var b [work.MaxExtranonce]byte
	_, _ = rand.Read(b[:n])
	e, _ := work.MakeExtranonce(b[:n])
	return e
}
