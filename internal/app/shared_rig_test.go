package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/sv1"
)

const (
	// sharedRoute is the route that these tests are about, and quickly makes
	// its miners send many shares.
	sharedRoute = "[[route]]\nname = \"farm\"\nmode = \"shared\"\npools = [\"main\"]\n"
	quickly     = "[vardiff]\nshares_per_minute = 600.0\nstart = 5e-8\nmin = 1e-9\n"
	// linkLogin is the login of its pool connections.
	linkLogin = "ACCOUNT.farm"
)

// sharedRig is a rig whose miners share pool connections, with the audit for
// that.
type sharedRig struct {
	*rig

	shares *sim.SharedAudit
	// misread is how many shares may be lost where readings of version bits
	// differ: those on their way until it is known how the pool reads them,
	// and at the tiny difficulties here those whose hash by another reading
	// than the miner's happens to be a share, too.
	misread uint64
}

// startShared runs a pool and a proxy before it that shares its connections,
// configured further by text.
func startShared(t *testing.T, pc sim.PoolConfig, text string) *sharedRig {
	t.Helper()
	r := newShared(t)
	pc.OnShare, pc.OnJob, pc.PingBlocks = r.shares.Pool, r.shares.Job, true
	r.serve(pc, sharedRoute+text)
	return r
}

// newShared is a rig without anything that runs.
func newShared(t *testing.T) *sharedRig {
	t.Helper()
	r := &sharedRig{rig: &rig{t: t}, shares: sim.NewSharedAudit()}
	r.told = r.shares.Miner
	return r
}

// main is the pool as the hub knows it.
func (r *sharedRig) main() hub.PoolState { return r.app.Hub().Pools()[0] }

// settle waits until the pool has answered for every share that it was sent.
func (r *sharedRig) settle() {
	r.t.Helper()
	r.await("the pool's verdicts", 20*time.Second, func() bool { return r.app.Hub().Pending() == 0 })
}

// agree demands that pool, miners and our books tell the same, share by share
// and in sum, and that the pool refused nothing but shares that a new block
// overtook. It returns how the shares went.
func (r *sharedRig) agree(stats sim.MinersStats) sim.SharedReport {
	r.t.Helper()
	r.settle()
	report := r.shares.Report()
	known := report
	if known.Alone <= r.misread {
		known.Alone = 0
	}
	if err := known.Err(); err != nil {
		r.t.Errorf("shares: %v", err)
	}
	r.overtaken(&report)
	if n := report.Refused[sv1.CodeLowDifficulty]; n > r.misread {
		r.t.Errorf("the pool refused %d shares as too low: %q", n, report.Texts)
	}
	if unsubmitted := r.main().Unsubmitted; report.Withheld > r.misread && report.WithheldWork > unsubmitted*(1+1e-9) {
		r.t.Errorf("%d shares worth %g were kept from the pool, %g is counted", report.Withheld, report.WithheldWork, unsubmitted)
	}
	r.sums(stats, &report)
	r.workers(stats)
	if report.Alone == 0 { // else the miner of a share is not known
		r.names(&report)
	}
	return report
}

// overtaken demands that what the pool refused is explained by new blocks: a
// share on its way when one comes is stale. How many that are hangs on the
// machine and is not bounded. But once the pool has heard that the proxy has
// read of the block, none of before may follow; and a refusal that comes after
// the block's job is no discrepancy.
func (r *sharedRig) overtaken(report *sim.SharedReport) {
	r.t.Helper()
	for code, n := range report.Refused {
		if code != sv1.CodeStale && code != sv1.CodeLowDifficulty && n > 0 {
			r.t.Errorf("the pool refused %d shares with %d: %q", n, code, report.Texts)
		}
	}
	if report.NoJob+report.Late > 0 {
		r.t.Errorf("the pool refused %d shares of jobs that it does not know, and %d of blocks that the proxy had read are over: %q",
			report.NoJob, report.Late, report.Texts)
	}
	if got := r.main().Discrepancies; got > report.Untold+r.misread {
		r.t.Errorf("%d discrepancies, the pool refused %d shares before it told of a new block", got, report.Untold)
	}
}

// sums demands that all books have the same totals.
func (r *sharedRig) sums(stats sim.MinersStats, report *sim.SharedReport) {
	r.t.Helper()
	theirs, ours := r.pool.Ledger().Total(), r.model.Summary().Shares
	if ours.Accepted != stats.Accepted || ours.Rejected != stats.RejectedTotal() {
		r.t.Errorf("accepted %d and rejected %d in our book; miners were told %d and %d", ours.Accepted, ours.Rejected, stats.Accepted, stats.RejectedTotal())
	}
	if report.Accepted != stats.Accepted || report.Matched+report.Alone != theirs.Accepted {
		r.t.Errorf("%s; miners were told of %d, the pool accepted %d", report, stats.Accepted, theirs.Accepted)
	}
	if ours.PoolAccepted != theirs.Accepted || ours.PoolRejected != theirs.RejectedTotal() || ours.PoolUnanswered != 0 {
		r.t.Errorf("the pool accepted %d, refused %d and left %d unanswered in our book; %d and %d in its own",
			ours.PoolAccepted, ours.PoolRejected, ours.PoolUnanswered, theirs.Accepted, theirs.RejectedTotal())
	}
	if diff := ours.PoolWorkAccepted - theirs.Work; diff > 1e-9*theirs.Work || -diff > 1e-9*theirs.Work {
		r.t.Errorf("work accepted by the pool: %g in our book, %g in its own", ours.PoolWorkAccepted, theirs.Work)
	}
}

// workers demands that each worker's book is what its miners were told.
func (r *sharedRig) workers(stats sim.MinersStats) {
	r.t.Helper()
	for _, m := range stats.Miners {
		w, ok := r.model.Worker(m.Worker)
		if !ok || w.Accepted != m.Accepted || w.Rejected != m.RejectedTotal() {
			r.t.Errorf("%s was told of %d accepted and %d rejected shares, its book has %d and %d",
				m.Worker, m.Accepted, m.RejectedTotal(), w.Accepted, w.Rejected)
		}
	}
}

// names demands that each share went to the pool by its worker's own name or
// by the connection's login, and that both sides book each name alike.
func (r *sharedRig) names(report *sim.SharedReport) {
	r.t.Helper()
	byName, byWorker := map[string]uint64{}, map[string]uint64{}
	for name, n := range report.Names {
		if own := "ACCOUNT." + strings.ReplaceAll(name.Miner, ".", "_"); name.Pool != linkLogin && name.Pool != own {
			r.t.Errorf("%d shares of %s went to the pool as %s", n, name.Miner, name.Pool)
		}
		byName[name.Pool] += n
		byWorker[name.Miner] += n
	}
	for name, n := range byName {
		if got := r.pool.Ledger().Worker(name).Accepted; got != n {
			r.t.Errorf("the pool accepted %d shares of %s, the miners found %d of them", got, name, n)
		}
	}
	for worker, n := range byWorker {
		if w, _ := r.model.Worker(worker); w.PoolAccepted != n {
			r.t.Errorf("the pool accepted %d shares of %s, our book has %d", n, worker, w.PoolAccepted)
		}
	}
}
