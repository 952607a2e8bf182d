package hub

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

const (
	// variedEvery is the least time between two works of one job.
	variedEvery = 2 * time.Second
	// sortEvery is how often members are ordered by their hashrate.
	sortEvery = 10 * time.Second
	// longOutage is for how long miners without work may be silent and still
	// be judged by their silence.
	longOutage = 10 * time.Second
)

// onJob makes work of a job and hands it to all members. g.mu is held.
func (g *group) onJob(job *mining.Job) {
	if !g.masked || !g.authorized {
		g.early = job // the newest, until the link may serve
		return
	}
	layout, ok := extranonce.Fits(g.layout(), job.Extranonce2Size)
	if !ok {
		g.pool.noRoomAt(g.link, job.Extranonce2Size)
		g.link.Close(mining.BadExtranonce)
		return
	}
	now := time.Now()
	var before *mining.Job
	if g.current != nil {
		before = g.current.Job
	}
	w := &mining.Work{
		ID: g.hub.nextJob(), Job: job, NTime: job.NTime, Clean: job.Stales(before),
		// Bits that the job has set itself are not offered: pools and firmware
		// read them in three ways.
		VersionMask: (g.mask | job.VersionMask) & g.hub.cfg.VersionMask &^ work.VersionMask(job.Version),
	}
	size := len(job.CoinbasePrefix) + job.Extranonce1.Len() + layout.Pad
	w.Prefix = layout.AppendPrefix(make([]byte, 0, size), job.CoinbasePrefix, job.Extranonce1, layout.Head(g.pad))
	if before == nil {
		g.working.Store(true)
		g.pool.worked(true)
		if now.Sub(g.workless) > longOutage {
			g.outages.Add(1)
		}
		g.since, g.workless, g.broken = w.ID, time.Time{}, time.Time{}
	}
	g.refreshed, g.lowered = 0, time.Time{}
	g.setTerms(now)
	if follow := g.hub.deps.Trace; follow != nil {
		if w.Trace = follow(job); w.Trace != nil {
			w.Trace.Step("prepare", time.Now(), mining.Fact{Name: "route", Value: g.route.Name}, mining.Fact{Name: "clean", Value: strconv.FormatBool(w.Clean)})
		}
	}
	g.hand(w, now, g.everybody(), false)
	observe(g.hub.deps.Metrics.MakeSeconds, time.Since(now))
	if p := g.pool; p.jobs != nil {
		p.jobs.Inc()
	}
}

// giveEarly gives the job that came too early, if it may go now.
func (g *group) giveEarly() {
	if job := g.early; job != nil && g.masked && g.authorized {
		g.early = nil
		g.onJob(job)
	}
}

// hand enters work in the book and has it delivered.
func (g *group) hand(w *mining.Work, now time.Time, to []*shared, some bool) {
	g.works.Add(w, now)
	g.current, g.sent = w, now
	d := &delivery{group: g, work: w, to: to, some: some}
	if len(to) == 0 {
		d.followed("nobody")
		return
	}
	g.hub.fanout.push(d)
}

// everybody lists the members, largest hashrate first as far as is known. Some
// on the list may have left.
func (g *group) everybody() []*shared {
	g.hurried = nil
	all := make([]*shared, 0, len(g.order)+len(g.fresh))
	return append(append(all, g.order...), g.fresh...)
}

// vary gives the current job again under a new id, to some or all members.
func (g *group) vary(now time.Time, to []*shared, some bool) {
	if now.Sub(g.current.Job.Received)/time.Second > maxRefresh {
		return
	}
	g.refreshed++
	g.varied = now
	g.hand(g.hub.again(g.current, now, g.refreshed), now, to, some)
}

// mayVary says whether a new work of the current job is another search: as
// long as its ntime goes ahead of the last one's by more than firmware rolls.
func (g *group) mayVary(now time.Time) bool {
	since := now.Sub(g.varied)
	return g.current != nil && since >= variedEvery &&
		(g.refreshed < maxAhead/rollAhead || since > rollAhead*time.Second)
}

// hurry notes a member whose new difficulty should not wait for a job.
func (g *group) hurry(m *shared) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hurried = append(g.hurried, m)
}

// rush makes hurried members wait for nothing.
func (g *group) rush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rushed = true
}

// tick looks after what happens by the clock.
func (g *group) tick(now time.Time) {
	g.sort(now)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tickNames(now)
	g.tickForwarded(now)
	g.setTerms(now)
	if g.current == nil {
		g.hold(now)
		return
	}
	g.suggest(now)
	switch lowered := !g.lowered.IsZero() && now.Sub(g.lowered) >= sweepEvery; {
	case lowered && g.mayVary(now):
		g.lowered = time.Time{}
		g.vary(now, g.everybody(), false)
	// The next sweep would be too late.
	case len(g.members) > 0 && now.Sub(g.sent) > g.hub.cfg.Refresh-sweepEvery:
		g.vary(now, g.everybody(), false)
	case len(g.hurried) > 0 && (g.rushed || g.mayVary(now)):
		some, sent := g.hurried, g.sent
		g.hurried, g.rushed = nil, false
		g.vary(now, some, true)
		g.sent = sent // the others have waited since then
	}
}

// newest is the work that was handed out last.
func (g *group) newest() *mining.Work {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current != nil {
		return g.current
	}
	return g.last // while it is held
}

// hold gives the last work again while there is none, so that no firmware takes
// silence for a dead pool. g.mu is held.
func (g *group) hold(now time.Time) {
	if !g.route.conf().Hold || g.last == nil || len(g.members) == 0 || now.Sub(g.sent) <= g.hub.cfg.Refresh-sweepEvery {
		return
	}
	// Nobody looks at its time, but it has to be another search each time.
	again := g.hub.again(g.last, now, 0)
	again.NTime = g.last.NTime + rollAhead
	g.last = again
	g.works.Add(g.last, now)
	g.works.Retire()
	g.sent = now
	g.hub.fanout.push(&delivery{group: g, work: g.last, to: g.everybody()})
}

// holds says that the group's work is worth nothing and members are kept on it.
// It takes no lock: shares ask.
func (g *group) holds() bool { return g.route.conf().Hold && !g.working.Load() }

// sort puts the members in order and sums up what they do, now and then.
func (g *group) sort(now time.Time) {
	g.mu.Lock()
	if now.Sub(g.sorted) < sortEvery {
		g.mu.Unlock()
		return
	}
	g.sorted = now
	order := slices.Clone(g.members)
	g.order, g.fresh = order, nil
	g.mu.Unlock()
	order = slices.Clone(order) // the other is being read
	hashrate := 0.0
	for _, m := range order {
		hashrate += m.measure(now)
	}
	slices.SortFunc(order, func(a, b *shared) int { return cmp.Compare(b.rate.Load(), a.rate.Load()) })
	expected := 0.0
	if len(order) == 0 {
		expected = g.heir()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.order, g.hashrate, g.expected = order, hashrate, expected
}

// setTerms publishes what bounds difficulties. g.mu is held.
func (g *group) setTerms(now time.Time) {
	t := g.climb.terms(g.load(), now)
	if *g.terms.Load() != t {
		g.terms.Store(&t)
	}
}

// limit is the difficulty that a member gets who should have want.
func (g *group) limit(w *mining.Work, want work.Difficulty, hashrate float64) work.Difficulty {
	return g.terms.Load().limit(w.Job.Difficulty, want, hashrate)
}
