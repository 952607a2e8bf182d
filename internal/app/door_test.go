package app_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit/process"
)

// Who is behind a load balancer goes by its own address: by which route it mines, and
// whether it may. A reload of the lists ends whom they refuse and leaves others alone;
// strangers and miners are told apart.
func TestDoor(t *testing.T) {
	t.Parallel()
	r := &rig{t: t}
	pool := runPool(t, sim.PoolConfig{Difficulty: 1, Seed: 5})
	listener := "[[listener]]\naddress = \"" + process.FreePort(t) + "\"\nproxy_from = [\"127.0.0.0/8\"]\n"
	text := poolText("main", pool) +
		"[[route]]\nname = \"barn\"\n[route.match]\ncidr = [\"10.1.0.0/16\"]\n[[route]]\nname = \"rest\"\n" + listener
	r.proxy(text)
	r.addr = r.app.Addrs().Miners[1]
	r.await("ready", 20*time.Second, r.allReady)

	barn, rest, own := r.from("10.1.0.7"), r.from("10.2.0.7"), r.raw()
	if !barn.enters("barn.1") || !rest.enters("rest.1") || !own.enters("own.1") {
		t.Fatal("somebody was not let in")
	}
	for name, route := range map[string]string{"barn.1": "barn", "rest.1": "rest", "own.1": "rest"} {
		r.await(name+" to mine", 20*time.Second, func() bool {
			w, ok := r.model.Worker(name)
			return ok && w.Route == route
		})
	}
	r.raw().ask(1, subscribes)
	r.await("one stranger", 20*time.Second, func() bool { s := r.model.Summary(); return s.Strangers == 1 && s.Waiting == 0 && s.Miners == 4 })

	const access = "[access]\nmode = \"deny\"\ndeny = [\"10.2.0.0/16\"]\nmax_per_worker = 1\n"
	if status, plan := r.ask(http.MethodPost, "/api/v1/plan", text+access); status != http.StatusOK || !strings.Contains(plan, `"moves":[{"miners":1,"closed":"access_denied"}]`) {
		t.Errorf("the plan: %d %s", status, plan)
	}
	r.file.write(r.dir, text+access)
	done, err := r.app.Reload(t.Context(), "")
	if err != nil || done.Closed != 1 || len(done.Restart) > 0 {
		t.Errorf("%+v, %v", done, err)
	}
	rest.ended()
	r.from("10.2.0.8").ended()
	again := r.from("10.1.0.8")
	if !again.enters("barn.1") { // the one login twice
		t.Error("who is refused for the number of its connections is not told that its login is right")
	}
	again.ended()
	for _, c := range []*raw{barn, own} {
		if c.ask(9, pings) == "" {
			t.Error("who may mine is served no more")
		}
	}
	want := map[string]int{"access_denied": 2, "max_per_worker": 1}
	r.await("the ends to be counted", 20*time.Second, func() bool {
		ends := r.closed()
		for reason, n := range want {
			if ends[`loka_connections_closed_total{reason="`+reason+`",side="downstream"}`] != strconv.Itoa(n) {
				return false
			}
		}
		return true
	})
}
