package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/view"
)

// names are those of the rows of a list.
func names(doc map[string]any, list, key string) string {
	rows, _ := doc[list].([]any)
	all := make([]string, 0, len(rows))
	for _, row := range rows {
		fields, _ := row.(map[string]any)
		all = append(all, fmt.Sprint(fields[key]))
	}
	return strings.Join(all, " ")
}

func TestLists(t *testing.T) {
	deps, hub := newDeps()
	hub.solo = true
	hub.miners[1].Workers, hub.miners[1].Difficulty, hub.miners[1].Pool = []string{"zed"}, 1024, "backup"
	hub.miners[2].State, hub.miners[2].Workers = view.MinerConnected, nil
	h := Handler(deps, true)
	for _, c := range []struct{ path, list, key, want string }{
		{"workers", "workers", "name", "alice.rig1 bob/1 %2F?"},
		{"workers?sort=-name", "workers", "name", "bob/1 %2F? alice.rig1"},
		{"workers?sort=-difficulty,name", "workers", "name", "alice.rig1 bob/1 %2F?"},
		{"workers?state=online", "workers", "name", "alice.rig1"},
		{"workers?state=offline", "workers", "name", "bob/1 %2F?"},
		{"workers?q=RIG", "workers", "name", "alice.rig1"},
		{"workers?route=other", "workers", "name", ""},
		{"workers?pool=main", "workers", "name", "alice.rig1"},
		{"miners", "miners", "id", "1 2 3"},
		{"miners?sort=-difficulty", "miners", "id", "2 1 3"},
		{"miners?state=mining", "miners", "id", "1 2"},
		{"miners?worker=zed", "miners", "id", "2"},
		{"miners?q=zed", "miners", "id", "2"},
		{"miners?q=192.0.2&pool=backup", "miners", "id", "2"},
		{"miners?listener=none", "miners", "id", ""},
		{"pools?sort=-name", "pools", "name", "main backup"},
		{"pools?sort=name", "pools", "name", "backup main"},
		{"pools?state=standby", "pools", "name", "backup"},
		{"pools?route=solo", "pools", "name", "main"},
		{"pools?route=nothing", "pools", "name", ""},
		{"pools?q=BACKUP.example", "pools", "name", "backup"},
		{"routes?sort=-name", "routes", "name", "solo farm"},
		{"routes?mode=dedicated", "routes", "name", "solo"},
		{"routes?pool=backup", "routes", "name", "farm"},
		{"routes?q=AR&limit=1", "routes", "name", "farm"},
	} {
		w := ask{path: "/api/v1/" + c.path}.do(t, h)
		doc := object(t, w)
		if got := names(doc, c.list, c.key); w.Code != http.StatusOK || got != c.want {
			t.Errorf("%s: %d %q, want %q", c.path, w.Code, got, c.want)
		}
		if total := int(doc["total"].(float64)); !strings.Contains(c.path, "limit") && c.key == "id" && total != len(strings.Fields(c.want)) {
			t.Errorf("%s: total %d", c.path, total)
		}
	}
	for _, path := range []string{"workers?sort=nme", "miners?sort=-", "pools?sort=name,", "routes?state=x&sort=x", "miners?state=x", "workers?state=mining", "workers?q=" + strings.Repeat("x", 201)} {
		wantProblem(t, path, ask{path: "/api/v1/" + path}.do(t, h), http.StatusUnprocessableEntity)
	}
	doc := wantProblem(t, "sort", ask{path: "/api/v1/routes?sort=nme"}.do(t, h), http.StatusUnprocessableEntity)
	if text := fmt.Sprint(doc["detail"]); !strings.Contains(text, `"nme" is nothing to sort by; there are accepted, connections`) {
		t.Error(text)
	}
}

// All that there is to sort by does not fail where there is nothing.
func TestEveryOrder(t *testing.T) {
	each := func(name string, c int) {
		if c != 0 {
			t.Errorf("%s: what is alike is not", name)
		}
	}
	for name, c := range minerOrders() {
		each(name, c(new(view.Miner), new(view.Miner)))
	}
	for name, c := range poolOrders() {
		each(name, c(new(view.Pool), new(view.Pool)))
	}
	for name, c := range routeOrders() {
		each(name, c(new(view.Route), new(view.Route)))
	}
	if got := part(1, 3); got != 0.25 {
		t.Error(got)
	}
}

// The links lead through all of a list and keep the rest of the request.
func TestPageLinks(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	var ids []string
	path := "/api/v1/miners?limit=1&q=192&sort=-id"
	for path != "" && len(ids) < 10 {
		w := ask{path: path}.do(t, h)
		ids = append(ids, names(object(t, w), "miners", "id"))
		link := w.Header().Get("Link")
		for _, rel := range []string{`rel="first"`, `rel="last"`} {
			if !strings.Contains(link, rel) {
				t.Errorf("%s: no %s in %s", path, rel, link)
			}
		}
		path = ""
		for part := range strings.SplitSeq(link, ", ") {
			if to, ok := strings.CutSuffix(part, `>; rel="next"`); ok {
				path = strings.TrimPrefix(to, "<")
			}
		}
	}
	if !slices.Equal(ids, []string{"3", "2", "1"}) {
		t.Errorf("%v", ids)
	}
	if link := (ask{path: "/api/v1/miners?limit=2&offset=2"}).do(t, h).Header().Get("Link"); !strings.Contains(link, `</api/v1/miners?limit=2&offset=0>; rel="prev"`) || strings.Contains(link, "next") {
		t.Error(link)
	}
	if link := (ask{path: "/api/v1/miners"}).do(t, h).Header().Values("Link"); len(link) != 0 {
		t.Errorf("a whole list has links: %q", link)
	}
}
