package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// newBans is a book with nobody in it.
func newBans() *Bans {
	book := bans.New(bans.Config{Automatic: true, First: time.Minute, Longest: time.Hour, Forget: time.Hour}, bans.Deps{})
	return &Bans{Book: book, Now: func() time.Time { return epoch }}
}

// who lists who is in the book: kind, whom, by, term and comment.
func who(b *Bans) string {
	list := b.Book.List(bans.Filter{Remembered: true}, epoch)
	texts := make([]string, 0, len(list))
	for _, e := range list {
		text := string(e.Kind) + " " + e.String()
		if !e.Until.IsZero() {
			text += " " + e.Until.Sub(e.Since).String()
		}
		if e.Comment != "" {
			text += " " + e.Comment
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

func TestBanning(t *testing.T) {
	for _, c := range []struct {
		request, body string
		status        int
		who           string // is in the book then
		detail        string // part of the problem's, or of the answer
	}{
		{"POST /api/v1/bans", `{"address":"198.51.100.0/24","for":"1h","comment":"odd"}`, 200, "ban 198.51.100.0/24 1h0m0s odd", `"closed":0`},
		{"POST /api/v1/bans", `{"worker":"x.*"}`, 200, "ban worker x.*", `"until":null`},
		{"POST /api/v1/bans", `{"worker":"x.y","address":"198.51.100.1","kind":"pause"}`, 200, "pause worker x.y at 198.51.100.1", `"kind":"pause"`},
		{"POST /api/v1/bans", `{}`, 422, "", "nobody is named"},
		{"POST /api/v1/bans", `{"address":"10.0.0.1/8"}`, 422, "", "write 10.0.0.0/8 or 10.0.0.1"},
		{"POST /api/v1/bans", `{"address":"0.0.0.0/0","force":true}`, 422, "", "is everybody"},
		{"POST /api/v1/bans", `{"worker":"*"}`, 422, "", "is every worker"},
		{"POST /api/v1/bans", `{"worker":"?*"}`, 422, "", "is every worker"},
		{"POST /api/v1/bans", `{"worker":"a","for":"soon"}`, 422, "", `body.for: "soon" is no term`},
		{"POST /api/v1/bans", `{"worker":"a","for":"-1h"}`, 422, "", "is no term"},
		{"POST /api/v1/bans", `{"worker":"a","for":"1000000h"}`, 422, "", "is no term"},
		{"POST /api/v1/bans", `{"worker":"a","kind":"kick"}`, 422, "", "body.kind"},
		{"POST /api/v1/bans", `{"wroker":"a"}`, 422, "", "unexpected property"},
		{"POST /api/v1/bans", `{"worker":"a","comment":"` + strings.Repeat("x", 501) + `"}`, 422, "", "body.comment"},
		{"POST /api/v1/bans", `{"address":"192.0.2.0/24"}`, 409, "", "192.0.2.0/24 is where you ask from, 192.0.2.1"},
		{"POST /api/v1/bans", `{"address":"192.0.2.0/24","worker":"x"}`, 200, "ban worker x at 192.0.2.0/24", ""},
		{"POST /api/v1/bans", `{"address":"192.0.2.0/24","force":true}`, 200, "ban 192.0.2.0/24", ""},
		{"POST /api/v1/miners/1/pause", `{"for":"10m"}`, 200, "pause worker alice.rig1 at 192.0.2.1 10m0s", ""},
		{"POST /api/v1/miners/1/pause", ``, 200, "pause worker alice.rig1 at 192.0.2.1", ""},
		{"POST /api/v1/miners/4/pause", ``, 409, "", "no worker yet"},
		{"POST /api/v1/miners/9/pause", ``, 404, "", "no miner 9 is connected"},
		{"POST /api/v1/miners/1/ban", ``, 409, "", "2 other miners of 192.0.2.1 do well"},
		{"POST /api/v1/miners/1/ban", `{"force":true,"comment":"why"}`, 200, "ban 192.0.2.1 why", ""},
		{"POST /api/v1/miners/4/ban", ``, 200, "ban 198.51.100.4", ""},
		{"POST /api/v1/miners/9/ban", ``, 404, "", "no miner 9 is connected"},
		{"POST /api/v1/workers/a%2Fb.c/pause", `{}`, 200, "pause worker a/b.c", ""},
		{"POST /api/v1/workers/farm.*/pause", `{}`, 200, "pause worker farm.*", ""},
		{"POST /api/v1/workers/*/pause", ``, 422, "", "is every worker"},
		{"POST /api/v1/workers/a.b/ban", `{"for":"1h"}`, 200, "ban worker a.b 1h0m0s", ""},
		{"POST /api/v1/workers/a.b/resume", ``, 404, "", `worker "a.b" is not paused; `},
		{"POST /api/v1/workers/nobody/disconnect", ``, 404, "", "no miner of worker"},
		{"DELETE /api/v1/bans?worker=a.b", ``, 404, "", "worker a.b is neither banned nor paused"},
		{"DELETE /api/v1/bans?id=0011223344556677", ``, 404, "", "there is no ban"},
		{"DELETE /api/v1/bans?id=0011223344556677&worker=a", ``, 422, "", "leave the rest out"},
		{"DELETE /api/v1/bans", ``, 422, "", "nobody is named"},
		{"GET /api/v1/bans?address=x", ``, 422, "", "is no address"},
		{"GET /api/v1/bans?kind=x", ``, 422, "", "kind"},
	} {
		deps, hub := newDeps()
		for i := range hub.miners {
			hub.miners[i].Accepted = 7
		}
		hub.miners = append(hub.miners, view.MinerState{ID: 4, Arrival: mining.Arrival{Remote: netip.MustParseAddrPort("198.51.100.4:5")}})
		method, path, _ := strings.Cut(c.request, " ")
		what := c.request + " " + c.body[:min(len(c.body), 60)]
		w := ask{method: method, path: path, body: c.body, token: secret}.do(t, Handler(deps, true))
		if got := who(deps.Bans); got != c.who {
			t.Errorf("%s: there is %q, want %q", what, got, c.who)
		}
		if c.status < 400 {
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.detail) {
				t.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
			continue
		}
		if doc := wantProblem(t, what, w, c.status); !strings.Contains(fmt.Sprint(doc["detail"]), c.detail) {
			t.Errorf("%s: %v, want %q", what, doc["detail"], c.detail)
		}
	}
}

// TestBansNeedTheToken: who looks may be anybody on this machine, who bans not.
func TestBansNeedTheToken(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for _, request := range []string{
		"POST /api/v1/bans", "DELETE /api/v1/bans", "POST /api/v1/miners/1/ban", "POST /api/v1/miners/1/pause",
		"POST /api/v1/workers/a/ban", "POST /api/v1/workers/a/pause", "POST /api/v1/workers/a/resume", "POST /api/v1/workers/a/disconnect",
	} {
		method, path, _ := strings.Cut(request, " ")
		wantProblem(t, request, ask{method: method, path: path, body: `{"worker":"a"}`}.do(t, h), http.StatusUnauthorized)
	}
	if w := (ask{path: "/api/v1/bans"}).do(t, h); w.Code != http.StatusOK || who(deps.Bans) != "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestBansInAndOut follows some through the list, a resume and a removal.
func TestBansInAndOut(t *testing.T) {
	deps, hub := newDeps()
	s := newStore()
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	do := func(request, body string, status int) string {
		t.Helper()
		method, path, _ := strings.Cut(request, " ")
		w := ask{method: method, path: path, body: body, token: secret}.do(t, h)
		if w.Code != status {
			t.Errorf("%s: %d %s", request, w.Code, w.Body)
		}
		return w.Body.String()
	}
	do("POST /api/v1/bans", `{"address":"198.51.100.0/24","comment":"scan","for":"1h"}`, 200)
	do("POST /api/v1/workers/a.b/pause", "", 200)
	do("POST /api/v1/workers/a.*/pause", "", 200)
	do("POST /api/v1/bans", `{"address":"203.0.113.1","worker":"a.b","kind":"pause"}`, 200)
	list := told[BanList](t, h, "/api/v1/bans?limit=1&address=198.51.100.7")
	until := epoch.Add(time.Hour)
	want := BanList{Total: 1, Bans: []Ban{{
		ID: list.Bans[0].ID, Kind: "ban", Cause: "operator", Address: "198.51.100.0/24", By: "admin", Comment: "scan", Since: epoch, Until: &until, Times: 1, InForce: true,
	}}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list := told[BanList](t, h, "/api/v1/bans?kind=pause&worker=a.b&limit=2"); list.Total != 3 || len(list.Bans) != 2 {
		t.Errorf("%+v", list)
	}
	if text := do("POST /api/v1/workers/a.b/resume", "", 200); strings.Count(text, `"id"`) != 2 {
		t.Errorf("resumed %s", text)
	}
	if text := do("POST /api/v1/workers/a.b/resume", "", 404); !strings.Contains(text, "worker a.* is, which it is one of") {
		t.Errorf("%s", text)
	}
	do("DELETE /api/v1/bans?kind=ban&worker=a.*", "", 404)
	if got := who(deps.Bans); got != "ban 198.51.100.0/24 1h0m0s scan; pause worker a.*" {
		t.Errorf("there is %q", got)
	}
	do("DELETE /api/v1/bans?worker=a.*", "", 204)
	do("DELETE /api/v1/bans?id="+list.Bans[0].ID, "", 204)
	if got := who(deps.Bans); got != "" {
		t.Errorf("there is still %q", got)
	}
	do("POST /api/v1/workers/alice.rig1/disconnect", "", 200)
	if len(hub.gone) != 1 {
		t.Errorf("%v is gone", hub.gone)
	}
	if act := s.acts[0]; act.What != "POST /api/v1/bans" || !strings.HasSuffix(act.Detail, `; ban 198.51.100.0/24 for 1h: "scan"`) {
		t.Errorf("the record has %+v", act)
	}
}
