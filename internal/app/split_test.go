package app_test

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// How far a part may be from what it should have, of all the work: by our book,
// which the division goes by, and by the pools', where chance is a point or two of
// so few shares. Both are more than anybody is promised, for a part is promised
// nothing of the first minutes.
const (
	splitTolerance  = 0.03
	splitTolerance2 = 0.06
)

// divides waits until the pools have accepted so many shares, and more if need
// be until each part has what it should have.
func (r *poolsRig) divides(shares uint64, want ...float64) {
	r.t.Helper()
	type had struct {
		shares uint64
		work   float64
	}
	now := func(i int) had {
		total := r.pools[i].Ledger().Total()
		return had{total.Accepted, total.Work}
	}
	before := make([]had, len(want))
	for i := range want {
		before[i] = now(i)
	}
	ours, theirs := make([]float64, len(want)), make([]float64, len(want))
	defer func() { r.t.Logf("by our book %.4f, by the pools' %.4f; wanted %v", ours, theirs, want) }()
	r.await("the parts to have what they should have", 3*time.Minute, func() bool {
		all, ourWork, theirWork := uint64(0), 0.0, 0.0
		for i, p := range r.app.Hub().Routes()[0].Parts {
			n := now(i)
			all += n.shares - before[i].shares
			ours[i], theirs[i] = p.Work, n.work-before[i].work
			ourWork, theirWork = ourWork+ours[i], theirWork+theirs[i]
		}
		right := all >= shares
		for i := range want {
			ours[i], theirs[i] = ours[i]/ourWork, theirs[i]/theirWork
			right = right && math.Abs(ours[i]-want[i]) <= splitTolerance && math.Abs(theirs[i]-want[i]) <= splitTolerance2
		}
		return right
	})
}

// Two pools get their parts of what a few miners do, and others when that is
// changed, and who is to be where by its worker or by the clock is; every share goes to the pool whose job it is of, and no miner notices.
func TestSplit(t *testing.T) {
	t.Parallel()
	const miners, shares = 6, 500
	r := startRoute(t, 2, sim.PoolConfig{Seed: 7, Difficulty: failoverDifficulty, JobInterval: time.Second},
		`split = [{ pool = "main", weight = 70 }, { pool = "backup", weight = 30 }]`+"\n"+steadily, slog.LevelInfo)
	finish := r.mine(sim.MinersConfig{Seed: 7, Count: miners, Hashrate: failoverHashes / miners, Ramp: time.Second})
	r.divides(shares, 0.7, 0.3)
	r.does(http.MethodPut, "/api/v1/routes/farm/split", `{"split":[{"pool":"main","weight":25},{"pool":"backup","weight":75}]}`)
	r.divides(shares, 0.25, 0.75)
	r.does(http.MethodPut, "/api/v1/routes/farm/split", `{"split":[{"pool":"main","weight":1},{"pool":"backup","worker":"*-0"}]}`)
	r.await("one miner to be at its own part, and the others at theirs", time.Minute, func() bool {
		return r.at(0) == miners-1 && r.at(1) == 1
	})
	window := fmt.Sprintf("* * * %d *", time.Now().AddDate(0, 6, 0).Month())
	r.does(http.MethodPut, "/api/v1/routes/farm/split", `{"split":[{"pool":"main","weight":1,"when":"`+window+`"},{"pool":"backup","weight":1}]}`)
	r.awaitAll(1)
	r.does(http.MethodDelete, "/api/v1/routes/farm/split", "")
	r.await("all to be divided again", time.Minute, func() bool { return r.at(0) > 0 && r.at(1) > 0 })
	r.does(http.MethodPost, "/api/v1/pools/backup/drain", "")
	r.awaitAll(0)
	r.unhurt()
	report := r.agree(finish())
	t.Logf("%s; %s", &report, r.lives.figures())
}
