package cli

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/httpapi"
)

// What a plan says, in each of its forms.
func TestPlanWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan httpapi.Plan
		want string
	}{
		"nothing": {httpapi.Plan{}, "plan: nothing is different from what is in place\n"},
		"no miner goes": {
			httpapi.Plan{Changes: []httpapi.Change{{Key: "route[farm].outage_grace", Old: `"20s"`, New: `"30s"`}}},
			"plan: 1 different from what is in place\n  ~ route[farm].outage_grace: \"20s\" -> \"30s\"\nno miner would go elsewhere\n",
		},
		"all of it": {
			httpapi.Plan{
				Changes:  []httpapi.Change{{Key: "pool[b].url", New: `"b:1"`}, {Key: "pool[a].url", Old: `"a:1"`}, {Key: "data_dir", Old: `"x"`, New: `"y"`}},
				Restart:  []string{"data_dir"},
				Arranged: []string{"route[x].split"}, Forgotten: []string{"route[y].split"},
				Moves: []httpapi.PlanMove{
					{Miners: 1, Route: "farm", Pool: "a", ToRoute: "farm", ToPool: "b"},
					{Miners: 20, Route: "farm", Pool: "a", ToRoute: "vip", ToPool: "a"},
					{Miners: 3, Route: "farm", Pool: "c", ToRoute: "farm", ToPool: "c"},
					{Miners: 4, Route: "farm", Closed: "no_route"},
					{Miners: 6, Closed: "access_denied"},
					{Miners: 5, Listener: "0.0.0.0:3334", Closed: "listener_removed"},
				},
			},
			`plan: 3 different from what is in place
  + pool[b].url = "b:1"
  - pool[a].url = "a:1"
  ~ data_dir: "x" -> "y"
  ! data_dir takes effect at the next start only
  ! route[x].split: what was arranged by API holds until the file changes this key
  ! route[y].split: the file changes it, so what was arranged by API holds no more
1 miner on route farm at pool a would go to pool b
20 miners on route farm at pool a would go to its new connections on route vip
3 miners on route farm at pool c would go to its new connections
4 miners on route farm would be closed: no_route
6 miners would be closed, wherever they are: access_denied
5 miners that came by listener 0.0.0.0:3334 would be closed: listener_removed
`,
		},
	} {
		var b strings.Builder
		writePlan(&b, &c.plan)
		if got := b.String(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
