package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
)

// rematch looks which route the miner is on by a new roster, and with what rules.
func (s *seat) rematch(ro *roster, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left || s.route == nil { // it is matched as its facts come
		return
	}
	r := ro.match(s.facts)
	if r == s.route {
		if m, ok := s.role.(*shared); ok {
			m.revise(now)
		}
		return
	}
	s.reseat(r, mining.RouteChanged, now)
}

// keepsRoute sends a miner to another route where a fact has come that leads there:
// its hashrate must not stay where the routes do not send it. It is false where the
// miner is closed. mu is held.
func (s *seat) keepsRoute() bool {
	if s.route == nil {
		return true
	}
	r := s.hub.roster().match(s.facts)
	return r == s.route || s.reseat(r, mining.NoRoute, time.Now())
}

// reseat puts the miner on another route, nil for none, whose work it is given as
// soon as there is some. It is false where that cannot be, and then the miner is
// closed, by the reason where there is a route. mu is held.
func (s *seat) reseat(r *route, otherwise mining.Reason, now time.Time) bool {
	if r == nil {
		s.peer.Close(mining.NoRoute)
		return false
	}
	moved, was := false, s.route.Name
	switch role := s.role.(type) {
	case *shared:
		moved = role.reseat(r, now)
	case *dedicated:
		moved = role.reseat(r, now)
	}
	if !moved {
		s.peer.Close(otherwise)
		return false
	}
	s.hub.log.LogAttrs(context.Background(), slog.LevelDebug, "miner is on another route",
		slog.Uint64("miner", uint64(s.miner.ID)), slog.String("from", was), slog.String("to", r.Name))
	return true
}

// past is a role that a miner has had no more since a time.
type past struct {
	role  role
	since time.Time
	// knows says whether the miner was given a work in this role.
	knows func(id mining.JobID, now time.Time) bool
}

// maxPast bounds how many roles of before late shares may be of.
const maxPast = 4

// bygone makes a role one of the past. mu is held.
func (s *seat) bygone(p past) {
	s.letPastGo(maxPast - 1)
	s.past = append([]past{p}, s.past...)
}

// letPastGo forgets roles of the past, but for the newest. mu is held.
func (s *seat) letPastGo(keep int) {
	keep = min(keep, len(s.past))
	for _, p := range s.past[keep:] {
		if d, ok := p.role.(*dedicated); ok {
			d.letGo()
		}
	}
	s.past = s.past[:keep]
}

// tickPast looks after roles of the past. mu is held.
func (s *seat) tickPast(now time.Time) {
	for _, p := range s.past {
		if d, ok := p.role.(*dedicated); ok {
			d.tickLinks(now)
		}
	}
	if n := len(s.past); n > 0 && now.Sub(s.past[n-1].since) > jobbook.DefaultRetention {
		s.letPastGo(n - 1)
	}
}

// roleOf is the role in which the miner was given a work, if that was before, else
// the one that it has. mu is held.
func (s *seat) roleOf(id mining.JobID, now time.Time) role {
	for _, p := range s.past {
		if p.knows(id, now) {
			return p.role
		}
	}
	return s.role
}

// rebook has the members' shares booked by the route. mu is held.
func (s *seat) rebook(r *route, now time.Time) {
	s.route = r
	for _, m := range s.members {
		was := m.book
		m.book = s.hub.deps.Ledger.Worker(m.worker.Login, r.Name, now)
		s.hub.deps.Ledger.Release(was)
	}
}

// payee is the one account that all members are paid to by a route, as it is
// configured; ok is false where that differs.
func (s *seat) payee(r *route, conf *routeConf) (account string, ok bool) {
	for i, m := range s.members {
		if a := conf.accountOf(r, m.worker); i == 0 {
			account = a
		} else if a != account {
			return "", false
		}
	}
	return account, true
}

// revise follows other rules of difficulty: with the next work, or at once where
// the miner is out of bounds by them. mu is held.
func (m *shared) revise(now time.Time) {
	if !m.started {
		return
	}
	m.vardiff.Rule(m.hub.vardiffOf(m.route, m.miner.Listener, m.floor, m.opts), now)
	if m.current == nil || m.group == nil {
		return
	}
	if want, _ := m.vardiff.Want(now); m.group.limit(m.current, want, m.rate.Load()) != m.vardiff.Difficulty() {
		m.hurry()
	}
}

// reseat puts a miner that shares connections on another route.
func (m *shared) reseat(r *route, now time.Time) bool {
	account, ok := m.payee(r, r.conf())
	if !ok {
		return false
	}
	from := m.at()
	m.quit()
	m.rebook(r, now)
	if !r.Shared {
		d := newDedicated(m.seat)
		d.pool, d.adrift, d.resumed = from, true, true
		m.bygone(past{m, now, m.knows})
		m.role = d
		d.begin()
		return true
	}
	m.account, m.known = account, r.oneAccount() || m.first != nil
	if m.known { // else it has work again with its worker
		m.revise(now)
		m.board()
	}
	return true
}

// quit takes the miner out of its group, whose work may still bring shares.
func (m *shared) quit() {
	from := m.group
	if from == nil {
		return
	}
	from.remove(m)
	m.group = nil
	of := former{group: from}
	if i := slices.IndexFunc(m.former, func(f former) bool { return f.group == from }); i >= 0 {
		of = m.former[i]
		m.former = slices.Delete(m.former, i, i+1)
	}
	if m.from == from {
		of.last, of.had = m.current.ID, true
	}
	m.former = slices.Insert(m.former[:min(len(m.former), maxFormer-1)], 0, of)
}

// reseat puts a miner with a link of its own on another route.
func (g *dedicated) reseat(r *route, now time.Time) bool {
	account, ok := g.payee(r, r.conf())
	switch {
	case !r.Shared && g.first == nil && g.link == nil: // it has not got that far
		g.rebook(r, now)
		return true
	case !g.movable(), r.Shared && !ok:
		return false
	case !r.Shared:
		// What is asked by the names of the route before is of no use any more.
		g.adrift, g.logged = true, nil
		g.rebook(r, now)
		if g.candidate != nil {
			g.candidate.link.Close(mining.MinerGone)
		}
		return true
	}
	g.retire(now)
	g.rebook(r, now)
	m := newShared(g.seat)
	m.account, m.known = account, true
	g.bygone(past{g, now, g.knows})
	g.role = m
	m.start(now)
	m.board()
	for ticket, l := range g.logins {
		delete(g.logins, ticket)
		if a := m.authorize(ticket, l.worker, options{}); a.Verdict != mining.Pending {
			g.peer.Answer(a)
		}
	}
	return true
}

// retire leaves the link to the shares that are on their way. g.mu is held.
func (g *dedicated) retire(now time.Time) {
	g.retired = true
	if g.candidate != nil {
		g.candidate.link.Close(mining.MinerGone)
	}
	if g.link != nil {
		g.supersede(g.hub.nextJob(), now)
		g.link = nil
	}
	g.turn()
}
