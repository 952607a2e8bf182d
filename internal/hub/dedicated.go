package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// login is an authorize that the pool has not answered.
type login struct {
	worker  *mining.Worker
	at      time.Time
	relayed bool
	// as is the name that the pool is asked for, once relayed.
	as string
}

// share is a submit that the pool has not answered.
type share struct { // 128 bytes: a map keeps what is larger by itself, an allocation each
	member     *member
	pool       *pool
	difficulty work.Difficulty
	// job is what it is of, hash its hash; block says that it is one.
	job   *mining.Job
	hash  work.Hash
	block bool
	// answered: the miner was told "unanswered"; only the pool's word is due.
	answered bool
	// again: the miner has handed it in before.
	again bool
	at    time.Time
	// id is what the ledger knows it by, booked when that was, in UnixNano.
	id     ledger.ShareID
	booked int64
	// trace follows it; nil is not followed.
	trace mining.Trace
}

// lateWait is how long a verdict may be late and still be booked: as long as
// the upstream session remembers its submit.
const lateWait = 5 * time.Minute

// maxWorkBytes bounds the coinbases and branches of the works that are remembered of one
// miner: all of the usual size, and ten of the largest that a pool may give. Every miner's
// link has jobs of its own, and a pool is not to fill the memory with them.
const maxWorkBytes = 256 << 10

// linger is how long a link outlives its miner while verdicts are due.
const linger = 5 * time.Second

// dedicated is the role of a miner with a link of its own, and with the pool's
// difficulty and verdicts. All of it is guarded by the seat's mutex.
type dedicated struct {
	*seat

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

	// candidate is the link that is to take over, nil where there is none;
	// priors are those before. turned hears that the link is subscribed or has
	// ended. took is when link took over, and vain are the pools that did not take
	// the miner.
	candidate *candidate
	priors    []*prior
	turned    chan struct{}
	took      time.Time
	vain      map[*pool]vain
	// trail is how often the miner's pools have sent it on.
	trail trail
	// rate estimates its hashrate by the shares that the pool has accepted, and
	// crossed is when it came, or was last sent to another part of a split.
	rate    vardiff.Control
	crossed time.Time
	// logged are members by the tags of their logins at the present link.
	logged map[uint64]*member

	// What the miner works on; since is the first work of the present link.
	since   mining.JobID
	book    *jobbook.Book
	current *mining.Work
	sent    time.Time
	// refreshed is how often the current job was given again.
	refreshed work.NTime
	// early is a job that came before the miner's extranonce was decided, or
	// before the link's pool said what may be rolled.
	early *mining.Job

	// held is what it works on while it has no link, nil where it is not held.
	held *held

	logins map[uint64]login
	shares map[uint64]share
	handed handed
	// gathering says that the miner's answers wait for the end of a link's read.
	gathering bool

	// adrift: the link is another route's, and the miner is to have one of its own.
	adrift bool
	// resumed: the miner had another role before. retired: it has another one by
	// now, and only late shares of its work come.
	resumed, retired bool

	leftAt time.Time
	// over: run has ended.
	over bool
}

func newDedicated(s *seat) *dedicated {
	now := time.Now()
	return &dedicated{
		rate: vardiff.New(&counting, 0, now), crossed: now,
		seat: s, padSeed: randomUint64(),
		book:   jobbook.New(jobbook.Config{MaxBytes: maxWorkBytes}),
		logins: make(map[uint64]login),
		shares: make(map[uint64]share),
		turned: make(chan struct{}, 1),
		vain:   make(map[*pool]vain),
		since:  s.hub.nextJob(),
	}
}

// begin gives the miner a link of its own, in a goroutine that tries the
// route's pools in order.
func (g *dedicated) begin() {
	g.connecting = true
	if !g.hub.spawn(g.run) {
		g.connecting = false
		g.peer.Close(mining.Shutdown)
	}
}

// relayLogin asks the pool for a login that waits. g.mu is held.
func (g *dedicated) relayLogin(ticket uint64) {
	l := g.logins[ticket]
	l.relayed, l.at, l.as = true, time.Now(), g.nameAt(g.pool, l.worker)
	g.logins[ticket] = l
	g.link.Authorize(l.as, g.pool.password(g.route).Reveal(), ticket)
}

func (g *dedicated) nameOf(w *mining.Worker) string { return g.nameAt(g.pool, w) }

// nameAt is the name by which a pool knows a worker.
func (g *dedicated) nameAt(p *pool, w *mining.Worker) string {
	return p.template(g.route).Expand(p.Account, w)
}

func (g *dedicated) onSubscribed(ev upstream.Event) {
	g.subscribed, g.en1, g.en2Size = true, ev.Extranonce1, ev.Extranonce2Size
	g.turn()
	if g.opening {
		g.opening = false
		g.peer.Answer(g.passThrough(mining.Answer{Ticket: g.openTicket}))
	}
}

// open answers an Open at a pool that is too narrow for a slot, once the
// link's E1 is known.
func (g *dedicated) open(a mining.Answer) mining.Answer {
	if g.subscribed {
		return g.passThrough(a)
	}
	g.openTicket, g.opening = a.Ticket, true
	a.Verdict = mining.Pending
	return a
}

// passThrough answers an Open with the pool's own extranonce.
func (g *dedicated) passThrough(a mining.Answer) mining.Answer {
	g.layout = passThroughOf(g.en2Size)
	g.giveEarly()
	a.Verdict, a.Extranonce1, a.Extranonce2Size = mining.Accepted, g.en1, g.en2Size
	return a
}

func (g *dedicated) at() *pool { return g.pool }

func (*dedicated) state(*MinerState, time.Time) {}

// leave lets the link go too, once nothing is due.
func (g *dedicated) leave(now time.Time) {
	g.leftAt = now
	if g.candidate != nil {
		g.candidate.link.Close(mining.MinerGone)
	}
	if g.due.Load() == 0 {
		g.letGo()
	}
	g.end()
}

// letGo ends the links that serve the miner, or did. g.mu is held.
func (g *dedicated) letGo() {
	if g.link != nil {
		g.link.Close(mining.MinerGone)
	}
	for _, p := range g.priors {
		p.link.Close(mining.MinerGone)
	}
}

// end lets the seat go once neither miner nor link is left.
func (g *dedicated) end() {
	if g.left && !g.retired && (!g.connecting || g.over) && len(g.priors) == 0 {
		g.release()
	}
}

// tick looks after refresh, silent authorizes and lingering.
func (g *dedicated) tick(now time.Time) {
	if g.left {
		if g.due.Load() == 0 || now.Sub(g.leftAt) > linger {
			g.letGo()
		}
		return
	}
	g.tickLinks(now)
	if g.over {
		return
	}
	g.tickHeld(now)
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

// knows says whether the miner was given a work in this role. g.mu is held.
func (g *dedicated) knows(id mining.JobID, now time.Time) bool {
	w, _ := g.book.Get(id, now)
	return w != nil
}

// adopt lets a later worker in under the first one's name, for a pool that
// knows one worker a connection and says nothing to a second authorize.
func (g *dedicated) adopt(ticket uint64, l login) {
	delete(g.logins, ticket)
	g.admit(l.worker, g.first.name, time.Now())
	g.hub.log.LogAttrs(context.Background(), warnOr(&g.pool.silent, time.Now()),
		"pool does not answer a second worker's authorize; its shares go by the first one's name", g.attrs(l.worker, g.first.name)...)
	g.peer.Answer(mining.Answer{Ticket: ticket, Verdict: mining.Accepted})
}

// authorize relays a login to the pool, by the name that the pool knows it.
func (g *dedicated) authorize(ticket uint64, w *mining.Worker, _ options) mining.Answer {
	g.logins[ticket] = login{worker: w, at: time.Now()}
	if g.link != nil {
		g.relayLogin(ticket)
	}
	return mining.Answer{Ticket: ticket, Verdict: mining.Pending}
}

// submit relays a share of work that we know.
func (g *dedicated) submit(req *mining.Request, m *member, now time.Time) mining.Answer {
	a := mining.Answer{Ticket: req.Ticket}
	if m == nil {
		a.Verdict = mining.Unauthorized
		return a
	}
	if g.held != nil && g.priorOf(req.Share.Job) == nil {
		return g.submitHeld(req, m, now)
	}
	w, _ := g.book.Get(req.Share.Job, now)
	if w == nil {
		a.Verdict = mining.JobNotFound
		return a
	}
	if req.Share.NTime == 0 { // btcpool's agent: the job's own time
		req.Share.NTime = w.NTime
	}
	l, p, name := g.link, g.pool, m.name
	if w.ID.Before(g.since) {
		was := g.priorOf(w.ID)
		if was == nil {
			a.Verdict = mining.Stale
			return a
		}
		l, p, name = was.link, was.pool, was.nameOf(m, g.first)
	}
	layout, ok := extranonce.Fits(g.layout, w.Job.Extranonce2Size)
	if !ok {
		a.Verdict = mining.Stale
		return a
	}
	en2, ok := g.upstreamExtranonce(layout, req.Share.Extranonce2)
	if !ok {
		a.Verdict = mining.Invalid
		return a
	}
	lap(g.hub.deps.Metrics.JudgeSeconds, req)
	if l == nil || !l.Put(upstream.Submit{
		Job: w.Job, Worker: name, Extranonce2: en2,
		NTime: req.Share.NTime, Nonce: req.Share.Nonce,
		VersionBits: req.Share.VersionBits, HasVersionBits: req.Share.HasVersionBits,
		Tag: req.Ticket,
	}) {
		a.Verdict = mining.Unanswered
		return a
	}
	g.sends(l)
	lap(g.hub.deps.Metrics.ForwardSeconds, req)
	s := share{member: m, pool: p, difficulty: w.Job.Difficulty, job: w.Job, hash: g.hash(w, &req.Share), at: now, trace: req.Trace}
	s.again = g.handed.again(s.hash)
	if s.trace != nil {
		s.trace.Step("forward", time.Now(), mining.Fact{Name: "pool", Value: p.Name}, mining.Fact{Name: "route", Value: g.route.Name})
	}
	if network, err := w.Job.NBits.Target(); err == nil && network.Met(s.hash) {
		s.block = true
		l.Flush() // it waits for nothing else that was said in the same breath
		g.hub.foundBlock(&ledger.Entry{
			Worker: m.book, Pool: p.book, Route: g.route.book, Job: w.Job, ShareDifficulty: s.hash.Difficulty(), At: now,
		}, s.hash)
	}
	g.shares[req.Ticket] = s
	g.due.Add(1)
	a.Verdict = mining.Pending
	return a
}

func (g *dedicated) upstreamExtranonce(layout extranonce.Layout, miner work.Extranonce) (work.Extranonce, bool) {
	if layout.PassThrough {
		return miner, miner.Len() == layout.Miner
	}
	return layout.Upstream(layout.Head(g.padSeed), g.slot, miner)
}

// hash is a share's, with version bits read as BIP 310 does: for the record of
// the best share and of blocks, not for a verdict.
func (g *dedicated) hash(w *mining.Work, s *mining.Share) work.Hash {
	version := w.Job.Version
	if s.HasVersionBits {
		version = g.mask.Replace(version, s.VersionBits&g.mask)
	}
	return jobbook.Hash(w, g.layout.Told(g.en1, g.slot), s, version)
}

func passThroughOf(size int) extranonce.Layout {
	return extranonce.Layout{PoolSize: size, Miner: size, PassThrough: true}
}

// attrs are what a log line says of a worker of this miner.
func (g *dedicated) attrs(w *mining.Worker, as string) []slog.Attr {
	return []slog.Attr{
		slog.String("worker", w.Login), slog.String("as", as),
		slog.Uint64("miner", uint64(g.miner.ID)), slog.String("remote", g.miner.Remote.String()),
		slog.String("user_agent", g.facts.UserAgent),
		slog.String("route", g.route.Name), slog.String("pool", g.pool.Name),
	}
}
