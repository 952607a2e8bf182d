package app_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/watch"
)

// quickWatch learns in two seconds what takes minutes, and forgives as soon.
const quickWatch = "[watch]\nlearn_jobs = 5\nlearn_for = \"1s\"\ncalm = \"1s\"\n[alerts]\ninterval = \"1s\"\n"

// stolen is an output script that nobody here was paid by before.
const stolen = "001400000000000000000000000000000000000000aa"

// paysInto has the named pool's entry in the file say what is done about payouts.
func (r *poolsRig) paysInto(do string) string {
	var all strings.Builder
	for i, name := range r.names {
		all.WriteString(poolText(name, r.pools[i]))
		all.WriteString("on_payout_change = \"" + do + "\"\n")
	}
	return all.String() + "[[route]]\nname = \"farm\"\nreturn_after = \"1s\"\npools = [\"main\", \"backup\"]\n" + steadily + quickWatch
}

// payoutPools are two pools with miners at the first, after it is known whom it pays.
func payoutPools(t *testing.T, do string) *poolsRig {
	t.Helper()
	pc := sim.PoolConfig{Seed: 1, Difficulty: failoverDifficulty, JobInterval: 200 * time.Millisecond}
	r := &poolsRig{rig: &rig{t: t, level: slog.LevelInfo}, names: poolNames()[:2], lives: newPoolLives(2)}
	r.told = r.lives.miner
	for i, name := range r.names {
		pc.Number, pc.Tag = uint8(i), "/"+name+"/"
		r.pools = append(r.pools, runPool(t, pc))
	}
	r.proxy(r.paysInto(do))
	r.await("all pools to be known", 20*time.Second, func() bool { return r.known() && r.ready(0) && r.ready(1) })
	r.mine(sim.MinersConfig{Seed: 1, Count: 5, Hashrate: 2000, Ramp: time.Second})
	r.awaitAll(0)
	var blockAt uint64 = 10 // jobs
	r.await("the payout to be learnt", 30*time.Second, func() bool {
		if r.pools[0].Stats().Jobs >= blockAt {
			r.pools[0].NewBlock()
			blockAt += 10
		}
		return r.payout(0).Mode == watch.Fixed
	})
	return r
}

func (r *poolsRig) payout(pool int) watch.Report { return r.app.Hub().Pools()[pool].Watched }

// alerts are the names of what GET /api/v1/alerts has.
func (r *rig) alerts() (names []string) {
	r.t.Helper()
	var body struct {
		Alerts []struct{ Name, Severity, Pool, Message string }
	}
	if status, text := r.ask(http.MethodGet, "/api/v1/alerts", ""); status != http.StatusOK || json.Unmarshal([]byte(text), &body) != nil {
		r.t.Fatalf("%d: %s", status, text)
	}
	for _, a := range body.Alerts {
		if a.Name == string(watch.PayoutChanged) {
			if a.Severity != "critical" || a.Pool != "main" || !strings.Contains(a.Message, "bc1q") {
				r.t.Errorf("%+v", a)
			}
			names = append(names, a.Name)
		}
	}
	return names
}

// A pool that is taken over loses its miners to the next one, and has them back once
// that is accepted; nobody loses its connection.
func TestTakenOverPoolIsLeft(t *testing.T) {
	t.Parallel()
	r := payoutPools(t, "failover")
	if got := r.alerts(); len(got) != 0 {
		t.Fatalf("before: %v", got)
	}
	r.pools[0].SetQuirks(sim.Quirks{Payout: stolen})
	r.pools[0].NewJob()
	r.awaitAll(1)
	r.await("it to be told", 20*time.Second, func() bool { return len(r.alerts()) == 1 })
	const series = `loka_pool_signal{pool="main",signal="payout_changed"} `
	if _, text := r.ask(http.MethodGet, "/metrics", ""); !strings.Contains(text, series+"1\n") {
		t.Error("the metric does not say so")
	}
	if _, text := r.ask(http.MethodGet, "/health", ""); !strings.Contains(text, `"pool_watch":{"status":"degraded","detail":"main: payout_changed`) {
		t.Errorf("health: %s", text)
	}
	if status, text := r.ask(http.MethodPost, "/api/v1/pools/main/payout", `{"accept":true}`); status != http.StatusOK || !strings.Contains(text, `,["bc1q`) {
		t.Errorf("%d: %s", status, text)
	}
	r.awaitAll(0)
	r.await("it to be over", 20*time.Second, func() bool { return len(r.alerts()) == 0 })
	for _, text := range r.ends() {
		t.Error(text)
	}
	// A restart unlearns neither.
	r.await("it to be kept", 10*time.Second, func() bool {
		kept, err := os.ReadFile(filepath.Join(r.dir, "pools.json"))
		return err == nil && strings.Contains(string(kept), "+"+stolen)
	})
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.again(r.paysInto("alert"))
	r.await("the pools to be known again", 20*time.Second, r.known)
	if rep := r.payout(0); rep.Mode != watch.Fixed || len(rep.Payouts) != 2 || len(rep.Signals) > 0 && rep.Signals[0].Kind == watch.PayoutChanged {
		t.Errorf("after a restart: %+v", rep)
	}
}

// With alert alone the miners stay, and the old payout ends it.
func TestTakenOverPoolIsTold(t *testing.T) {
	t.Parallel()
	r := payoutPools(t, "alert")
	r.pools[0].SetQuirks(sim.Quirks{Payout: stolen, Tag: "/thief/"})
	r.pools[0].NewJob()
	r.await("it to be told", 20*time.Second, func() bool { return len(r.alerts()) == 1 })
	kinds := func() (all []watch.Kind) {
		for _, s := range r.payout(0).Signals {
			all = append(all, s.Kind)
		}
		return all
	}
	r.await("the tag to be told, too", 20*time.Second, func() bool { return slices.Contains(kinds(), watch.TagChanged) })
	r.earnAt(0)
	if r.at(0) != 5 {
		t.Errorf("%d miners are left", r.at(0))
	}
	r.pools[0].SetQuirks(sim.Quirks{})
	r.await("it to end", 30*time.Second, func() bool {
		return !slices.Contains(kinds(), watch.PayoutChanged) && !slices.Contains(kinds(), watch.TagChanged)
	})
}
