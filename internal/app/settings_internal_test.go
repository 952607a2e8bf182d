package app

import (
	"reflect"
	"testing"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// All that a route's match says is in its rule, and the targets are those of its
// pools.
func TestRuleOfRoute(t *testing.T) {
	t.Parallel()
	cfg, problems := config.Load([]byte(`
[[pool]]
name = "a"
url = "stratum+ssl://A.example.com.:3333"
username = "x"
[[pool]]
name = "b"
url = "[2001:DB8::1]:3334"
username = "x"
[[pool]]
name = "c"
url = "c:1"
username = "x"
[[route]]
name = "farm"
split = [{ pool = "a", weight = 1 }, { pool = "b", weight = 1 }]
[route.match]
listen = "1"
worker = "2"
user_agent = "3"
cidr = ["10.0.0.0/8"]
server_name = "4"
connect = "5"
pool = "6"
group = "7"
`), "f", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h, err := hubConfig(cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	rule := h.Routes[0].Rule
	for f, v := range reflect.ValueOf(rule).Fields() {
		if v.IsZero() {
			t.Errorf("%s is not set", f.Name)
		}
	}
	got := []string{rule.Route, rule.Listener, rule.Worker, rule.UserAgent, rule.ServerName, rule.Connect, rule.Pool, rule.Group}
	want := []string{"farm", "1", "2", "3", "4", "5", "6", "7"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("rule %q, want %q", got, want)
	}
	if want := []string{"a.example.com:3333", "[2001:db8::1]:3334"}; !reflect.DeepEqual(rule.Targets, want) {
		t.Errorf("targets %q, want %q", rule.Targets, want)
	}
	for name, target := range targetsOf([]hub.PoolConfig{{Name: "zone"}}) {
		t.Errorf("a pool without an address has the target %s=%s", name, target)
	}
}

// A miner that has no worker yet can be given the largest job that a pool may give, with
// what stands before it.
func TestLargestJobFitsAStrangersQueue(t *testing.T) {
	t.Parallel()
	part := make([]byte, upstream.MaxCoinbasePart)
	const others = 512 // E1 and pad, a difficulty, the reply to a subscribe
	line := downstream.RenderNotify(nil, &mining.Work{
		Prefix: part, Job: &mining.Job{CoinbaseSuffix: part, Branches: make([]work.Hash, sv1.MaxBranches)},
	})
	if len(line)+others > strangerQueue {
		t.Errorf("the largest job has %d bytes, and there is room for %d", len(line), strangerQueue)
	}
}
