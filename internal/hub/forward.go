package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// forwarded is a share that the pool was sent and has not answered.
type forwarded struct {
	worker *ledger.WorkerBook
	// id is what the ledger knows it by.
	id ledger.ShareID
	// difficulty is the pool's for the share's job.
	difficulty work.Difficulty
	job        mining.JobID
	of         *mining.Job
	at         time.Time
	// hash is the block's that it is, if block.
	hash  work.Hash
	block bool
	// name is what it was sent by, nil for the link's login.
	name *alias
	// reading is how its version bits were written; it matters where the
	// readings differ.
	reading work.VersionReading
	matters bool
	// ours is our own verdict.
	ours mining.Verdict
	// late: it was booked as unanswered, the pool's word may still come.
	late bool
	// trace follows it; nil is not followed.
	trace mining.Trace
}

// forward sends a share to the pool. who is nil for a block that nobody who
// was let in has found. What becomes of it is booked in the time of what was booked of
// it, for news of another day would not find it. The seat's mutex is held.
func (g *group) forward(m *shared, who *member, req *mining.Request, f *jobbook.Finding, booked *ledger.Entry) {
	now, s, trace := booked.At, &req.Share, req.Trace
	job := f.Work.Job
	en2, ok := m.upstreamExtranonce(g, job, s.Extranonce2)
	p := g.pool
	g.mu.Lock()
	l := g.link
	// The job of a link that has ended is nothing to the next.
	if !ok || l == nil || f.Work.ID.Before(g.since) {
		g.mu.Unlock()
		g.lostInFlight(f, who, now)
		return
	}
	if !g.climb.send(now) && !f.Block {
		g.mu.Unlock()
		g.notSubmitted(who.books(), job, job.Difficulty, now)
		return
	}
	reading := p.reading()
	share := forwarded{
		worker: who.books(), id: booked.ID, difficulty: job.Difficulty, job: f.Work.ID, of: job, at: now, ours: f.Verdict,
		hash: f.Hash, block: f.Block, trace: trace,
		reading: reading, matters: f.Rolled && (g.mask|job.VersionMask)&work.VersionMask(job.Version) != 0,
	}
	name := g.login
	if share.name = g.nameOf(p, who, now); share.name != nil {
		name = share.name.text
	}
	g.tags++
	tag := g.tags
	g.forwarded[tag] = share
	g.due.Add(1)
	g.mu.Unlock()
	if trace != nil { // before it is sent, for the pool's word may come at once
		trace.Step("forward", time.Now())
	}
	if l.Submit(upstream.Submit{
		Job: job, Worker: name, Extranonce2: en2, NTime: s.NTime, Nonce: s.Nonce,
		Version: f.Version, HasVersion: f.Rolled, Reading: reading, Block: f.Block, Tag: tag,
	}) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.forwarded[tag]; ok { // else the link's end has cleared it
		delete(g.forwarded, tag)
		g.due.Add(-1)
		g.notSubmitted(share.worker, job, job.Difficulty, now)
	}
}

// notSubmitted books work that was done for the pool and not handed to it.
func (g *group) notSubmitted(w *ledger.WorkerBook, job *mining.Job, d work.Difficulty, now time.Time) {
	g.hub.deps.Ledger.Record(ledger.Entry{Worker: w, Pool: g.pool.book, Route: g.route.book, Job: job, Unsent: d, At: now})
}

// news is what is booked of a share that was forwarded, but for what the news is.
func (g *group) news(s *forwarded) ledger.Entry {
	return ledger.Entry{
		ID: s.id, Worker: s.worker, Pool: g.pool.book, Route: g.route.book, Job: s.of, PoolDifficulty: s.difficulty, At: s.at,
	}
}

// lostInFlight counts a share whose link ended while it was judged.
func (g *group) lostInFlight(f *jobbook.Finding, who *member, now time.Time) {
	if f.Block {
		g.hub.lostBlock(g.pool, g.route, f)
	}
	if f.Verdict == mining.Accepted {
		g.notSubmitted(who.books(), f.Work.Job, f.Work.Job.Difficulty, now)
	}
}

// foundBlock books a block.
func (h *Hub) foundBlock(e *ledger.Entry, hash work.Hash) {
	h.deps.Ledger.Found(ledger.Block{
		Hash: hash, At: e.At, Worker: e.Worker, Pool: e.Pool, Route: e.Route, Job: e.Job, Difficulty: e.ShareDifficulty, Verdict: e.PoolVerdict,
	})
}

// lostBlock says that there is no connection to hand a block in by.
func (h *Hub) lostBlock(p *pool, r *route, f *jobbook.Finding) {
	h.log.LogAttrs(context.Background(), p.lossLevel(time.Now()), "a block was found for a pool connection that has just ended; it cannot be handed in",
		slog.String("pool", f.Work.Job.Pool), slog.String("route", r.Name), slog.String("difficulty", f.Reached.String()))
}

// lossLevel is Error for a block that is lost, once a minute: it is the pool that says what
// a block is, and it may say so of every share.
func (p *pool) lossLevel(now time.Time) slog.Level {
	if p.lost.Due(now) {
		return slog.LevelError
	}
	return slog.LevelDebug
}

// onVerdict books the pool's word on a share. g.mu is held.
func (g *group) onVerdict(ev upstream.Event) {
	share, ok := g.forwarded[ev.Tag]
	if !ok {
		return
	}
	now := time.Now()
	p := g.pool
	if share.trace != nil && !share.late {
		share.trace.Step("pool", now, mining.Fact{Name: "pool_verdict", Value: ev.Verdict.String()})
	}
	if !share.late {
		g.due.Add(-1)
	}
	if ev.Verdict == mining.Unanswered && !ev.Local {
		share.late = true
		g.forwarded[ev.Tag] = share
	} else {
		delete(g.forwarded, ev.Tag)
	}
	if ev.Local { // it was never sent
		g.notSubmitted(share.worker, share.of, share.difficulty, share.at)
		switch {
		case share.ours != mining.Accepted:
			g.hub.log.LogAttrs(context.Background(), p.lossLevel(now), "a block could not be handed in",
				slog.String("pool", p.Name), slog.String("route", g.route.Name), slog.String("text", ev.Text))
		case ev.Verdict != mining.Unanswered:
			g.disagree(p, &share, ev, now)
		}
		return
	}
	news := g.news(&share)
	news.Sent, news.PoolVerdict = !ev.Late, ev.Verdict
	g.hub.deps.Ledger.Record(news)
	if share.block {
		g.hub.foundBlock(&news, share.hash)
	}
	if ev.Verdict != mining.Unanswered {
		g.remember(ev.Tag, &share)
	}
	if share.ours == mining.Accepted && !ev.Late { // else a block that is none by our own check
		p.quality.Answered(ev.Verdict, ev.RTT)
	}
	if ev.Verdict == mining.Unanswered {
		g.hub.unanswered(p, share.at, now)
		return
	}
	p.answered(share.at, ev.Verdict == mining.Accepted)
	p.rtt.Store(int64(ev.RTT))
	p.asked.Add(now, 1)
	if share.name != nil {
		share.name.answered = true
		p.suspect.Store(0)
	}
	if ev.Verdict == mining.Accepted {
		if share.matters {
			p.confirm(share.reading)
		}
		return
	}
	g.refused(p, &share, ev, now)
}

// refused looks for the reason of the pool's refusal of a share that was sent.
func (g *group) refused(p *pool, share *forwarded, ev upstream.Event, now time.Time) {
	switch {
	case share.ours != mining.Accepted:
		return // a block that we refused, too
	case ev.Verdict == mining.Stale:
		if _, state := g.works.Get(share.job, now); state != jobbook.Live {
			return // a new block came while it was on its way
		}
	case ev.Verdict == mining.LowDifficulty && g.climb.difficulty > share.difficulty:
		return // the pool has raised its difficulty meanwhile
	case (ev.Verdict == mining.LowDifficulty || ev.Verdict == mining.Invalid) && share.matters && p.nextReading(share.reading):
		g.hub.log.LogAttrs(context.Background(), slog.LevelWarn, "pool reads version bits in another way; trying the next",
			slog.String("pool", p.Name), slog.String("tried", share.reading.String()), slog.String("next", p.reading().String()))
		return
	case ev.Verdict == mining.Unauthorized && share.name != nil:
		g.hub.log.LogAttrs(context.Background(), warnOr(&p.refused, now), "pool refuses shares by a worker's own name; they go by the connection's login",
			slog.String("pool", p.Name), slog.String("worker", share.name.text), slog.String("login", g.login))
		share.name.state = aliasRefused
	}
	g.disagree(p, share, ev, now)
}

// disagree counts and tells that the pool refused what we found valid.
func (g *group) disagree(p *pool, share *forwarded, ev upstream.Event, now time.Time) {
	p.disagreed.Add(now, 1)
	if n, most := int64(p.refusals.Add(1)), p.streak.Load(); most > 0 && n >= most {
		g.hub.shun(p, now, "it refuses share after share that is valid here")
	}
	p.discrepancies.Add(1)
	if c := g.hub.deps.Metrics.discrepancy(p.Name, ev.Verdict); c != nil {
		c.Inc()
	}
	g.hub.log.LogAttrs(context.Background(), warnOr(&p.discrepancy, now), "pool refused a share that is valid here",
		slog.String("pool", p.Name), slog.String("verdict", ev.Verdict.String()), slog.Int("code", ev.Code), slog.String("text", ev.Text),
		slog.String("worker", share.worker.Name()), slog.String("difficulty", share.difficulty.String()),
		slog.Uint64("so_far", p.discrepancies.Load()))
}

// tickForwarded forgets what the pool will not answer any more.
func (g *group) tickForwarded(now time.Time) {
	for tag, share := range g.forwarded {
		if share.late && now.Sub(share.at) > lateWait {
			delete(g.forwarded, tag)
		}
	}
}
