package hub

import (
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// Handle answers a miner's request, or takes it and answers later through
// the miner's Peer. It is the end of the pipeline.
func (h *Hub) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	s, ok := m.Seat.(*seat)
	if !ok {
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Invalid}
	}
	lap(h.deps.Metrics.PipelineSeconds, req)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch req.Kind {
	case mining.Submit:
		return s.submit(req)
	case mining.Negotiate:
		s.requested = req.VersionMask
		return s.whenKnown(mining.Answer{Ticket: req.Ticket}, s.negotiated)
	case mining.Open:
		s.facts.UserAgent, s.facts.Opened, s.floor = req.UserAgent, true, req.Floor
		if !s.keepsRoute() {
			return mining.Answer{Ticket: req.Ticket, Verdict: mining.Pending} // it is being closed
		}
		return s.whenKnown(mining.Answer{Ticket: req.Ticket}, s.opened)
	case mining.Authorize:
		return s.authorize(req)
	case mining.Suggest:
		again := s.wish == req.Difficulty // NerdMiner says it every 30 s
		s.wish = req.Difficulty
		if m, ok := s.role.(*shared); ok && !again { // else the difficulty is the pool's
			m.suggest(time.Now())
		}
	}
	return mining.Answer{Ticket: req.Ticket, Verdict: mining.Invalid}
}

// Flush says that a read of the miner's is over, or that its reader is about to wait:
// the shares that it brought leave together. Its reader calls it.
func (h *Hub) Flush(m *mining.Miner) {
	if s, ok := m.Seat.(*seat); ok {
		s.sends(nil)
	}
}

// sends notes the link that a share was put into, and lets those of another one leave.
func (s *seat) sends(l *link.Link) {
	if s.unsent != nil && s.unsent != l {
		s.unsent.Flush()
	}
	s.unsent = l
}

// RouteOf is the name of a miner's route, empty while it has none. It takes the
// miner's own mutex only.
func (h *Hub) RouteOf(m *mining.Miner) string {
	s, ok := m.Seat.(*seat)
	if !ok {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.route == nil {
		return ""
	}
	return s.route.Name
}

// RoutesFor are the names of the routes that a request is of: the one that its miner is
// on, or all that the miner may still come to, with a login by what it says. It takes the
// miner's own mutex only.
func (h *Hub) RoutesFor(m *mining.Miner, req *mining.Request) (names []string) {
	s, ok := m.Seat.(*seat)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts
	switch logsIn := req.Kind == mining.Authorize && req.Worker != nil; {
	case logsIn && !f.Authorized:
		pass := optionsOf(req)
		f.Worker, f.Authorized, f.Pool, f.Group = req.Worker.Login, true, pass.pool, pass.group
	case !logsIn && s.route != nil:
		return []string{s.route.Name}
	}
	for _, r := range h.roster().candidates(f) {
		names = append(names, r.Name)
	}
	return names
}

// Booked puts a handler's immediate refusals of shares into the ledger. It
// stands before the whole pipeline, so that whoever refuses a share is booked
// alike. What comes later is booked when it comes.
func (h *Hub) Booked(next pipeline.Handler) pipeline.Handler {
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
		a := next.Handle(m, req)
		if req.Kind == mining.Submit && a.Verdict != mining.Pending && !a.Booked {
			h.Refused(m, req.Worker, a.Verdict)
		}
		return a
	})
}

// Refused books a share that got no further than here. w is nil where nobody
// known handed it in.
func (h *Hub) Refused(m *mining.Miner, w *mining.Worker, v mining.Verdict) {
	s, ok := m.Seat.(*seat)
	if !ok {
		return
	}
	entry := ledger.Entry{Verdict: v, At: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.memberOf(w); ok {
		entry.Worker = m.book
	}
	if s.route != nil {
		entry.Route = s.route.book
	}
	if s.role != nil {
		if p := s.role.at(); p != nil {
			entry.Pool = p.book
		}
	}
	s.record(entry)
}

// known gathers what the probes of all pools that the miner may still come
// to have learned. Pools that were never reached are left out.
func (s *seat) known() []link.Facts {
	var all []link.Facts
	for _, r := range s.hub.roster().candidates(s.facts) {
		for _, p := range r.conf().pools {
			if facts, ok := p.facts(); ok {
				all = append(all, facts)
			}
		}
	}
	return all
}

// futile closes a miner that no route takes, and one of which no pool that it may
// come to is being connected for the first time: waiting would only keep it from
// its own failover. It says whether it did. mu is held.
func (s *seat) futile() bool {
	switch routes := s.hub.roster().candidates(s.facts); {
	case len(routes) == 0:
		s.peer.Close(mining.NoRoute)
	case hopeless(routes):
		s.peer.Close(mining.PoolUnreachable)
	default:
		return false
	}
	return true
}

// least is the least extranonce2 size that any route still open asks for.
func (s *seat) least() int {
	least := 0
	for _, r := range s.hub.roster().candidates(s.facts) {
		least = max(least, r.conf().Extranonce2Size)
	}
	return least
}

// settling answers a request once a pool is known.
type settling func(mining.Answer, []link.Facts) mining.Answer

// whenKnown settles an answer as soon as a pool is known: at once, or later
// in a goroutine of its own, which closes the miner where none comes. s.mu is
// held.
func (s *seat) whenKnown(a mining.Answer, settle settling) mining.Answer {
	if known := s.known(); len(known) > 0 {
		return settle(a, known)
	}
	a.Verdict = mining.Pending
	if s.gone == nil {
		s.gone = make(chan struct{})
	}
	if s.futile() {
		return a
	}
	if !s.hub.spawn(func() { s.wait(a, settle) }) {
		s.peer.Close(mining.Shutdown)
	}
	return a
}

// wait settles an answer when a pool is known, and closes the miner when none
// comes or all are down.
func (s *seat) wait(a mining.Answer, settle settling) {
	timeout := time.NewTimer(s.hub.cfg.PoolWait)
	defer timeout.Stop()
	for {
		changed := s.hub.whenChanged()
		if s.settle(a, settle) {
			return
		}
		select {
		case <-changed:
		case <-s.gone:
			return
		case <-s.hub.ctx.Done():
			return
		case <-timeout.C:
			s.peer.Close(mining.PoolUnreachable)
			return
		}
	}
}

// settle answers if a pool is known, or closes the miner if none will be.
func (s *seat) settle(a mining.Answer, settle settling) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return true
	}
	known := s.known()
	if len(known) == 0 {
		return s.futile()
	}
	if answer := settle(a, known); answer.Verdict != mining.Pending {
		s.peer.Answer(answer)
	}
	return true
}

// negotiated grants the version bits that every pool the miner may come to
// allows.
func (s *seat) negotiated(a mining.Answer, known []link.Facts) mining.Answer {
	mask := s.requested & s.hub.cfg.VersionMask
	for _, facts := range known {
		mask &= facts.VersionMask
	}
	if mask != 0 {
		// Where a pool allows more than all of them do, the miner is told more.
		s.granted |= s.requested & s.hub.cfg.VersionMask
	}
	a.Verdict, a.VersionMask = mining.Accepted, mask
	return a
}

// plan decides the miner's extranonce, once. It is false where no pool that
// is known has room for it.
func (s *seat) plan(known []link.Facts) bool {
	if s.planned {
		return true
	}
	layout, ok := s.layoutFor(known)
	if !ok {
		return false
	}
	s.planned, s.layout = true, layout
	if !layout.PassThrough {
		s.space, s.slot = s.hub.takeSlot(layout)
	}
	return true
}

// layoutFor is the layout that all pools that are known have room for; ok is
// false where there is none.
func (s *seat) layoutFor(known []link.Facts) (layout extranonce.Layout, ok bool) {
	narrowest := extranonce.MaxPoolSize
	for _, facts := range known {
		narrowest = min(narrowest, facts.Extranonce2Size)
	}
	for _, r := range s.hub.roster().candidates(s.facts) {
		for _, p := range r.conf().pools {
			narrowest = p.remembered(narrowest)
		}
	}
	layout, err := extranonce.Plan(narrowest, s.least())
	return layout, err == nil && len(known) > 0
}

// opened answers an Open. Where the pool is too narrow for a slot the answer
// waits for the miner's own link and its E1.
func (s *seat) opened(a mining.Answer, known []link.Facts) mining.Answer {
	if !s.plan(known) {
		a.Verdict = mining.Invalid
		return a
	}
	if s.layout.PassThrough {
		if s.role == nil {
			r := s.match()
			if r == nil {
				a.Verdict = mining.Pending // it is being closed
				return a
			}
			s.take(r)
		}
		if d, ok := s.role.(*dedicated); ok {
			return d.open(a)
		}
		a.Verdict = mining.Invalid // a role that began with a layout keeps it
		return a
	}
	a.Verdict, a.Extranonce1, a.Extranonce2Size = mining.Accepted, s.slot, s.layout.Miner
	if d, ok := s.role.(*dedicated); ok {
		d.giveEarly()
	} else if r := s.settled(); s.role == nil && r != nil {
		s.take(r) // whatever its worker is: some probe with a subscribe alone and want work at once
	}
	return a
}

// match is the miner's route by what is known now, or nil, and then the miner
// is closed.
func (s *seat) match() *route {
	r := s.hub.roster().match(s.facts)
	if r == nil {
		s.peer.Close(mining.NoRoute)
	}
	return r
}

// authorize lets a worker in, as the role has it.
func (s *seat) authorize(req *mining.Request) mining.Answer {
	a := mining.Answer{Ticket: req.Ticket}
	if req.Worker == nil {
		a.Verdict = mining.Unauthorized
		return a
	}
	a.Verdict = mining.Pending
	w, pass := req.Worker, optionsOf(req)
	if !s.facts.Authorized {
		s.facts.Worker, s.facts.Authorized = w.Login, true
		s.facts.Pool, s.facts.Group = pass.pool, pass.group
		s.worker.Store(w)
		if !s.keepsRoute() {
			return a // it is being closed
		}
	}
	if _, ok := s.memberOf(w); ok {
		a.Verdict = mining.Accepted
		return a
	}
	if s.role != nil {
		return s.role.authorize(req.Ticket, w, pass)
	}
	r := s.match()
	switch {
	case r == nil:
		return a
	case !r.Shared || s.planned:
		s.take(r)
		return s.role.authorize(req.Ticket, w, pass)
	}
	// A shared route's miner that authorizes before it subscribes: whether it
	// fits on a shared link hangs on its extranonce. Its route may be another one
	// by then.
	return s.whenKnown(a, func(a mining.Answer, known []link.Facts) mining.Answer {
		if s.role == nil {
			r := s.match()
			if r == nil {
				a.Verdict = mining.Pending // it is being closed
				return a
			}
			if r.Shared && !s.plan(known) {
				a.Verdict = mining.Invalid
				return a
			}
			s.take(r)
		}
		return s.role.authorize(a.Ticket, w, pass)
	})
}

// submit finds who hands a share in, which may be nobody who was let in.
func (s *seat) submit(req *mining.Request) mining.Answer {
	if s.role == nil {
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Unauthorized}
	}
	now := req.At
	if now.IsZero() {
		now = time.Now()
	}
	m, _ := s.memberOf(req.Worker)
	return s.roleOf(req.Share.Job, now).submit(req, m, now)
}
