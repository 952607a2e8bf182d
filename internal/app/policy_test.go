package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
)

// What a route refuses is answered to the byte as docs/CONFIG.md says, by the route that
// the miner comes to, and as the file says now.
func TestWhatARouteAllows(t *testing.T) {
	t.Parallel()
	cert, key, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	const (
		name    = `"result":false,"error":[24,"Unauthorized worker",null]`
		tls     = `"result":false,"error":[24,"TLS required",null]`
		rolls   = `"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]`
		rolling = `"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null`
		fixed   = `"result":{"version-rolling":false},"error":null`
		wishes  = `"method":"mining.suggest_difficulty","params":[0.0000005]`
		vardiff = "[vardiff]\nmin = 1e-9\nstart = 1e-7\n"
		yes     = `"result":true,"error":null`
	)
	listeners := fmt.Sprintf("[[listener]]\naddress = \"127.0.0.1:0\"\ntls = \"optional\"\ncert = %q\nkey = %q\n", cert, key)
	route := func(more string) string { return "[[route]]\nname = \"farm\"\npools = [\"main\"]\n" + more }
	r := startWith(t, sim.PoolConfig{Difficulty: 1, Seed: 3, JobInterval: time.Hour}, vardiff+listeners+
		route("refuse = [\"without_tls\", \"version_rolling\", \"suggest_difficulty\", \"password_options\"]\nworkers = [\"acme.?*\"]\n"))
	plain := r.app.Addrs().Miners[1]
	encrypted := encrypt(t, plain, "")
	type line struct{ says, want string }
	says := func(address string, lines ...line) {
		t.Helper()
		r.addr = address
		c := r.raw()
		for i, l := range lines {
			if got := c.ask(i+1, l.says); got != l.want && (l.want != "" || got == "") {
				t.Errorf("%s is answered %s, want %s", l.says, got, l.want)
			}
		}
	}
	difficulty := func(login string) float64 {
		t.Helper()
		for _, m := range r.model.Miners() {
			if len(m.Workers) == 1 && m.Workers[0] == login {
				return float64(m.Difficulty)
			}
		}
		t.Errorf("nobody is called %s", login)
		return 0
	}
	says(plain, line{rolls, fixed}, line{subscribes, ""}, line{authorizes("acme.1", "x"), tls}, line{authorizes("other.1", "x"), tls})
	says(encrypted, line{rolls, fixed}, line{subscribes, ""}, line{authorizes("acme", "x"), name}, line{authorizes("acme.", "x"), name},
		line{authorizes("acme.2", "d=0.0000004"), granted}, line{wishes, yes})

	// The same asked of a route that allows it all.
	r.reloaded(vardiff + listeners + route(""))
	says(plain, line{rolls, rolling}, line{subscribes, ""}, line{authorizes("other.3", "x"), granted}, line{wishes, yes})
	says(plain, line{subscribes, ""}, line{authorizes("acme", "d=0.0000004"), granted})
	r.await("a password to have its difficulty", 20*time.Second, func() bool { return difficulty("acme") > 3e-7 })
	if had := difficulty("acme.2"); had > 2e-7 {
		t.Errorf("where what a password asks for is refused the difficulty is %v", had)
	}

	// Where one of the routes that are left takes it, it is taken.
	r.reloaded(vardiff + listeners + strings.Replace(route("match.worker = \"acme.*\"\nrefuse = [\"version_rolling\"]\n"), "farm", "acme", 1) + route(""))
	says(plain, line{rolls, rolling}, line{subscribes, ""}, line{authorizes("acme.4", "x"), granted})
	r.reloaded(vardiff + listeners + strings.Replace(route("match.worker = \"acme.*\"\nrefuse = [\"without_tls\"]\n"), "farm", "acme", 1) + route(""))
	says(plain, line{subscribes, ""}, line{authorizes("acme.5", "x"), tls})
	says(plain, line{subscribes, ""}, line{authorizes("others", "x"), granted})

	// Who logs in before the subscribe has said what firmware it is gets round nothing.
	r.reloaded(vardiff + listeners + strings.Replace(route("match.user_agent = \"bosminer*\"\nrefuse = [\"without_tls\"]\n"), "farm", "acme", 1) + route(""))
	says(plain, line{authorizes("acme.6", "x"), tls}, line{subscribes, ""}, line{authorizes("acme.6", "x"), granted})
	r.expectMetric(`loka_requests_refused_total{kind="negotiate",middleware="validate"} 2`)
	r.expectMetric(`loka_requests_refused_total{kind="authorize",middleware="validate"} 6`)
}
