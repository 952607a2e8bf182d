package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
)

// A miner that comes by a CONNECT is told at once whether it can be served, and
// is served on the route that its target leads to.
func TestTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home, rental, away := goodPool("home"), goodPool("rental"), goodPool("away")
		away.refuse.Store(true)
		h := build(t, []*fakePool{home, rental, away}, func(c *hub.Config) {
			all := c.Routes[0]
			c.Routes = nil
			for _, r := range []struct {
				name string
				rule steer.Rule
			}{
				{"home", steer.Rule{Targets: []string{"home:3333"}}},
				{"rental", steer.Rule{Targets: []string{"rental:3333"}}},
				{"away", steer.Rule{Targets: []string{"away:3333"}}},
				{"vip", steer.Rule{Connect: "vip:*", Listener: "0.0.0.0:*"}},
			} {
				one := all
				one.Name, one.Rule = r.name, r.rule
				one.Rule.Route = r.name
				one.Pools = []string{r.name}
				if r.name == "vip" {
					one.Pools = []string{"away", "rental"}
				}
				c.Routes = append(c.Routes, one)
			}
		})
		time.Sleep(time.Second) // the pool that is away is known to be
		synctest.Wait()
		for i, c := range []struct {
			connect, route string
			want           mining.Reason
			on, pool       string
		}{
			{"", "", "", "home", "home"},
			{"home:3333", "", "", "home", "home"},
			{"rental:3333", "", "", "rental", "rental"},
			{"rental:3333", "rental", "", "rental", "rental"},
			{"vip:1", "", "", "vip", "rental"},
			{"vip:1", "vip", "", "vip", "rental"},
			{"away:3333", "", mining.ConnectNoPool, "", ""},
			{"rental:3333", "home", mining.ConnectForbidden, "", ""},
			{"rental:3334", "", mining.ConnectForbidden, "", ""},
			{"elsewhere:3333", "", mining.ConnectForbidden, "", ""},
			{"home:3333", "nowhere", mining.ConnectNoRoute, "", ""},
		} {
			arrival := mining.Arrival{Listener: "0.0.0.0:3333", Connect: c.connect, ConnectRoute: c.route}
			if got := h.hub.Tunnel(arrival); got != c.want {
				t.Errorf("%+v: %q, want %q", c, got, c.want)
			}
			if c.want != "" {
				continue
			}
			g := h.joinBy(uint64(i+1), arrival)
			g.open()
			g.authorize("alice.1")
			if at := h.hub.MinerState(g.miner); at.Route != c.on || at.Pool != c.pool {
				t.Errorf("%+v: on %+v", c, at)
			}
			g.leave()
		}
		if got := h.hub.Tunnel(mining.Arrival{Listener: "[::1]:3333", Connect: "vip:1"}); got != mining.ConnectForbidden {
			t.Errorf("by another listener: %q", got)
		}
	})
}

// While a pool is being connected for the first time a CONNECT is granted: the
// miner waits for it as others do.
func TestTunnelBeforeThePoolIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := goodPool("slow")
		slow.noJob = true
		h := build(t, []*fakePool{slow}, func(c *hub.Config) { c.Routes[0].Rule = steer.Rule{Targets: []string{"slow:3333"}} })
		if got := h.hub.Tunnel(mining.Arrival{Connect: "slow:3333"}); got != "" {
			t.Errorf("refused as %q", got)
		}
	})
}
