package hub

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// connect gives the miner a link of its own, in a goroutine that tries the
// route's pools in order. g.mu is held.
func (g *group) connect() {
	if g.connecting || g.link != nil {
		return
	}
	i, ok := g.hub.rules.Match(g.facts)
	if !ok {
		g.peer.Close(mining.NoRoute)
		return
	}
	g.route = g.hub.routes[i]
	g.connecting = true
	if !g.hub.spawn(g.run) {
		g.connecting = false
		g.peer.Close(mining.Shutdown)
	}
}

// run tries pool after pool until one has taken the miner, and stays until
// that link has ended. Then the miner's connection ends too, so that its own
// failover works.
func (g *group) run() {
	reason := mining.PoolUnreachable
	for _, p := range g.preferred() {
		select {
		case <-g.gone:
			reason = mining.MinerGone
		default:
			g.try(p)
			g.mu.Lock()
			if g.subscribed {
				reason = mining.PoolDisconnected
			}
			g.mu.Unlock()
		}
		if reason != mining.PoolUnreachable {
			break
		}
	}
	if g.hub.ctx.Err() != nil {
		reason = mining.Shutdown
	}
	g.peer.Close(reason)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	g.settle()
}

// preferred is the route's pools, those that can serve now first.
func (g *group) preferred() []*pool {
	pools := slices.Clone(g.route.pools)
	slices.SortStableFunc(pools, func(a, b *pool) int { return rank(a) - rank(b) })
	return pools
}

func rank(p *pool) int {
	switch p.probe.State() {
	case link.Active:
		return 0
	case link.Connecting:
		return 1
	case link.Down:
	}
	return 2
}

// try lives one link to a pool.
func (g *group) try(p *pool) {
	l := link.New(g.hub.linkConfig(p), link.Deps{
		Dial: g.hub.deps.Dial, Events: g, Logger: g.hub.log,
		Metrics: g.hub.linkMetrics(p), Quota: &p.quota, Wire: g.hub.deps.Wire,
	})
	g.mu.Lock()
	if g.left {
		g.mu.Unlock()
		return
	}
	g.link, g.pool, g.masked, g.mask = l, p, false, 0
	for ticket := range g.logins {
		g.relayLogin(ticket)
	}
	g.mu.Unlock()
	p.links.Add(1)
	l.Run(g.hub.ctx)
	p.links.Add(-1)
}

// relayLogin asks the pool for a login that waits. g.mu is held.
func (g *group) relayLogin(ticket uint64) {
	l := g.logins[ticket]
	l.relayed, l.at = true, time.Now()
	g.logins[ticket] = l
	g.link.Authorize(g.nameOf(l.worker), g.pool.Password.Reveal(), ticket)
}

func (g *group) nameOf(w *mining.Worker) string {
	return g.pool.template(g.route).Expand(g.pool.Account, w)
}

// LinkEvent takes what the link's pool said; see [link.Events].
func (g *group) LinkEvent(l *link.Link, ev upstream.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l != g.link {
		return
	}
	switch ev.Kind {
	case upstream.Subscribed:
		g.onSubscribed(ev)
	case upstream.Job:
		g.onJob(ev.Job)
	case upstream.Authorized:
		g.onAuthorized(ev)
	case upstream.Verdict:
		g.onVerdict(ev)
	case upstream.Mask:
		g.masked, g.mask = true, ev.VersionMask
		g.release()
	case upstream.Difficulty, upstream.Extranonce,
		upstream.Message, upstream.Reconnect, upstream.BadLine:
		// What matters of the first two rides in the next job; the link logs
		// and counts the others.
	}
}

// LinkEnded is the last word of a link; see [link.Events].
func (g *group) LinkEnded(l *link.Link, reason mining.Reason, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	level := slog.LevelDebug
	if reason != mining.MinerGone && reason != mining.Shutdown {
		level = warnOr(&g.pool.ended, time.Now())
	}
	attrs := []slog.Attr{
		slog.String("pool", l.Pool()), slog.Uint64("miner", uint64(g.miner.ID)),
		slog.String("link", l.ID().String()), slog.String("reason", string(reason)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	g.hub.log.LogAttrs(context.Background(), level, "pool connection of a miner ended", attrs...)
	g.link = nil
}

func (g *group) onSubscribed(ev upstream.Event) {
	g.subscribed, g.en1, g.en2Size = true, ev.Extranonce1, ev.Extranonce2Size
	if g.opening {
		g.opening = false
		g.peer.Answer(g.passThrough(mining.Answer{Ticket: g.openTicket}))
	}
}

func passThroughOf(size int) extranonce.Layout {
	return extranonce.Layout{PoolSize: size, Miner: size, PassThrough: true}
}

// onJob passes a job on as work.
func (g *group) onJob(job *mining.Job) {
	now := time.Now()
	if !g.follow(job) {
		return
	}
	layout, _ := extranonce.Fits(g.layout, job.Extranonce2Size)
	w := &mining.Work{
		ID: mining.JobID(g.hub.jobIDs.Add(1)), Job: job,
		NTime: job.NTime, Clean: job.Clean || g.current == nil, Difficulty: job.Difficulty,
		VersionMask: g.mask & g.hub.cfg.VersionMask,
	}
	size := len(job.CoinbasePrefix) + job.Extranonce1.Len() + layout.Pad
	g.refreshed = 0
	w.Prefix = layout.AppendPrefix(make([]byte, 0, size), job.CoinbasePrefix, job.Extranonce1, layout.Head(g.padSeed))
	g.give(w, now)
	if g.pool.jobs != nil {
		g.pool.jobs.Inc()
	}
	if m := g.hub.deps.Metrics.FanoutSeconds; m != nil {
		m.Observe(time.Since(job.Received).Seconds())
	}
}

// release gives the job that came too early, if it may go now.
func (g *group) release() {
	if job := g.early; job != nil {
		g.early = nil
		g.onJob(job)
	}
}

// follow makes sure that the miner's extranonce fits the job's. Where it
// does not, a miner that can be told is told, and any other is closed. A job
// that cannot go yet is kept: a first job that forbade what was granted, only
// because the pool answers its configure last, would cost a miner its rolling.
func (g *group) follow(job *mining.Job) bool {
	maskDue := g.granted != 0 && !g.masked && g.current == nil
	if !g.planned || g.opening || maskDue {
		g.early = job
		return false
	}
	if g.layout.PassThrough {
		if job.Extranonce1 == g.en1 && job.Extranonce2Size == g.en2Size {
			return true
		}
	} else if _, ok := extranonce.Fits(g.layout, job.Extranonce2Size); ok {
		return true
	}
	g.layout = passThroughOf(job.Extranonce2Size)
	g.en1, g.en2Size = job.Extranonce1, job.Extranonce2Size
	if g.peer.SetExtranonce(g.en1, g.en2Size) {
		g.current = nil // what the miner does now is of no more use: clean
		return true
	}
	g.peer.Close(mining.ExtranonceChanged)
	return false
}

// The times of refreshed work, in seconds.
const (
	// maxRefresh is how old a job may be and still be given again: no pool
	// takes an ntime much later than that (ckpool 7,000 s, others less).
	maxRefresh = 7000
	// rollAhead is more than firmware rolls a work's ntime ahead (cgminer 60 s).
	rollAhead = 61
	// maxAhead bounds how far refreshed work is ahead of the clock: btcpool
	// takes 600 s after the job.
	maxAhead = 5 * rollAhead
)

// refresh gives the current work again under a new id and a later ntime, so
// that no firmware takes silence for a dead pool. Firmware begins its
// extranonce2 anew with each job id: were the ntime one that it has rolled to
// already, it would find the same shares again.
func (g *group) refresh(now time.Time) {
	age := now.Sub(g.current.Job.Received) / time.Second
	if age <= 0 || age > maxRefresh {
		return
	}
	g.refreshed++
	w := *g.current
	w.ID, w.Clean = mining.JobID(g.hub.jobIDs.Add(1)), false
	w.NTime = w.Job.NTime + work.NTime(age) + min(g.refreshed*rollAhead, maxAhead)
	g.give(&w, now)
}

func (g *group) give(w *mining.Work, now time.Time) {
	g.current, g.sent = w, now
	g.book.Add(w, now)
	g.peer.Work(w)
}

func (g *group) onAuthorized(ev upstream.Event) {
	l, ok := g.logins[ev.Tag]
	if !ok {
		return
	}
	if ev.Verdict == mining.Unanswered {
		// Silence, or the link's end: the next link asks again.
		l.relayed = false
		g.logins[ev.Tag] = l
		return
	}
	delete(g.logins, ev.Tag)
	now := time.Now()
	a := mining.Answer{Ticket: ev.Tag, Verdict: ev.Verdict}
	if a.Verdict == mining.Accepted {
		m := &member{name: g.nameOf(l.worker), book: g.hub.deps.Ledger.Worker(l.worker.Login, g.route.Name, now)}
		g.members[l.worker.Login] = m
		if g.first == nil {
			g.first = m
			g.hub.log.LogAttrs(context.Background(), slog.LevelInfo, "miner authorized", g.attrs(l.worker, m.name)...)
		}
	} else {
		a.Verdict = mining.Unauthorized
		g.hub.log.LogAttrs(context.Background(), warnOr(&g.pool.refused, now), "pool refused a worker",
			append(g.attrs(l.worker, g.nameOf(l.worker)), slog.Int("code", ev.Code), slog.String("text", ev.Text))...)
	}
	g.peer.Answer(a)
}

// onVerdict books the pool's word on a share and passes it on.
func (g *group) onVerdict(ev upstream.Event) {
	s, ok := g.shares[ev.Tag]
	if !ok {
		return
	}
	now := time.Now()
	entry := ledger.Entry{
		Worker: s.member.book, Pool: g.pool.book, Verdict: ev.Verdict, PoolVerdict: ev.Verdict,
		Difficulty: s.difficulty, PoolDifficulty: s.difficulty, ShareDifficulty: s.reached, At: now,
	}
	switch {
	case ev.Late:
		g.hub.deps.Ledger.RecordPool(entry)
	case ev.Local || ev.Verdict == mining.Unanswered:
		entry.PoolVerdict = mining.Pending
		g.record(entry)
	default:
		g.record(entry)
	}
	if ev.Verdict == mining.Unanswered && !ev.Local {
		s.answered = true
		g.shares[ev.Tag] = s
	} else {
		delete(g.shares, ev.Tag)
	}
	if ev.Late {
		return
	}
	g.due.Add(-1)
	if !ev.Local && ev.Verdict != mining.Unanswered {
		g.pool.rtt.Store(int64(ev.RTT))
	}
	if m := g.hub.deps.Metrics.ShareSeconds; m != nil {
		m.Observe(now.Sub(s.at).Seconds())
	}
	g.peer.Answer(mining.Answer{Ticket: ev.Tag, Verdict: ev.Verdict})
	if g.left && g.due.Load() == 0 {
		g.link.Close(mining.MinerGone)
	}
}

// attrs are what a log line says of a worker of this group.
func (g *group) attrs(w *mining.Worker, as string) []slog.Attr {
	return []slog.Attr{
		slog.String("worker", w.Login), slog.String("as", as),
		slog.Uint64("miner", uint64(g.miner.ID)), slog.String("remote", g.miner.Remote.String()),
		slog.String("user_agent", g.facts.UserAgent),
		slog.String("route", g.route.Name), slog.String("pool", g.pool.Name),
	}
}
