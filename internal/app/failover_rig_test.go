package app_test

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/sv1"
)

// poolNames are the pools of a route in the order of preference, by number.
func poolNames() []string { return []string{"main", "backup", "spare"} }

// poolsRig is a proxy before several pools, on whose connections its miners
// share.
type poolsRig struct {
	*rig

	pools []*sim.Pool
	names []string
	lives *poolLives
}

// startPools runs so many pools of a kind and a proxy before them, configured
// further by text, that logs from a level on. All pools are on the same block
// to begin with.
func startPools(t *testing.T, pools int, pc sim.PoolConfig, text string, level slog.Level) *poolsRig {
	t.Helper()
	return startRoute(t, pools, pc, "pools = [\""+strings.Join(poolNames()[:pools], `", "`)+"\"]\n"+text, level)
}

// startRoute is startPools, but that text says which pools the route has.
func startRoute(t *testing.T, pools int, pc sim.PoolConfig, text string, level slog.Level) *poolsRig {
	t.Helper()
	r := &poolsRig{rig: &rig{t: t, level: level}, names: poolNames()[:pools], lives: newPoolLives(pools)}
	r.told = r.lives.miner
	var all strings.Builder
	for i, name := range r.names {
		pc.Number, pc.Tag = uint8(i), "/"+name+"/"
		pc.OnShare, pc.OnJob, pc.OnEnd, pc.PingBlocks = r.lives.shares.Pool, r.lives.job, r.lives.end, true
		r.pools = append(r.pools, runPool(t, pc))
		all.WriteString(poolText(name, r.pools[i]))
	}
	r.proxy(all.String() + "[[route]]\nname = \"farm\"\nmode = \"shared\"\nreturn_after = \"3s\"\n" + text)
	r.await("all pools to be known, and two of them ready for miners", 20*time.Second, func() bool {
		return r.known() && r.ready(0) && r.ready(1)
	})
	return r
}

// known says that each pool's probe has work.
func (r *poolsRig) known() bool {
	for _, p := range r.app.Hub().Pools() {
		if p.Probe.State != link.Active {
			return false
		}
	}
	return true
}

// ready says that a pool has a connection with work for miners.
func (r *poolsRig) ready(pool int) bool {
	for _, l := range r.app.Hub().Pools()[pool].Shared {
		if l.Session.Job != nil {
			return true
		}
	}
	return false
}

// at says how many miners have a pool's job as their newest.
func (r *poolsRig) at(pool int) (miners int) {
	for _, m := range r.swarm.Stats().Miners {
		if m.Mining && int(sim.MarkPool(m.Mark)) == pool {
			miners++
		}
	}
	return miners
}

// awaitAll waits until all miners have a pool's job.
func (r *poolsRig) awaitAll(pool int) {
	r.t.Helper()
	r.awaitAt("all miners to be at "+r.names[pool], func() int { return pool })
}

// awaitBest waits until all miners are at the first pool that they are not
// kept away from.
func (r *poolsRig) awaitBest() {
	r.t.Helper()
	r.awaitAt("all miners to be at the best pool", func() int {
		return max(0, slices.IndexFunc(r.app.Hub().Pools(), func(p hub.PoolState) bool { return !p.Shunned }))
	})
}

// awaitAt waits until all miners have a job of the pool that is then named.
func (r *poolsRig) awaitAt(what string, pool func() int) {
	r.t.Helper()
	all := len(r.swarm.Stats().Miners)
	defer func() {
		if r.t.Failed() {
			for i := range r.pools {
				p := r.app.Hub().Pools()[i]
				r.t.Logf("%s: %d miners have its job, %d are at it, probe %+v, %d links", r.names[i], r.at(i), p.Miners, p.Probe, len(p.Shared))
			}
			r.t.Log(r.ends())
		}
	}()
	atMost := 100 * time.Second
	if r.app.Hub().Pools()[pool()].Shunned {
		atMost += 5 * time.Minute
	}
	r.await(what, atMost, func() bool { return r.at(pool()) == all })
}

// earnAt waits until a pool has accepted fifty more shares.
func (r *poolsRig) earnAt(pool int) {
	r.t.Helper()
	const shares = 50
	before := r.pools[pool].Ledger().Total().Accepted
	r.await(r.names[pool]+" to earn", 40*time.Second, func() bool {
		return r.pools[pool].Ledger().Total().Accepted >= before+shares
	})
}

// ends lists the miners whose connection ended or that complain.
func (r *poolsRig) ends() (all []string) {
	for _, m := range r.swarm.Stats().Miners {
		if m.Connects != 1 || m.Failures > 0 {
			all = append(all, fmt.Sprintf("%s has connected %d times and complained %d times, the last: %q, %q",
				m.Worker, m.Connects, m.Failures, m.LastEnd, m.LastFailure))
		}
	}
	return all
}

// unhurt demands that no miner has lost its connection, by its own word and by
// the proxy's count.
func (r *poolsRig) unhurt() {
	r.t.Helper()
	for _, text := range r.ends() {
		r.t.Error(text)
	}
	for line, n := range r.closed() {
		r.t.Errorf("%s %s", line, n)
	}
}

// closed are the proxy's counts of miners' connections that have ended, but
// for those that are nought.
func (r *rig) closed() map[string]string {
	r.t.Helper()
	found, seen := map[string]string{}, false
	for _, line := range r.metrics("loka_connections_closed_total{") {
		if name, n, _ := strings.Cut(line, " "); strings.Contains(name, `side="downstream"`) {
			seen = true
			if n != "0" {
				found[name] = n
			}
		}
	}
	if !seen {
		r.t.Error("there is no count of ended connections")
	}
	return found
}

// settle waits until the pools have answered for every share that they were
// sent.
func (r *poolsRig) settle() {
	r.t.Helper()
	r.await("the pools' verdicts", 60*time.Second, func() bool { return r.app.Hub().Pending() == 0 })
}

// agree demands that pools, miners and our books tell the same, share by share
// and in sum, for each pool. It returns how the shares went.
func (r *poolsRig) agree(stats sim.MinersStats) sim.SharedReport {
	r.t.Helper()
	r.settle()
	report := r.lives.shares.Report()
	if err := report.Err(); err != nil {
		r.t.Errorf("shares: %v", err)
	}
	if report.NoJob+report.Late > 0 {
		r.t.Errorf("%d shares went to a connection that was not told their job, %d to one whose block had ended: %s", report.NoJob, report.Late, &report)
	}
	for _, wrong := range r.lives.wrong() {
		r.t.Error(wrong)
	}
	var sum uint64
	for i := range r.pools {
		sum += r.agreeAt(i)
	}
	ours := r.model.Summary().Shares
	if ours.Accepted != stats.Accepted || ours.Rejected != stats.RejectedTotal() || report.Accepted != stats.Accepted {
		r.t.Errorf("accepted %d and rejected %d in our book; miners were told %d and %d: %s",
			ours.Accepted, ours.Rejected, stats.Accepted, stats.RejectedTotal(), &report)
	}
	if report.Matched != sum {
		r.t.Errorf("the pools accepted %d shares: %s", sum, &report)
	}
	for _, m := range stats.Miners {
		if w, ok := r.model.Worker(m.Worker); !ok && m.Accepted > 0 || w.Accepted != m.Accepted || w.Rejected != m.RejectedTotal() {
			r.t.Errorf("%s was told of %d accepted and %d rejected shares, its book has %d and %d",
				m.Worker, m.Accepted, m.RejectedTotal(), w.Accepted, w.Rejected)
		}
	}
	return report
}

// agreeAt compares our book of a pool with its own and with what miners were
// told of its jobs' shares. What a connection's end cut off we have as
// unanswered.
func (r *poolsRig) agreeAt(pool int) (accepted uint64) {
	r.t.Helper()
	name, theirs, ours := r.names[pool], r.pools[pool].Ledger().Total(), r.model.PoolBooks()[pool]
	if ours.Name != name {
		r.t.Fatalf("the book of %s is of %s", name, ours.Name)
	}
	t := &ours.Tally
	open := r.model.Pools()[pool].Unanswered
	if told := r.lives.acceptedOf(pool); t.Ours.Accepted() != told {
		r.t.Errorf("%s: %d shares accepted in our book, miners were told of %d for its jobs", name, t.Ours.Accepted(), told)
	}
	if got := t.Pools.Accepted(); got > theirs.Accepted || got+open < theirs.Accepted {
		r.t.Errorf("%s accepted %d; in our book are %d, and %d unanswered", name, theirs.Accepted, got, open)
	}
	if got, want := t.Pools.Refused(), theirs.RejectedTotal(); got > want || got+open < want {
		r.t.Errorf("%s refused %d; in our book are %d, and %d unanswered", name, want, got, open)
	}
	if t.PoolWorkAccepted() > theirs.Work*(1+1e-9) {
		r.t.Errorf("%s accepted work of %g, in our book it is %g", name, theirs.Work, t.PoolWorkAccepted())
	}
	for code, n := range theirs.Rejected {
		if code != sv1.CodeStale && n > 0 {
			r.t.Errorf("%s refused %d shares with %d", name, n, code)
		}
	}
	r.t.Logf("%s: %d accepted and %v refused; in our book %d and %d, %d unanswered; work not submitted %g",
		name, theirs.Accepted, theirs.Rejected, t.Pools.Accepted(), t.Pools.Refused(), open, r.model.Pools()[pool].WorkNotSubmitted)
	return theirs.Accepted
}

// onTheWay is how long a line may be under way between two sides that are both
// well.
const onTheWay = 2 * time.Second

// poolLives remembers the connections of several pools and the jobs that they
// were told, and says of each share whether it was judged and handed on as it
// should have been.
type poolLives struct {
	shares *sim.SharedAudit

	mu       sync.Mutex
	conns    map[uint64]*poolLife
	accepted []uint64 // by the pool of the job: what miners were told
	refused  []sim.ShareEvent
	deaf     [][]span
}

// poolLife is the life of one connection.
type poolLife struct {
	ended time.Time
	clean []cleanJob
}

// cleanJob is a job that made those before it worthless.
type cleanJob struct {
	mark uint64
	at   time.Time
}

// span is a time in which a pool heard nothing; to is zero while it lasts.
type span struct{ from, to time.Time }

func newPoolLives(pools int) *poolLives {
	return &poolLives{
		shares: sim.NewSharedAudit(), conns: map[uint64]*poolLife{},
		accepted: make([]uint64, pools), deaf: make([][]span, pools),
	}
}

// life of a connection; mu is held.
func (l *poolLives) life(conn uint64) *poolLife {
	life := l.conns[conn]
	if life == nil {
		life = &poolLife{}
		l.conns[conn] = life
	}
	return life
}

func (l *poolLives) job(ev sim.JobEvent) {
	l.shares.Job(ev)
	if !ev.Clean {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	life := l.life(sim.MarkConn(ev.Mark))
	life.clean = append(life.clean, cleanJob{ev.Mark, time.Now()})
}

func (l *poolLives) end(conn uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.life(conn).ended = time.Now()
}

func (l *poolLives) miner(ev sim.ShareEvent) {
	l.shares.Miner(ev)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch ev.Outcome {
	case sim.OutcomeAccepted:
		l.accepted[sim.MarkPool(ev.Mark)]++
	case sim.OutcomeRejected:
		l.refused = append(l.refused, ev)
	case sim.OutcomeUnanswered:
	}
}

func (l *poolLives) acceptedOf(pool int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted[pool]
}

// hears says that a pool hears nothing from now on, or hears again.
func (l *poolLives) hears(pool int, well bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !well {
		l.deaf[pool] = append(l.deaf[pool], span{from: time.Now()})
		return
	}
	if n := len(l.deaf[pool]); n > 0 && l.deaf[pool][n-1].to.IsZero() {
		l.deaf[pool][n-1].to = time.Now()
	}
}

// wasDeaf says that a pool has not heard everything.
func (l *poolLives) wasDeaf(pool int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.deaf[pool]) > 0
}

// lost says that the connection whose job a share is for, or the pool's ear,
// was lost before the share can have arrived for sure. mu is held.
func (l *poolLives) lost(ev *sim.ShareEvent) bool {
	life := l.conns[sim.MarkConn(ev.Mark)]
	if life == nil || !life.ended.IsZero() && life.ended.Before(ev.At.Add(onTheWay)) {
		return true
	}
	return slices.ContainsFunc(l.deaf[sim.MarkPool(ev.Mark)], func(s span) bool {
		return s.from.Before(ev.At.Add(onTheWay)) && (s.to.IsZero() || s.to.After(ev.At.Add(-onTheWay)))
	})
}

// overtaken says that a clean job came before a share's answer. mu is held.
func (l *poolLives) overtaken(ev *sim.ShareEvent) bool {
	life := l.conns[sim.MarkConn(ev.Mark)]
	return life != nil && slices.ContainsFunc(life.clean, func(c cleanJob) bool { return c.mark > ev.Mark && !c.at.After(ev.At) })
}

// wrong lists in words what was not as it should have been: a share kept from
// a pool that was connected, or a valid one refused.
func (l *poolLives) wrong() (all []string) {
	withheld := l.shares.Withheld()
	l.mu.Lock()
	defer l.mu.Unlock()
	add := func(text string, ev *sim.ShareEvent) {
		life := l.conns[sim.MarkConn(ev.Mark)]
		all = append(all, fmt.Sprintf("%s: %s at %s, job %x (%s) of pool %d, code %d %q; its connection: %+v",
			text, ev.Worker, ev.At.Format("15:04:05.000"), ev.Mark, ev.JobID, sim.MarkPool(ev.Mark), ev.Code, ev.Text, life))
	}
	for _, ev := range withheld {
		if !l.lost(&ev) {
			add("kept from a pool that was connected", &ev)
		}
	}
	for _, ev := range l.refused {
		if ev.Code != sv1.CodeStale || !l.lost(&ev) && !l.overtaken(&ev) {
			add("refused", &ev)
		}
	}
	if len(all) > 20 {
		all = append(all[:20], fmt.Sprintf("and %d more", len(all)-20))
	}
	return all
}

// figures are how many shares a lost connection or a clean job cost.
func (l *poolLives) figures() string {
	withheld := len(l.shares.Withheld())
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d connections, %d shares refused here, %d accepted and lost on the way", len(slices.Collect(maps.Keys(l.conns))), len(l.refused), withheld)
}
