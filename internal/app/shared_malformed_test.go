package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// steadily is a difficulty that stays, so that no work comes but the pool's.
const steadily = "[vardiff]\nmin = 1e-9\nfixed = 1e-7\n"

// badJobs are jobs that must not reach a miner.
func badJobs() []string {
	job := func(coinb1, branches, nbits string) string {
		return fmt.Sprintf(`{"id":null,"method":"mining.notify","params":["bad","%064d",%q,"bb",[%s],"20000000",%q,"65537f00",true]}`, 7, coinb1, branches, nbits)
	}
	branch := fmt.Sprintf(`"%064d"`, 1)
	return []string{
		`{"id":null,"method":"mining.notify","params":[`,
		job(strings.Repeat("00", 9000), "", "1703a30c"),
		job("aa", strings.Repeat(branch+",", 32)+branch, "1703a30c"),
		job("aa", `"00"`, "1703a30c"),
		job("aa", "", "00000000"),
	}
}

// A malformed or oversized job is not relayed, is counted, and the connection
// lives; the fifth within a minute ends it, and the miners stay.
func TestMalformedJobsShare(t *testing.T) {
	t.Parallel()
	const miners = 4
	r := startShared(t, sim.PoolConfig{Seed: 4, Difficulty: 1e-7, JobInterval: time.Hour}, steadily)
	finish := r.mine(sim.MinersConfig{
		Seed: 4, Count: miners, Hashrate: 4000, TimeScale: 0.1,
		Manners: []sim.Manner{sim.CGMiner, sim.Whatsminer, sim.BFGMiner, sim.CPUMiner},
	})
	r.earn(5)
	const both = 2 // the probe's connection and the shared one
	bad, connects := badJobs(), r.pool.Stats().Connects
	for i, line := range bad[:len(bad)-1] {
		r.pool.Broadcast(line)
		r.await("the line to be counted", 10*time.Second, func() bool { return r.badLines() == both*(i+1) })
	}
	r.earnMore(20)
	// A share of any of them would be of no job that the pool has given.
	if got := r.shares.Report().Unknown; got > 0 {
		t.Errorf("%d shares of jobs that the pool has not given", got)
	}
	if got := r.pool.Stats().Connects; got != connects {
		t.Errorf("the pool has seen %d connections, want %d", got, connects)
	}

	r.swarm.Pause(true) // what is on its way when a connection ends has no verdict
	r.await("answers", 20*time.Second, r.swarm.Settled)
	r.settle()
	r.pool.Broadcast(bad[len(bad)-1])
	r.await("new connections", 30*time.Second, func() bool { return r.pool.Stats().Connects == connects+both })
	r.swarm.Pause(false)
	r.earnMore(20)
	stats := finish()
	for _, m := range stats.Miners {
		if m.Connects != 1 {
			t.Errorf("%s has connected %d times", m.Worker, m.Connects)
		}
	}
	t.Log(r.shareWell(stats))
	if got := r.badLines(); got != both*len(bad) {
		t.Errorf("%d malformed lines are counted, want %d", got, both*len(bad))
	}
}

// earnMore waits until each miner of the swarm has so many more shares.
func (r *rig) earnMore(shares uint64) {
	r.t.Helper()
	before := r.swarm.Stats().Miners
	r.await("each to earn more", 30*time.Second, func() bool {
		for i, m := range r.swarm.Stats().Miners {
			if m.Accepted < before[i].Accepted+shares {
				return false
			}
		}
		return true
	})
}

// badLines is the pool's count in the metrics.
func (r *rig) badLines() (n int) {
	r.t.Helper()
	for _, line := range r.metrics("loka_pool_bad_lines_total") {
		if _, err := fmt.Sscanf(line, `loka_pool_bad_lines_total{pool="main"} %d`, &n); err == nil {
			return n
		}
	}
	r.t.Fatal("the metrics have no count of malformed lines")
	return 0
}
