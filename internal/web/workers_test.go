package web

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/view"
)

// names are the workers of a page, in its order.
func names(page string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`href="/workers/(alice[^"]+)"`).FindAllStringSubmatch(page, -1) {
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

// Whatever is asked for, what is shown is a part of what was found, in the order asked
// for, and the parts together are all of it.
func TestPagesOfATable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFarm(rapid.IntRange(1, 130).Draw(t, "workers"))
		v := url.Values{}
		for key, values := range map[string][]string{
			"sort": {"", "name", "-name", "hashrate", "-hashrate", "-rejects", "last_share", "x"}, "show": {"", "here", "away", "rejects"}, "q": {"", "rig", "1", "zz"}, "pool": {"", "main"},
		} {
			if value := rapid.SampledFrom(values).Draw(t, key); value != "" {
				v.Set(key, value)
			}
		}
		q := queryOf(httptest.NewRequest("GET", "/workers?"+v.Encode(), nil), "q", "show", "route", "pool")
		found := pickWorkers(f.workers, &q)
		sortBy(found, workerOrders, &q, "name")
		key, down := q.order("name")
		if by := workerOrders[key]; by != nil && !slices.IsSortedFunc(found, func(a, b *view.Worker) int {
			if down {
				return by(b, a)
			}
			return by(a, b)
		}) {
			t.Fatal("they are in another order")
		}
		seen := 0
		for n := 1; ; n++ {
			q.Set("page", fmt.Sprint(n))
			p := q.pager(len(found), workersAPage)
			if p.From != seen || p.To < p.From || p.To > len(found) {
				t.Fatalf("page %d is %d to %d of %d", n, p.From, p.To, len(found))
			}
			seen = p.To
			if p.Next == "" {
				break
			}
		}
		if seen != len(found) {
			t.Fatalf("%d of %d are shown", seen, len(found))
		}
	})
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
