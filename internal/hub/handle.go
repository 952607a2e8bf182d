package hub

import (
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// Handle answers a miner's request, or takes it and answers later through
// the miner's Peer. It is the end of the pipeline.
func (h *Hub) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	g, ok := m.Seat.(*group)
	if !ok {
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Invalid}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch req.Kind {
	case mining.Submit:
		return g.submit(req)
	case mining.Negotiate:
		g.requested = req.VersionMask
		return g.whenKnown(mining.Answer{Ticket: req.Ticket}, g.negotiated)
	case mining.Open:
		g.facts.UserAgent, g.facts.Opened = req.UserAgent, true
		if !g.keepsRoute() {
			return mining.Answer{Ticket: req.Ticket, Verdict: mining.Pending} // it is being closed
		}
		return g.whenKnown(mining.Answer{Ticket: req.Ticket}, g.opened)
	case mining.Authorize:
		return g.authorize(req)
	}
	return mining.Answer{Ticket: req.Ticket, Verdict: mining.Invalid}
}

// Booked puts a handler's immediate word on shares into the ledger. It stands
// before the whole pipeline, so that whoever refuses a share is booked alike;
// what comes later is booked when it comes.
func (h *Hub) Booked(next pipeline.Handler) pipeline.Handler {
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
		a := next.Handle(m, req)
		if req.Kind == mining.Submit && a.Verdict != mining.Pending {
			h.Refused(m, req.Worker, a.Verdict)
		}
		return a
	})
}

// Refused books a share that got no further than here. w is nil where nobody
// known handed it in.
func (h *Hub) Refused(m *mining.Miner, w *mining.Worker, v mining.Verdict) {
	g, ok := m.Seat.(*group)
	if !ok {
		return
	}
	entry := ledger.Entry{Verdict: v, At: time.Now()}
	g.mu.Lock()
	defer g.mu.Unlock()
	if m, ok := g.memberOf(w); ok {
		entry.Worker = m.book
	}
	if g.pool != nil {
		entry.Pool = g.pool.book
	}
	g.record(entry)
}

// memberOf finds a worker that the pool has authorized.
func (g *group) memberOf(w *mining.Worker) (*member, bool) {
	if w == nil {
		return nil, false
	}
	m, ok := g.members[w.Login]
	return m, ok
}

// known gathers what the probes of all pools that the miner may still come
// to have learned. Pools that were never reached are left out.
func (g *group) known() []link.Facts {
	var all []link.Facts
	for _, i := range g.hub.rules.Candidates(g.facts) {
		for _, p := range g.hub.routes[i].pools {
			if facts, ok := p.probe.Facts(); ok {
				all = append(all, facts)
			}
		}
	}
	return all
}

// hopeless says that no pool that the miner may come to is being connected
// for the first time: waiting for one of them would only keep the miner from
// its own failover.
func (g *group) hopeless() bool {
	for _, i := range g.hub.rules.Candidates(g.facts) {
		for _, p := range g.hub.routes[i].pools {
			if p.probe.State() != link.Down {
				return false
			}
		}
	}
	return true
}

// keepsRoute closes a miner whose pool was dialled before a fact came that
// leads elsewhere: its hashrate must not stay where the routes do not send it.
// Only a pool that passes its own extranonce1 on, or a miner that authorizes
// before it subscribes, has to be dialled that early.
func (g *group) keepsRoute() bool {
	if g.route == nil {
		return true
	}
	if i, ok := g.hub.rules.Match(g.facts); ok && g.hub.routes[i] == g.route {
		return true
	}
	g.peer.Close(mining.NoRoute)
	return false
}

// floor is the least extranonce2 size that any route still open asks for.
func (g *group) floor() int {
	floor := 0
	for _, i := range g.hub.rules.Candidates(g.facts) {
		floor = max(floor, g.hub.routes[i].Extranonce2Size)
	}
	return floor
}

// whenKnown settles an answer as soon as a pool is known: at once, or later
// in a goroutine of its own, which closes the miner where none comes. g.mu is
// held.
func (g *group) whenKnown(a mining.Answer, settle func(mining.Answer, []link.Facts) mining.Answer) mining.Answer {
	if known := g.known(); len(known) > 0 {
		return settle(a, known)
	}
	a.Verdict = mining.Pending
	if len(g.hub.rules.Candidates(g.facts)) == 0 {
		g.peer.Close(mining.NoRoute)
		return a
	}
	if g.hopeless() {
		g.peer.Close(mining.PoolUnreachable)
		return a
	}
	if !g.hub.spawn(func() { g.wait(a, settle) }) {
		g.peer.Close(mining.Shutdown)
	}
	return a
}

// wait settles an answer when a pool is known, and closes the miner when none
// comes or all are down.
func (g *group) wait(a mining.Answer, settle func(mining.Answer, []link.Facts) mining.Answer) {
	timeout := time.NewTimer(g.hub.cfg.PoolWait)
	defer timeout.Stop()
	for {
		g.hub.mu.Lock()
		changed := g.hub.changed
		g.hub.mu.Unlock()
		if g.settled(a, settle) {
			return
		}
		select {
		case <-changed:
		case <-g.gone:
			return
		case <-g.hub.ctx.Done():
			return
		case <-timeout.C:
			g.peer.Close(mining.PoolUnreachable)
			return
		}
	}
}

// settled answers if a pool is known, or closes the miner if none will be.
func (g *group) settled(a mining.Answer, settle func(mining.Answer, []link.Facts) mining.Answer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.known()
	if len(known) == 0 {
		if g.hopeless() {
			g.peer.Close(mining.PoolUnreachable)
			return true
		}
		return false
	}
	if answer := settle(a, known); answer.Verdict != mining.Pending {
		g.peer.Answer(answer)
	}
	return true
}

// negotiated grants the version bits that every pool the miner may come to
// allows.
func (g *group) negotiated(a mining.Answer, known []link.Facts) mining.Answer {
	mask := g.requested & g.hub.cfg.VersionMask
	for _, facts := range known {
		mask &= facts.VersionMask
	}
	g.granted = mask
	a.Verdict, a.VersionMask = mining.Accepted, mask
	return a
}

// opened decides the miner's extranonce, once. Where the pool is too narrow
// for a slot the answer waits for the miner's own link and its E1.
func (g *group) opened(a mining.Answer, known []link.Facts) mining.Answer {
	if !g.planned {
		narrowest := known[0].Extranonce2Size
		for _, facts := range known {
			narrowest = min(narrowest, facts.Extranonce2Size)
		}
		layout, err := extranonce.Plan(narrowest, g.floor())
		if err != nil {
			a.Verdict = mining.Invalid
			return a
		}
		g.planned, g.layout = true, layout
		g.slot = randomBytes(layout.Slot)
		g.padSeed = randomUint64()
	}
	if !g.layout.PassThrough {
		a.Verdict, a.Extranonce1, a.Extranonce2Size = mining.Accepted, g.slot, g.layout.Miner
		g.release()
		if i, ok := g.hub.rules.Match(g.facts); ok && g.hub.rules.Candidates(g.facts)[0] == i {
			g.connect() // whatever its worker is: some probe with a subscribe alone and want work at once
		}
		return a
	}
	if g.subscribed {
		return g.passThrough(a)
	}
	g.openTicket, g.opening = a.Ticket, true
	g.connect()
	a.Verdict = mining.Pending
	return a
}

// passThrough answers an Open with the pool's own extranonce.
func (g *group) passThrough(a mining.Answer) mining.Answer {
	g.layout = passThroughOf(g.en2Size)
	g.release()
	a.Verdict, a.Extranonce1, a.Extranonce2Size = mining.Accepted, g.en1, g.en2Size
	return a
}

// authorize relays a login to the pool, by the name that the pool knows it.
func (g *group) authorize(req *mining.Request) mining.Answer {
	a := mining.Answer{Ticket: req.Ticket}
	if req.Worker == nil {
		a.Verdict = mining.Unauthorized
		return a
	}
	if !g.facts.Authorized {
		g.facts.Worker, g.facts.Authorized = req.Worker.Login, true
		if !g.keepsRoute() {
			a.Verdict = mining.Pending // it is being closed
			return a
		}
	}
	if g.members[req.Worker.Login] != nil {
		a.Verdict = mining.Accepted
		return a
	}
	g.logins[req.Ticket] = login{worker: req.Worker, at: time.Now()}
	if g.link != nil {
		g.relayLogin(req.Ticket)
	} else {
		g.connect()
	}
	a.Verdict = mining.Pending
	return a
}

// submit relays a share of work that we know.
func (g *group) submit(req *mining.Request) mining.Answer {
	now := time.Now()
	a := mining.Answer{Ticket: req.Ticket}
	m, ok := g.memberOf(req.Worker)
	if !ok {
		a.Verdict = mining.Unauthorized
		return a
	}
	w, _ := g.book.Get(req.Share.Job, now)
	if w == nil {
		a.Verdict = mining.JobNotFound
		return a
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
	if g.link == nil || !g.link.Submit(upstream.Submit{
		Job: w.Job, Worker: m.name, Extranonce2: en2,
		NTime: req.Share.NTime, Nonce: req.Share.Nonce,
		VersionBits: req.Share.VersionBits, HasVersionBits: req.Share.HasVersionBits,
		Tag: req.Ticket,
	}) {
		a.Verdict = mining.Unanswered
		return a
	}
	g.shares[req.Ticket] = share{member: m, difficulty: w.Difficulty, reached: g.reached(w, &req.Share), at: now}
	g.due.Add(1)
	a.Verdict = mining.Pending
	return a
}

func (g *group) upstreamExtranonce(layout extranonce.Layout, miner work.Extranonce) (work.Extranonce, bool) {
	if layout.PassThrough {
		return miner, miner.Len() == layout.Miner
	}
	return layout.Upstream(layout.Head(g.padSeed), g.slot, miner)
}

// reached is the difficulty of a share's hash, with version bits read as
// BIP 310 does: for the record of the best share, not for a verdict.
func (g *group) reached(w *mining.Work, s *mining.Share) work.Difficulty {
	scratch, _ := g.hub.coinbases.Get().(*[]byte)
	defer g.hub.coinbases.Put(scratch)
	*scratch = work.AppendCoinbase((*scratch)[:0], w.Prefix, g.layout.Told(g.en1, g.slot), s.Extranonce2, w.Job.CoinbaseSuffix)
	header := work.Header{
		Version: w.Job.Version, PrevHash: w.Job.PrevHash,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(*scratch), w.Job.Branches),
		NTime:      s.NTime, NBits: w.Job.NBits, Nonce: s.Nonce,
	}
	if s.HasVersionBits {
		header.Version = g.mask.Replace(header.Version, s.VersionBits&g.mask)
	}
	return header.Hash().Difficulty()
}
