package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// guarded runs a pool that is easy, and a proxy with more of a configuration.
func guarded(t *testing.T, text string) *rig {
	t.Helper()
	return startWith(t, sim.PoolConfig{Seed: 5, Difficulty: 1e-7, JobInterval: time.Hour}, text)
}

// reloaded puts another configuration in place.
func (r *rig) reloaded(text string) {
	r.t.Helper()
	r.file.write(r.dir, poolText("main", r.pool)+text)
	if _, err := r.app.Reload(r.t.Context(), ""); err != nil {
		r.t.Fatal(err)
	}
}

// Only miners with the secret get in, options may stand after it, too many tries end
// the connection, and a reload changes the secret for who comes then.
func TestGuardLogins(t *testing.T) {
	t.Parallel()
	const route = "[[route]]\nname = \"farm\"\npools = [\"main\"]\n"
	r := guarded(t, "[logins]\npassword = \"s3cret\"\nallow = [\"farm.*\"]\nmax_refused = 3\n"+route)
	in := r.raw()
	in.ask(1, subscribes)
	for i, c := range []struct{ login, password, want string }{
		{"farm.1", "S3cret", refused},
		{"barn.1", "s3cret", refused},
		{"farm.1", "s3cret,d=0.0000002", granted},
		{"farm.2", "s3cret", granted},
	} {
		if got := in.ask(10+i, authorizes(c.login, c.password)); got != c.want {
			t.Errorf("%s: %s, want %s", c.login, got, c.want)
		}
	}
	out := r.raw()
	out.ask(1, subscribes)
	for i := range 3 {
		if got := out.ask(2+i, authorizes("farm.3", "x")); got != refused {
			t.Errorf("try %d: %s", i, got)
		}
	}
	if got := out.ask(5, subscribes); got != "" {
		t.Errorf("after three tries: %s", got)
	}
	r.expectMetric(`loka_logins_refused_total{cause="secret"} 4`)
	r.expectMetric(`loka_logins_refused_total{cause="login"} 1`)
	r.expectMetric(`loka_requests_refused_total{kind="authorize",middleware="logins"} 5`)
	r.await("the end to be counted", 10*time.Second, func() bool {
		return slices.Contains(r.metrics("login_refused"), `loka_connections_closed_total{reason="login_refused",side="downstream"} 1`)
	})

	r.reloaded("[logins]\npassword = \"other\"\n[patterns.worker]\ndeny = [\"*.9\"]\n" + route)
	late := r.raw()
	late.ask(1, subscribes)
	for i, c := range []struct{ login, password, want string }{
		{"barn.1", "s3cret", refused}, {"barn.9", "other", refused}, {"barn.1", "other", granted},
	} {
		if got := late.ask(2+i, authorizes(c.login, c.password)); got != c.want {
			t.Errorf("after the reload: %s %s: %s, want %s", c.login, c.password, got, c.want)
		}
	}
	if got := in.ask(30, `"method":"mining.ping","params":[]`); got != `"result":"pong","error":null` {
		t.Errorf("who was in: %s", got)
	}
	r.reloaded("[logins]\npassword = \"other\"\n" + route + "skip = [\"logins\"]\n")
	skipped := r.raw()
	skipped.ask(1, subscribes) // its route is known by then
	if got := skipped.ask(2, authorizes("anybody", "x")); got != granted {
		t.Errorf("on a route that leaves logins out: %s", got)
	}
}

// Who sends rubbish is slowed, shown, and disconnected in the end; a route may
// leave that out.
func TestGuardThreat(t *testing.T) {
	t.Parallel()
	const table = "[threat]\nslow = 5\nrefuse = 10\nclose = 20\n"
	const route = "[[route]]\nname = \"farm\"\npools = [\"main\"]\n"
	r := guarded(t, table+route)
	good, bad := r.raw(), r.raw()
	for _, c := range []*raw{good, bad} {
		c.ask(1, subscribes)
		if got := c.ask(2, authorizes("farm.1", "x")); got != granted {
			t.Fatal(got)
		}
	}
	rubbish := func(c *raw) string { return c.ask(7, `"method":7,"params":[]`) }
	share := func(c *raw) string {
		return c.ask(8, `"method":"mining.submit","params":["farm.1","zz","00000001","00000001","00000001"]`)
	}
	if got := rubbish(bad); got != `"result":null,"error":[20,"Invalid request",null]` {
		t.Errorf("rubbish: %s", got)
	}
	r.await("the score to be shown", 10*time.Second, func() bool {
		return slices.ContainsFunc(r.model.Miners(), func(m view.Miner) bool { return m.Response == "slowed" && m.Score > 4 && m.Score <= 5 })
	})
	rubbish(bad)
	if got := share(bad); got != `"result":null,"error":[21,"Job not found",null]` {
		t.Errorf("a share of no job: %s", got)
	}
	for i := 0; ; i++ {
		if rubbish(bad) == "" {
			break
		}
		if i > 5 {
			t.Fatal("it is not disconnected")
		}
	}
	if got := share(good); got == "" {
		t.Error("the other miner is disconnected")
	}
	r.expectMetric(`loka_threat_responses_total{response="slowed"} 1`)
	r.expectMetric(`loka_threat_responses_total{response="refused"} 1`)
	r.expectMetric(`loka_threat_responses_total{response="closed"} 1`)
	r.await("the end to be counted", 10*time.Second, func() bool {
		return slices.Contains(r.metrics(string(mining.Misbehaved)), `loka_connections_closed_total{reason="misbehaved",side="downstream"} 1`)
	})

	r.reloaded(table + route + "skip = [\"threat\"]\n")
	for range 10 {
		if rubbish(good) == "" {
			t.Fatal("a miner of a route that leaves threat out is disconnected")
		}
	}
}
