package hub

import (
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// submit judges a share, books it, and forwards what the pool is to have.
// Nobody's share is refused, and so is that of a miner which misbehaves, but it
// may be a block: miners have work from their subscribe on.
func (m *shared) submit(req *mining.Request, who *member, now time.Time) mining.Answer {
	a := mining.Answer{Ticket: req.Ticket, Booked: true}
	g, f := m.check(&req.Share, who == nil || req.Doubted, now)
	metrics := &m.hub.deps.Metrics
	lap(metrics.JudgeSeconds, req)
	entry := m.entry(g, &f, who, now)
	entry.ID = m.record(entry)
	lap(metrics.LedgerSeconds, req)
	if f.Block && f.Forward { // else it came before
		m.hub.foundBlock(&entry, f.Hash)
	}
	if f.Forward {
		g.forward(m, who, &req.Share, &f, &entry)
		lap(metrics.ForwardSeconds, req)
	}
	switch f.Verdict { //nolint:exhaustive // the others earn nothing
	case mining.Accepted:
		m.credit(g, &f, who, now)
	case mining.Unpaid:
		m.vardiff.Share(f.Credited, now) // it is no less busy for it
	}
	if took := metrics.ShareSeconds; took != nil {
		took.Observe(time.Since(now).Seconds())
	}
	a.Verdict, a.Text = f.Verdict, f.Text
	return a
}

// check finds the share's work, in the miner's group or in one that it came
// from, and judges it.
func (m *shared) check(s *mining.Share, stranger bool, now time.Time) (*group, jobbook.Finding) {
	c := jobbook.Claim{Share: s, Extranonce1: m.slot, Mask: m.granted, Told: &m.told, Stranger: stranger}
	if m.group != nil && m.current != nil && s.Job == m.current.ID {
		c.Unpaid = m.group.holds()
	}
	none := mining.JobNotFound
	switch {
	case stranger:
		none = mining.Unauthorized
	case s.Extranonce2.Len() != m.layout.Miner:
		none = mining.Invalid
	}
	if s.Extranonce2.Len() != m.layout.Miner {
		return m.group, jobbook.Finding{Verdict: none}
	}
	if m.group != nil {
		if f := m.group.works.Check(&c, now); f.Work != nil {
			return m.group, f
		}
	}
	for i := range m.former {
		g := m.former[i].group
		if f := g.works.Check(&c, now); f.Work != nil {
			return g, f
		}
	}
	return m.group, jobbook.Finding{Verdict: none}
}

// entry is what is booked of a share.
func (m *shared) entry(g *group, f *jobbook.Finding, who *member, now time.Time) ledger.Entry {
	e := ledger.Entry{
		Worker: who.books(), Route: m.route.book, Verdict: f.Verdict, Difficulty: f.Credited, ShareDifficulty: f.Reached, At: now,
	}
	switch {
	case f.Work != nil:
		e.Job = f.Work.Job
	case m.current != nil: // what is lost is about that
		e.Job = m.current.Job
	}
	if e.Difficulty == 0 && who != nil {
		e.Difficulty = m.vardiff.Difficulty()
	}
	if g != nil {
		e.Pool = g.pool.book
	}
	return e
}

// credit counts an accepted share for vardiff.
func (m *shared) credit(g *group, f *jobbook.Finding, who *member, now time.Time) {
	m.vardiff.Share(f.Credited, now)
	of := f.Work.Job.Difficulty
	g.route.split.Load().worked(m.seat, g.pool, float64(min(f.Credited, of))) // more is not paid
	if above := f.Credited - of; above > 0 {
		g.notSubmitted(who.books(), f.Work.Job, above, now)
	}
	if lowered := g.terms.Load().difficulty; !f.Forward && lowered > 0 && lowered < of && f.Reached >= lowered {
		g.notSubmitted(who.books(), f.Work.Job, lowered, now) // whether a pool takes it for this job differs
	}
	if !m.hurried {
		if _, urgent := m.vardiff.Want(now); urgent {
			m.hurry()
		}
	}
}

// upstreamExtranonce is the pool's extranonce2 for a share of the miner.
func (m *shared) upstreamExtranonce(g *group, job *mining.Job, miner work.Extranonce) (work.Extranonce, bool) {
	layout, ok := extranonce.Fits(m.layout, job.Extranonce2Size)
	if !ok {
		return work.Extranonce{}, false
	}
	return layout.Upstream(layout.Head(g.pad), m.slot, miner)
}
