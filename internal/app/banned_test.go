package app_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit/process"
)

// behind runs a proxy before a pool that is easy, behind a load balancer that is
// believed, so that tests come from where they like.
func behind(t *testing.T, text string) *rig {
	t.Helper()
	r := &rig{t: t, audit: sim.NewAudit()}
	r.told = r.audit.Miner
	r.pool = runPool(t, sim.PoolConfig{Seed: 5, Difficulty: 1e-7, JobInterval: time.Hour, OnShare: r.audit.Pool})
	r.proxy(poolText("main", r.pool) + text + "[[listener]]\naddress = \"" + process.FreePort(t) + "\"\nproxy_from = [\"127.0.0.0/8\"]\n")
	r.addr = r.app.Addrs().Miners[1]
	r.await("ready", 20*time.Second, r.allReady)
	return r
}

// misbehaves connects and sends rubbish until it is closed. It is false where it was
// not let in.
func (r *rig) misbehaves(address, login string) bool {
	r.t.Helper()
	c := r.from(address)
	if !c.enters(login) {
		return false
	}
	for range 20 {
		if c.ask(7, `"method":7,"params":[]`) == "" {
			return true
		}
	}
	r.t.Fatal("it is not closed for what it sends")
	return true
}

// relay has whoever connects to it come from an address, and returns its own.
func (r *rig) relay(address string) string {
	r.t.Helper()
	to := r.addr
	return serveTCP(r.t, func(in net.Conn) {
		if out, err := net.Dial("tcp", to); err == nil {
			_, _ = fmt.Fprintf(out, "PROXY TCP4 %s 192.0.2.1 1 2\r\n", address)
			join(in, out)
		}
	})
}

const strictly = "[threat]\nslow = 0\nrefuse = 0\nclose = 20\n"

// Most of the connections of an address misbehave: it is banned, who is of it at the
// door or logged in is ended, nobody of it comes in, and others stay.
func TestThreatBansAddress(t *testing.T) {
	t.Parallel()
	const evil, other = "198.51.100.7", "198.51.100.8"
	r := behind(t, strictly)
	neighbour, idle, stranger := r.from(other), r.from(evil), r.from(evil)
	if !neighbour.enters("b.1") || !idle.enters("a.idle") || stranger.ask(1, subscribes) == "" {
		t.Fatal("nobody is banned, and somebody not let in")
	}
	tries := 0
	for r.misbehaves(evil, fmt.Sprint("a.", tries)) {
		if tries++; tries > 20 {
			t.Fatal("the address is not banned")
		}
	}
	if tries < 5 {
		t.Errorf("banned after %d, with two others there that did nothing", tries)
	}
	idle.ended()
	stranger.ended()
	if r.from(evil).enters("c.1") {
		t.Error("somebody of the address is let in")
	}
	if neighbour.ask(9, `"method":"mining.ping","params":[]`) == "" {
		t.Error("the neighbour is closed")
	}
	r.expectMetric(`loka_bans_added_total{cause="threat",kind="ban"} 1`)
	r.await("the bans in force to be counted", 20*time.Second, func() bool {
		return slices.Contains(r.metrics("loka_bans{"), `loka_bans{cause="threat",kind="ban"} 1`)
	})
}

// A farm of two behind one address, and a third machine that is broken: where it has a
// name of its own, that is banned there; where it has that of one which does well,
// nothing is. The farm mines on.
func TestBrokenMachineOfFarm(t *testing.T) {
	t.Parallel()
	const farm = "203.0.113.9"
	r := behind(t, strictly)
	direct := r.addr
	r.addr = r.relay(farm)
	finish := r.mine(sim.MinersConfig{Seed: 1, User: "farm", ExactUser: true, Count: 2, Manners: []sim.Manner{sim.CGMiner}, Hashrate: 4000, Once: true})
	r.await("the farm to earn", 40*time.Second, func() bool {
		w, ok := r.model.Worker("farm")
		return ok && w.Accepted > 10 && len(w.Connections) == 2
	})
	r.addr = direct
	for i := range 8 {
		if !r.misbehaves(farm, "farm") {
			t.Fatalf("after %d the name of those that do well is banned", i)
		}
	}
	times := 0
	for r.misbehaves(farm, "farm.broken") {
		if times++; times > 6 {
			t.Fatal("the broken machine is not banned")
		}
	}
	c := r.from(farm)
	c.ask(1, subscribes)
	if got := c.ask(2, authorizes("farm.broken", "x")); got != `"result":false,"error":[24,"Banned for misbehaviour",null]` {
		t.Errorf("the broken machine is told %s", got)
	}
	if !r.from(farm).enters("farm.new") || !r.from("203.0.113.10").enters("farm.broken") {
		t.Error("another machine of the farm is kept out, or one of that name elsewhere")
	}
	w, _ := r.model.Worker("farm")
	r.await("the farm to go on", 40*time.Second, func() bool {
		now, _ := r.model.Worker("farm")
		return now.Accepted > w.Accepted+10
	})
	for i, m := range finish().Miners {
		if m.Connects != 1 {
			t.Errorf("machine %d of the farm has connected %d times", i, m.Connects)
		}
	}
}

// Who says rubbish again and again is banned though it keeps a connection open that says
// nothing; not so where somebody of its address is logged in.
func TestRubbishBesideOthers(t *testing.T) {
	t.Parallel()
	const evil, farm = "198.51.100.9", "198.51.100.10"
	r := behind(t, "")
	miner, idle := r.from(farm), r.from(evil)
	if !miner.enters("farm.1") || idle.ask(1, subscribes) == "" {
		t.Fatal("nobody is banned, and somebody not let in")
	}
	for range 150 {
		for _, address := range []string{farm, evil} {
			c := r.from(address)
			_, _ = c.conn.Write([]byte("rubbish\n"))
			c.ended()
		}
	}
	idle.ended()
	if miner.ask(9, pings) == "" || !r.from(farm).enters("farm.2") {
		t.Error("the farm is banned for what somebody else of it says")
	}
	r.expectMetric(`loka_bans_added_total{cause="threat",kind="ban"} 1`)
}

// Who guesses secrets by a few logins of each connection is banned, and not who tries a
// wrong one again and again.
func TestGuessesOverConnections(t *testing.T) {
	t.Parallel()
	const evil, wrong = "198.51.100.11", "198.51.100.12"
	secret, err := logins.NewHash("s3cret", 1)
	if err != nil {
		t.Fatal(err)
	}
	r := behind(t, fmt.Sprintf("[logins]\npassword = %q\n", secret))
	tries := 0
	for banned := false; !banned; {
		if tries > 3000 {
			t.Fatal("it guesses on")
		}
		c := r.from(evil)
		for i := range 4 {
			tries++
			if c.ask(i, authorizes("farm.1", fmt.Sprint("guess", tries))) == "" {
				banned = true
				break
			}
		}
		_ = c.conn.Close()
		if c = r.from(wrong); c.ask(1, authorizes("farm.1", "mistyped")) == "" {
			t.Fatal("who is set up wrong is banned")
		}
		_ = c.conn.Close()
	}
}
