package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// onJob passes a job on as work.
func (g *dedicated) onJob(job *mining.Job) {
	if !g.follow(job) {
		return
	}
	var before *mining.Job
	if g.current != nil {
		before = g.current.Job
	}
	g.pass(job, job.Stales(before))
}

// pass gives a job as work.
func (g *dedicated) pass(job *mining.Job, clean bool) {
	now := time.Now()
	layout, _ := extranonce.Fits(g.layout, job.Extranonce2Size)
	w := &mining.Work{
		ID: g.hub.nextJob(), Job: job,
		NTime: job.NTime, Clean: clean,
		VersionMask: g.mask & g.hub.cfg.VersionMask,
	}
	size := len(job.CoinbasePrefix) + job.Extranonce1.Len() + layout.Pad
	g.refreshed = 0
	w.Prefix = layout.AppendPrefix(make([]byte, 0, size), job.CoinbasePrefix, job.Extranonce1, layout.Head(g.padSeed))
	metrics := &g.hub.deps.Metrics
	observe(metrics.MakeSeconds, time.Since(now))
	g.give(w, now)
	if g.pool.jobs != nil {
		g.pool.jobs.Inc()
	}
	took := time.Since(job.Received)
	observe(metrics.FirstSeconds, took)
	observe(metrics.FanoutSeconds, took)
}

// giveEarly gives the job that came too early, if it may go now.
func (g *dedicated) giveEarly() {
	if job := g.early; job != nil {
		g.early = nil
		g.onJob(job)
	}
}

// follow makes sure that the miner's extranonce fits the job's. Where it
// does not, a miner that can be told is told, and any other is closed. A job
// that cannot go yet is kept: a first job that forbade what was granted, only
// because the pool answers its configure last, would cost a miner its rolling.
func (g *dedicated) follow(job *mining.Job) bool {
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

// again is work of the same job under a new id and with an ntime that goes with
// the clock. Firmware begins its extranonce2 anew with each job
// id: were the ntime one that it has rolled to already, it would find the same
// shares again. So each of a job's goes further ahead; times counts them.
func (h *Hub) again(old *mining.Work, now time.Time, times work.NTime) *mining.Work {
	age := max(now.Sub(old.Job.Received)/time.Second, 0)
	return &mining.Work{
		ID: h.nextJob(), Job: old.Job, Prefix: old.Prefix, VersionMask: old.VersionMask,
		NTime: old.Job.NTime + work.NTime(min(age, maxRefresh)) + min(times*rollAhead, maxAhead),
	}
}

// refresh gives the current work again, so that no firmware takes silence for a
// dead pool.
func (g *dedicated) refresh(now time.Time) {
	age := now.Sub(g.current.Job.Received) / time.Second
	if age <= 0 || age > maxRefresh {
		return
	}
	g.refreshed++
	g.give(g.hub.again(g.current, now, g.refreshed), now)
}

func (g *dedicated) give(w *mining.Work, now time.Time) {
	g.current, g.sent = w, now
	g.book.Add(w, now)
	g.peer.Work(mining.Assignment{Work: w, Difficulty: w.Job.Difficulty, Clean: w.Clean})
}

func (g *dedicated) onAuthorized(ev upstream.Event) {
	l, ok := g.logins[ev.Tag]
	if !ok {
		g.onLateRelogin(ev)
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
		first := g.first == nil
		m := g.admit(l.worker, l.as, now)
		if first {
			g.hub.tellArrival(now, g.attrs(l.worker, m.name))
		}
	} else {
		a.Verdict = mining.Unauthorized
		g.hub.log.LogAttrs(context.Background(), warnOr(&g.pool.refused, now), "pool refused a worker",
			append(g.attrs(l.worker, l.as), slog.Int("code", ev.Code), slog.String("text", ev.Text))...)
	}
	g.peer.Answer(a)
}

// answer passes a verdict on, which leaves with others of the same read.
func (g *dedicated) answer(a mining.Answer) {
	if !g.gathering {
		g.gathering = true
		g.peer.Gather(true)
	}
	g.peer.Answer(a)
}

// onVerdict books the pool's word on a share and passes it on.
func (g *dedicated) onVerdict(ev upstream.Event) {
	s, ok := g.shares[ev.Tag]
	if !ok {
		return
	}
	now := time.Now()
	if s.trace != nil && !ev.Late {
		s.trace.Step("pool", now, mining.Fact{Name: "pool_verdict", Value: ev.Verdict.String()})
		s.trace.End(now)
	}
	entry := ledger.Entry{
		Worker: s.member.book, Pool: s.pool.book, Route: g.route.book, Job: s.job, Verdict: ev.Verdict, PoolVerdict: ev.Verdict,
		Sent: true, Difficulty: s.difficulty, PoolDifficulty: s.difficulty, ShareDifficulty: s.hash.Difficulty(), At: now,
	}
	switch {
	case ev.Late:
		entry.ID, entry.Verdict, entry.Sent, entry.At = s.id, mining.Pending, false, time.Unix(0, s.booked)
		g.hub.deps.Ledger.Record(entry)
	case ev.Local:
		entry.PoolVerdict, entry.Sent = mining.Pending, false
		g.record(entry)
	default:
		s.id, s.booked = g.record(entry), now.UnixNano()
		if ev.Verdict == mining.Accepted {
			g.booked(&s, now)
		}
	}
	if s.block && !ev.Local {
		g.hub.foundBlock(&entry, s.hash)
	}
	if ev.Verdict == mining.Unanswered && !ev.Local {
		s.answered = true
		g.shares[ev.Tag] = s
	} else {
		delete(g.shares, ev.Tag)
	}
	if !ev.Local && !ev.Late {
		s.pool.quality.Answered(ev.Verdict, ev.RTT)
	}
	switch {
	case ev.Local:
	case ev.Verdict != mining.Unanswered: // late, too: the pool does speak
		s.pool.answered(s.at, ev.Verdict == mining.Accepted)
	default:
		g.hub.unanswered(s.pool, s.at, now)
	}
	if ev.Late {
		return
	}
	g.due.Add(-1)
	if !ev.Local && ev.Verdict != mining.Unanswered {
		s.pool.rtt.Store(int64(ev.RTT))
	}
	if m := g.hub.deps.Metrics.ShareSeconds; m != nil {
		m.Observe(now.Sub(s.at).Seconds())
	}
	g.answer(mining.Answer{Ticket: ev.Tag, Verdict: ev.Verdict, Excused: s.excuses(ev.Verdict)})
	if g.left && g.due.Load() == 0 {
		g.letGo()
	}
}
