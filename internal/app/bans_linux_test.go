package app_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// visit logs in from an address of this machine; it is nil where it is not let in.
func (r *rig) visit(from, login string) *raw {
	r.t.Helper()
	if c := r.rawFrom(net.ParseIP(from)); c != nil && c.enters(login) {
		return c
	}
	return nil
}

// TestBans bans an address and pauses a worker of a running proxy, over a restart.
func TestBans(t *testing.T) {
	r := startWith(t, sim.PoolConfig{}, "")
	text := poolText("main", r.pool)
	one, other := r.visit("127.0.0.2", "farm.a"), r.visit("127.0.0.3", "farm.b")
	if one == nil || other == nil {
		t.Fatal("nobody is banned, and not let in")
	}
	if got := r.does(http.MethodPost, "/api/v1/bans", `{"address":"127.0.0.2","comment":"test"}`); !strings.Contains(got, `"closed":1`) {
		t.Errorf("banned: %s", got)
	}
	one.ended()
	if r.visit("127.0.0.2", "farm.c") != nil {
		t.Error("who is banned is let in")
	}
	if other.ask(3, pings) == "" {
		t.Error("who is not banned is closed")
	}

	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.again(text)
	r.await("ready", 10*time.Second, r.model.Ready)
	if r.visit("127.0.0.2", "farm.a") != nil {
		t.Error("after a restart who is banned is let in")
	}
	other = r.visit("127.0.0.3", "farm.b")
	if other == nil {
		t.Fatal("after a restart others are not let in")
	}
	if got := r.does(http.MethodPost, "/api/v1/workers/farm.b/pause", ``); !strings.Contains(got, `"closed":1`) {
		t.Errorf("paused: %s", got)
	}
	other.ended()
	r.does(http.MethodPost, "/api/v1/workers/farm.b/resume", ``)
	r.does(http.MethodDelete, "/api/v1/bans?address=127.0.0.2", ``)
	if r.visit("127.0.0.2", "farm.a") == nil || r.visit("127.0.0.3", "farm.b") == nil {
		t.Error("who was let in again is not")
	}
	for _, want := range []string{
		`loka_bans_added_total{cause="operator",kind="pause"} 1`,
		`loka_connections_closed_total{reason="banned",side="downstream"} 1`,
		`loka_connections_closed_total{reason="paused",side="downstream"} 1`,
	} {
		r.expectMetric(want)
	}
}

// A route that asks for no secret lets in nobody who is paused or banned.
func TestBansHoldOnEveryRoute(t *testing.T) {
	r := startWith(t, sim.PoolConfig{}, "[logins]\npassword = \"s3cret\"\n[[route]]\nname = \"farm\"\npools = [\"main\"]\nskip = [\"threat\", \"rate_limit\", \"patterns\", \"logins\"]\n")
	r.does(http.MethodPost, "/api/v1/workers/farm.a/pause", ``)
	if r.visit("127.0.0.2", "farm.b") == nil {
		t.Error("who is not paused is kept out")
	}
	c := r.raw()
	c.ask(1, subscribes)
	if got := c.ask(2, authorizes("farm.a", "x")); got != `"result":false,"error":[24,"Paused by the operator",null]` {
		t.Errorf("who is paused is told %s", got)
	}
	r.expectMetric(`loka_logins_refused_total{cause="gate"} 1`)
	r.expectMetric(`loka_requests_refused_total{kind="authorize",middleware="bans"} 1`)
}

// gated lets connections through to a pool once it is opened, and not before.
func gated(t *testing.T, pool string) (addr string, open func()) {
	t.Helper()
	gate, done := make(chan struct{}), make(chan struct{})
	addr = serveTCP(t, func(in net.Conn) {
		select {
		case <-gate:
		case <-done:
			return
		}
		if out, err := net.Dial("tcp", pool); err == nil {
			join(in, out)
		}
	})
	t.Cleanup(func() { close(done) })
	return addr, sync.OnceFunc(func() { close(gate) })
}

// TestPauseWhileLoggingIn pauses a worker while its login waits for a pool: it is granted
// then, and ended all the same.
func TestPauseWhileLoggingIn(t *testing.T) {
	r := &rig{t: t, pool: runPool(t, sim.PoolConfig{})}
	addr, open := gated(t, strings.TrimPrefix(r.pool.URL(), "stratum+tcp://"))
	r.proxy("[[pool]]\nname = \"main\"\nurl = \"stratum+tcp://" + addr + "\"\nusername = \"ACCOUNT\"\npassword = \"x\"\n")
	miners := make(map[string]*raw)
	for _, login := range []string{"farm.paused", "farm.other"} {
		c := r.raw()
		if _, err := fmt.Fprintf(c.conn, "{\"id\":1,%s}\n", authorizes(login, "x")); err != nil {
			t.Fatal(err)
		}
		miners[login] = c
	}
	r.await("both to wait for a pool", 10*time.Second, func() bool {
		all := r.model.Miners()
		return len(all) == 2 && !slices.ContainsFunc(all, func(m view.Miner) bool { return m.BytesIn == 0 })
	})
	if got := r.does(http.MethodPost, "/api/v1/workers/farm.paused/pause", ``); !strings.Contains(got, `"closed":0`) {
		t.Errorf("paused: %s", got)
	}
	r.await("the book to have looked for whom to end", 10*time.Second, func() bool {
		return slices.Contains(r.metrics("loka_bans{"), `loka_bans{cause="operator",kind="pause"} 1`)
	})
	open()
	for login, c := range miners {
		if line, err := c.in.ReadString('\n'); err != nil || !strings.Contains(line, `"result":true`) {
			t.Fatalf("%s: %q, %v", login, line, err)
		}
	}
	miners["farm.paused"].ended()
	if miners["farm.other"].ask(9, pings) == "" {
		t.Error("who was not is closed")
	}
}
