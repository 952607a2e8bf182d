package app_test

import (
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// failoverMiners is how many miners fail over: a hundred, or as many as
// LOKA_FAILOVER says, and then a pool's silence is waited out, too.
func failoverMiners(t *testing.T) (miners int, long bool) {
	t.Helper()
	text := os.Getenv("LOKA_FAILOVER")
	if text == "" {
		return 100, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n, true
}

// What all pools ask for in these tests is a share in 860 hashes, and miners
// hand in twice as many: too few for a connection's budget to matter.
const (
	failoverDifficulty = 2e-7
	failoverHashes     = 40_000 // a second, of all miners
)

// failoverPools are two pools on one block, and miners of all manners at the
// first.
func failoverPools(t *testing.T) (r *poolsRig, finish func() sim.MinersStats) {
	t.Helper()
	miners, long := failoverMiners(t)
	r = startPools(t, 2, sim.PoolConfig{Seed: 1, Difficulty: failoverDifficulty, JobInterval: time.Second}, steadily, slog.LevelInfo)
	mc := sim.MinersConfig{Seed: 1, Count: miners, Hashrate: failoverHashes / float64(miners), Ramp: time.Second}
	if long {
		mc.Patience = 1
	}
	finish = r.mine(mc)
	r.awaitAll(0)
	r.earnAt(0)
	return r, finish
}

// However the first pool dies, its miners keep their connections, have the
// second's work, and come back once the first has been well for long enough;
// and each share goes to the pool whose job it is of.
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// die is the misbehaviour at the end, reset whether all connections
		// end with RST; silent is what ends none.
		die           sim.Quirks
		reset, silent bool
	}{
		{"resets", sim.Quirks{RefuseConnections: true, DisconnectReset: true}, true, false},
		{"closes", sim.Quirks{RefuseConnections: true}, false, false},
		{"resets, then takes connections and says nothing", sim.Quirks{Silent: true}, true, false},
		{"closes, then refuses the login", sim.Quirks{Authorize: sim.ReplyRefused}, false, false},
		{"is silent", sim.Quirks{Silent: true}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, long := failoverMiners(t); c.silent && !long {
				t.Skip("a silent pool is left after half a minute or more and shunned for five: make soak-failover; by virtual time it is TestFailoverFromASilentPool of internal/hub")
			}
			r, finish := failoverPools(t)
			main := r.pools[0]
			r.lives.hears(0, !c.die.Silent)
			main.SetQuirks(c.die)
			if c.silent {
				r.await("the silence to be noticed", 200*time.Second, func() bool { return r.at(0) == 0 })
			} else {
				main.Disconnect(c.reset)
			}
			r.awaitAll(1)
			r.earnAt(1)
			main.SetQuirks(sim.Quirks{})
			r.lives.hears(0, true)
			r.awaitAll(0)
			r.earnAt(0)
			r.unhurt()
			report := r.agree(finish())
			t.Logf("%s; %s", &report, r.lives.figures())
		})
	}
}

// A pool that ends connections, its probe's or not, and takes new ones at once
// keeps its miners, or has them again soon.
func TestFailoverIsNotForACut(t *testing.T) {
	t.Parallel()
	r, finish := failoverPools(t)
	probe := r.pools[0].Stats().Conns[0].ID
	for _, c := range []struct{ reset, probe bool }{{true, false}, {true, true}, {false, true}} {
		r.pools[0].DisconnectSome(c.reset, func(conn sim.PoolConn) bool { return c.probe || conn.ID != probe })
		r.earnAt(0)
		r.awaitAll(0)
	}
	r.unhurt()
	report := r.agree(finish())
	t.Logf("%s; %s", &report, r.lives.figures())
}
