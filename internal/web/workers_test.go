package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/view"
)

// names are the workers of a page, in its order.
func names(page string) []string {
	found := regexp.MustCompile(`href="/workers/(alice[^"]+)"`).FindAllStringSubmatch(page, -1)
	all := make([]string, 0, len(found))
	for _, m := range found {
		all = append(all, m[1])
	}
	return all
}

func TestWorkersAreSortedFoundAndPaged(t *testing.T) {
	s := site(t, newFarm(120))
	for query, want := range map[string]string{
		"":                       "alice.rig00000",
		"?page=2":                "alice.rig00049", // one has no name of that form and is before all
		"?sort=-name":            "alice.rig00119",
		"?sort=-accepted":        "alice.rig00119",
		"?q=RIG0001&sort=-name":  "alice.rig00019",
		"?show=away":             "alice.rig00009",
		"?sort=bogus&page=-3":    "alice.rig00000",
		"?show=bogus&page=99999": "alice.rig00099",
	} {
		got := names(body(t, s, "/workers"+query))
		if len(got) == 0 || got[0] != want {
			t.Errorf("%q begins with %v, want %s", query, got[:min(len(got), 1)], want)
		}
	}
	page := body(t, s, "/workers?sort=-hashrate&q=rig")
	has(t, page, `aria-sort="descending"`, `sort=hashrate`) // once more is the other way
	has(t, page, "1–50 of 120", `rel="next"`)
	has(t, page, `<svg class="spark"`, "up to 200 TH/s")
	if len(names(page)) != workersAPage {
		t.Errorf("%d rows", len(names(page)))
	}
}

// Whatever there is, the parts of a table together are all of it, in order.
func TestPagesOfATable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.IntRange(0, 300).Draw(t, "rows")
		q := queryOf(httptest.NewRequest(http.MethodGet, "/workers?sort=-name", nil))
		seen := 0
		for n := 1; ; n++ {
			q.Set("page", strconv.Itoa(n))
			p := q.pager(all, workersAPage)
			if p.From != seen || p.To < p.From || p.To > all || p.To-p.From > workersAPage {
				t.Fatalf("page %d is %d to %d of %d", n, p.From, p.To, all)
			}
			seen = p.To
			if p.Next == "" {
				break
			}
		}
		if seen != all {
			t.Fatalf("%d of %d are shown", seen, all)
		}
	})
}

// Each head of the table sorts by something that the model knows.
func TestWorkersAreSortedByWhatThereIs(t *testing.T) {
	keys := view.WorkerKeys()
	for _, c := range workerColumns() {
		if by, ok := workerOrders[c.Key]; c.Key != "" && (!ok || !slices.Contains(keys, by.Key)) {
			t.Errorf("%s sorts by %q, which the model does not", c.Name, by.Key)
		}
	}
}

// The pages of routes and pools show target against actual, and the past.
func TestPoolsAndRoutes(t *testing.T) {
	s := site(t, newFarm(3))
	has(t, body(t, s, "/routes"), "weight 70", "70.0 %", "60.0 %", `class="bar"`, "weight 30")
	pools := body(t, s, "/pools")
	has(t, pools, `class="timeline"`, `<rect class="bad"`, `<rect class="good"`)
	if n := strings.Count(pools, "8 miners came back"); n != 1 {
		t.Errorf("a switch between two pools is told %d times", n)
	}
	has(t, body(t, s, "/pools/main"), "States", "down", "active", "(1.0 %)", "stale", "ours", "not submitted")
}
