package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/loka/stratum/internal/view"
)

// splitMiners is how many miners a split route has.
const splitMiners = 4

// splitConfig divides a route between two pools, whose addresses it lacks.
const splitConfig = `
[[pool]]
name = "one"
url = "stratum+tcp://%s"
username = "e2e"
[[pool]]
name = "two"
url = "stratum+tcp://%s"
username = "e2e"
[[route]]
mode = "shared"
split = [{ pool = "one", weight = 50 }, { pool = "two", weight = 50 }]
`

// TestTwoNodesSplit divides a route's miners between the pools of two nodes
// that know nothing of each other. Work of one is worth nothing to the other, so
// what they accept has come the right way.
func TestTwoNodesSplit(t *testing.T) {
	bin, err := loka.Path()
	if err != nil {
		t.Fatalf("the binary cannot be built: %v", err)
	}
	names := []string{"one", "two"}
	nodes, pools, addrs := make([]*node, len(names)), make([]*program, len(names)), make([]string, len(names))
	for i := range names {
		nodes[i] = startNode(t)
		pools[i], addrs[i] = startPool(t, bin, nodes[i], sharedSizes...)
	}
	proxy := startProxy(t, bin, "-c", configFile(t, fmt.Sprintf(splitConfig, addrs[0], addrs[1])))
	miners := start(t, bin, "sim", "miners", "--pool", proxy.miners, "--user", "farm", "--every", "0", "--json", "--count", strconv.Itoa(splitMiners))
	within(t, "blocks of both nodes", func() bool {
		return !slices.ContainsFunc(nodes, func(n *node) bool { return n.height() < wantBlocks }) || miners.Ended() || proxy.Ended()
	})
	within(t, "all miners are divided", func() bool { return proxy.divided() || miners.Ended() || proxy.Ended() })
	miners.stop()
	within(t, "the pools have answered all", func() bool { return proxy.settled() || proxy.Ended() })
	accepted := checkSplit(t, proxy, names)
	proxy.stop()

	mined := checkMiners(t, miners.out.String())
	for _, m := range mined.Miners {
		if m.Connects != 1 {
			t.Errorf("%s connected %d times, its last connection ended by %q", m.Worker, m.Connects, m.LastEnd)
		}
	}
	for i, n := range nodes {
		pools[i].stop()
		if credited := checkPool(t, n, pools[i].out.String()); credited != accepted[i] {
			t.Errorf("pool %s accepted %d shares, by the proxy's book %d", names[i], credited, accepted[i])
		}
		ours(t, n)
		slots := slotsOf(t, n)
		t.Logf("%s: %d blocks, by connection and slot: %v", names[i], n.height(), slots)
		checkSlots(t, &mined, slots)
	}
	if nodes[0].block(1) == nodes[1].block(1) {
		t.Error("the nodes have the same chain")
	}
}

// divided says that all miners mine for the parts of the first route's split,
// each of which should have half. That is not known until the first look at them.
func (p *proxyProcess) divided() bool {
	p.t.Helper()
	miners := 0
	for _, part := range p.routes()[0].Split {
		if part.Target != 0.5 {
			return false
		}
		miners += part.Miners
	}
	return miners == splitMiners && p.summary().Miners == splitMiners
}

// settled says that no miner is left, and no share without a pool's answer.
func (p *proxyProcess) settled() bool {
	p.t.Helper()
	if p.summary().Miners > 0 {
		return false
	}
	pending := 0
	for _, pool := range p.pools() {
		for _, l := range pool.Links {
			pending += l.Pending
		}
	}
	return pending == 0
}

func (p *proxyProcess) routes() []view.Route {
	p.t.Helper()
	var list struct{ Routes []view.Route }
	p.get("/api/v1/routes", &list)
	if len(list.Routes) == 0 {
		p.t.Fatal("the proxy has no route")
	}
	return list.Routes
}

func (p *proxyProcess) pools() []view.Pool {
	p.t.Helper()
	var list struct{ Pools []view.Pool }
	p.get("/api/v1/pools", &list)
	return list.Pools
}

func (p *proxyProcess) summary() (s view.Summary) {
	p.t.Helper()
	p.get("/api/v1/summary", &s)
	return s
}

// checkSplit wants the proxy's figures to say that each pool has a part of its
// own and took shares, and that nothing was refused but as stale. It returns how
// many shares each pool accepted.
func checkSplit(t *testing.T, p *proxyProcess, names []string) []uint64 {
	t.Helper()
	parts, pools, sum := p.routes()[0].Split, p.pools(), p.summary().Shares
	if len(parts) != len(names) || len(pools) != len(names) {
		t.Fatalf("%d parts and %d pools, want %d", len(parts), len(pools), len(names))
	}
	accepted := make([]uint64, len(names))
	var all, refused uint64
	for i, name := range names {
		part, pool := parts[i], pools[i]
		if !slices.Equal(part.Pools, []string{name}) || part.Weight != 50 || part.WorkAccepted <= 0 {
			t.Errorf("part %s: %+v", name, part)
		}
		if pool.Name != name || pool.Accepted == 0 || pool.WorkAccepted <= 0 || pool.Rejected != pool.Stale || pool.Unanswered != 0 {
			t.Errorf("pool %s: %+v", name, pool)
		}
		accepted[i] = pool.Accepted
		all, refused = all+pool.Accepted, refused+pool.Rejected
		t.Logf("%s: %d shares accepted, %d stale; work %g by our book, %g by the pool's", name, pool.Accepted, pool.Stale, part.WorkAccepted, pool.WorkAccepted)
	}
	if sum.PoolAccepted != all || sum.PoolRejected != refused || sum.PoolUnanswered != 0 || sum.Accepted == 0 || sum.Rejected != sum.Stale {
		t.Errorf("the pools accepted %d and refused %d shares; in all: %+v", all, refused, sum)
	}
	return accepted
}
