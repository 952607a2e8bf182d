package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/load"
)

// failoverRoute is farmRoute with two pools, between which nobody goes but
// when a pool ends.
const failoverRoute = `
[vardiff]
fixed = 2e-10
min = 2e-10
[[route]]
name = "farm"
mode = "shared"
pools = ["main", "backup"]
return_after = "24h"
`

// BenchmarkFailover measures how long it takes until miners whose pool ends
// all its connections have the next pool's work, beside two goroutines that
// write the same line to the same sockets. The two pools take turns.
//
//	written-ms   is the time from before the pool's first connection is closed
//	             until the kernel has the line in the last miner's queue. The
//	             miners sleep.
//	received-ms  is the time until the last miner has read it, all of them
//	             reading meanwhile on the same cores,
//	x_…          are both as multiples of the bare loop's.
//
// With one connection for all miners the next pool's is there already, with
// 1,000 miners on each, as is the default, one of five is, and the others are
// opened when they are needed.
func BenchmarkFailover(b *testing.B) {
	const miners = 5000
	for _, connections := range []int{1, 5} {
		b.Run(fmt.Sprintf("miners=%d/connections=%d", miners, connections), func(b *testing.B) {
			benchFailover(b, miners, miners/connections)
		})
	}
}

// failoverFarm is a farm before two pools.
type failoverFarm struct {
	farm

	app   *app.App
	pools [2]*load.Pool
	// at is the pool where the miners are.
	at int
}

func benchFailover(b *testing.B, n, each int) {
	b.Helper()
	const rounds = 4
	needDescriptors(b, n)
	f := &failoverFarm{pools: [2]*load.Pool{{}, {}}}
	text := farmPool("main", serveTCP(b, f.pools[0].Serve)) + farmPool("backup", serveTCP(b, f.pools[1].Serve))
	f.app = farmProxy(b, text+failoverRoute+fmt.Sprintf("max_miners_per_connection = %d\n", each))
	f.addr, f.load = f.app.Addrs().Miners[0], startLoad(b)
	f.connect(f.addr, n, true)
	defer f.leave(b, f.addr)
	f.duelFanout(b, n, rounds, func() { f.prepare(b, n) }, f.end)
	if got := f.app.Model().Connected(); got != n {
		b.Errorf("%d miners are left", got)
	}
}

// prepare waits until the other pool is ready and all miners are at this one,
// and gives them a job there, so that none comes by the clock meanwhile.
func (f *failoverFarm) prepare(b *testing.B, n int) {
	b.Helper()
	f.pools[1-f.at].Away.Store(false)
	await(b, "the pools to be ready", func() bool {
		here, next := f.app.Hub().Pools()[f.at], f.app.Hub().Pools()[1-f.at]
		return here.Miners == n && next.Probe.State == link.Active && len(next.Shared) > 0 && next.Shared[0].Session.Job != nil
	})
	f.pool = f.pools[f.at]
	f.renew()
}

// end has the miners' pool end all its connections and refuse others.
func (f *failoverFarm) end() time.Time {
	f.pools[f.at].Away.Store(true)
	begin := f.pools[f.at].End()
	f.at = 1 - f.at
	return begin
}
