package app_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// allReady says that a miner would be given work on each route.
func (r *rig) allReady() bool {
	return !slices.ContainsFunc(r.model.Routes(), func(s view.Route) bool { return !s.Ready })
}

// Miners that come by a CONNECT mine on the route that its target leads to, and
// those of another target not at all.
func TestMinersByConnect(t *testing.T) {
	t.Parallel()
	r := &rig{t: t, level: slog.LevelDebug}
	pools := []*sim.Pool{runPool(t, sim.PoolConfig{Difficulty: 1e-6, Seed: 1}), runPool(t, sim.PoolConfig{Difficulty: 1e-6, Seed: 2})}
	r.proxy(poolText("main", pools[0]) + poolText("other", pools[1]) +
		"[[route]]\nname = \"main\"\npools = [\"main\"]\n" +
		"[[route]]\nname = \"other\"\npools = [\"other\"]\n" +
		"[[route]]\nname = \"asked\"\npools = [\"other\"]\n[route.match]\nconnect = \"*.example.com:*\"\n")
	r.await("all routes to be ready", 20*time.Second, r.allReady)
	targets := []string{strings.TrimPrefix(pools[0].URL(), "stratum+tcp://"), strings.TrimPrefix(pools[1].URL(), "stratum+tcp://")}
	for i, c := range []struct{ connect, route string }{
		{"", "main"},
		{targets[1], "other"},
		{targets[1] + "/other", "other"},
		{"Pool.Example.Com:25", "asked"},
		{"pool.example.com:25/asked", "asked"},
	} {
		user := fmt.Sprintf("m%d", i)
		finish := r.mine(sim.MinersConfig{
			Connect: c.connect, User: user, ExactUser: true, Manners: []sim.Manner{sim.CGMiner}, Hashrate: 20_000,
		})
		r.await("a share from "+user, 40*time.Second, func() bool {
			w, ok := r.model.Worker(user)
			return ok && w.PoolAccepted > 0
		})
		w, _ := r.model.Worker(user)
		if w.Route != c.route {
			t.Errorf("%q: on route %q, want %q", c.connect, w.Route, c.route)
		}
		finish()
	}
	for connect, status := range map[string]string{
		"192.0.2.1:3333":             "403 Forbidden",
		targets[0] + "/other":        "403 Forbidden",
		targets[0] + "/elsewhere":    "404 Not Found",
		"no.such.host.example":       "400 Bad Request",
		"user@pool.example.com:3333": "400 Bad Request",
	} {
		finish := r.mine(sim.MinersConfig{Connect: connect, Manners: []sim.Manner{sim.CGMiner}, Once: true})
		r.await("the refusal of "+connect, 20*time.Second, func() bool { return r.swarm.Stats().Miners[0].LastEnd != "" })
		if got := finish().Miners[0].LastEnd; !strings.Contains(got, status) {
			t.Errorf("%q: ended with %q, want %s", connect, got, status)
		}
	}
}
