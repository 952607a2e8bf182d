package hub

import (
	"cmp"
	"time"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
)

// heldShares is how many shares of held work are remembered to tell duplicates.
const heldShares = 1 << 10

// held is what a dedicated miner works on while it has no link, where its route
// holds it: nobody pays for that. There is no pool to judge its shares then, so
// that they are judged here.
type held struct {
	work *mining.Work
	book *jobbook.Book
	told vardiff.History
}

// hold keeps the miner on what it works on, if its route wants that and another
// link may serve it later. g.mu is held.
func (g *dedicated) hold(now time.Time) {
	if !g.route.conf().Hold || g.current == nil || !g.movable() {
		return
	}
	g.held = &held{work: g.current, book: jobbook.New(jobbook.Config{MaxShares: heldShares})}
	g.held.told.Set(g.current.ID, g.current.Job.Difficulty, now)
	g.held.add(g.current, now)
}

// add makes a work the one that counts.
func (h *held) add(w *mining.Work, now time.Time) {
	h.work = w
	h.book.Add(w, now)
	h.book.Retire()
}

// tickHeld gives the held work again, so that no firmware takes silence for a dead
// pool. g.mu is held.
func (g *dedicated) tickHeld(now time.Time) {
	if g.held == nil || now.Sub(g.sent) <= g.hub.cfg.Refresh-sweepEvery {
		return
	}
	// Nobody looks at its time, but it has to be another search each time.
	again := g.hub.again(g.held.work, now, 0)
	again.NTime = g.held.work.NTime + rollAhead
	g.held.add(again, now)
	g.book.Add(again, now) // it is known when a link is there again
	g.sent = now
	g.peer.Work(mining.Assignment{Work: again, Difficulty: again.Job.Difficulty, Clean: true})
}

// submitHeld judges a share while the miner is held. g.mu is held.
func (g *dedicated) submitHeld(req *mining.Request, m *member, now time.Time) mining.Answer {
	h := g.held
	f := jobbook.Finding{Verdict: mining.Invalid}
	if req.Share.Extranonce2.Len() == g.layout.Miner {
		f = h.book.Check(&jobbook.Claim{
			Share: &req.Share, Extranonce1: g.slot, Mask: g.granted, Told: &h.told, Unpaid: req.Share.Job == h.work.ID,
		}, now)
	}
	if _, state := g.book.Get(req.Share.Job, now); f.Verdict == mining.JobNotFound && state != jobbook.Unknown {
		f.Verdict = mining.Stale // of before
	}
	if f.Block {
		g.hub.lostBlock(g.pool, g.route, &f)
	}
	g.record(ledger.Entry{
		Worker: m.book, Pool: g.pool.book, Route: g.route.book, Job: h.work.Job, Verdict: f.Verdict,
		Difficulty: cmp.Or(f.Credited, h.work.Job.Difficulty), ShareDifficulty: f.Reached, At: now,
	})
	return mining.Answer{Ticket: req.Ticket, Verdict: f.Verdict, Text: f.Text, Booked: true}
}
