package app_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// A pool that sends its connections to another port has their miners there, in
// both modes, and nobody loses a share or the connection.
func TestReconnect(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"shared", "dedicated"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			pc := sim.PoolConfig{Seed: 1, Difficulty: 2e-7, JobInterval: time.Second}
			other := runPool(t, pc)
			r := startWith(t, pc, fmt.Sprintf("[[route]]\nname = \"farm\"\nmode = %q\n[vardiff]\nfixed = 2e-7\n", mode))
			finish := r.mine(sim.MinersConfig{Seed: 1, Count: 10, Hashrate: 2000, Once: true})
			r.earn(2)
			r.pool.Broadcast(fmt.Sprintf(`{"id":null,"method":"client.reconnect","params":["127.0.0.1",%d,1]}`, other.Addr().(*net.TCPAddr).Port))
			r.await("shares at the other port", 30*time.Second, func() bool { return other.Ledger().Total().Accepted >= 30 })
			if p := r.model.Pools()[0]; p.State != "active" || p.Breaker != "closed" {
				t.Errorf("the pool is %+v", p)
			}
			stats := finish()
			at, before := other.Ledger().Total(), r.pool.Ledger().Total()
			if at.RejectedTotal() != 0 || before.RejectedTotal() != 0 {
				t.Errorf("the pool refused %+v before and %+v there", before, at)
			}
			for _, m := range stats.Miners {
				if m.Connects != 1 {
					t.Errorf("a miner connected %d times: %+v", m.Connects, m)
				}
			}
		})
	}
}
