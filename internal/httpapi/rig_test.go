package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

const secret = "the-admin-token"

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type fakeToken struct{}

func (fakeToken) Check(presented string) bool { return presented == secret }

type fakeHub struct {
	ready  bool
	miners []view.MinerState
	gone   []mining.MinerID
	// said is what was wanted of pools and routes; refuse is why it was not done,
	// keep what came of keeping it.
	said         []string
	refuse, keep error
	// watched is what is odd about the first pool.
	watched watch.Report
	// solo says that there is a dedicated route of that name.
	solo bool
}

func (h *fakeHub) Miners() []view.MinerState { return append([]view.MinerState(nil), h.miners...) }
func (h *fakeHub) Pools() []view.PoolState {
	return []view.PoolState{
		{Name: "main", URL: "stratum+tcp://pool.example.com:3333", State: view.PoolActive, Connections: 1, Difficulty: 1024, LastJobAt: epoch, Watched: h.watched},
		{Name: "backup", URL: "stratum+tcp://backup.example.com:3333", State: view.PoolStandby, Drained: true},
	}
}

func (h *fakeHub) Routes() []view.RouteState {
	all := []view.RouteState{{Name: "farm", Mode: "shared", Pools: []string{"main", "backup"}, Active: "main", Pinned: "main", Ready: h.ready}}
	if h.solo {
		all = append(all, view.RouteState{Name: "solo", Mode: "dedicated", Pools: []string{"main"}})
	}
	return all
}
func (h *fakeHub) SlotsInUse() int { return 0 }
func (h *fakeHub) Ready() bool     { return h.ready }
func (h *fakeHub) Disconnect(id mining.MinerID) bool {
	if id != 1 {
		return false
	}
	h.gone = append(h.gone, id)
	return true
}

func (h *fakeHub) DrainPool(pool string, drain bool) (bool, error) {
	h.said = append(h.said, fmt.Sprintf("drain %s %t", pool, drain))
	return pool == "main" || pool == "backup", h.keep
}

func (h *fakeHub) DisablePool(pool string) ([]string, bool, error) {
	h.said = append(h.said, "disable "+pool)
	if pool == "backup" {
		return []string{"farm"}, true, h.keep
	}
	return nil, pool == "main", h.keep
}

func (h *fakeHub) EnablePool(pool string) (bool, error) {
	h.said = append(h.said, "enable "+pool)
	return pool == "main" || pool == "backup", cmp.Or(h.refuse, h.keep)
}

func (h *fakeHub) AcceptPayout(pool string) (bool, error) {
	h.said = append(h.said, "accept "+pool)
	return pool == "main" || pool == "backup", cmp.Or(h.refuse, h.keep)
}

func (h *fakeHub) PinRoute(route, pool string) (bool, error) {
	h.said = append(h.said, strings.TrimSpace("pin "+route+" "+pool))
	return route == "farm" && slices.Contains([]string{"", "main", "backup"}, pool), h.keep
}

func (h *fakeHub) SplitRoute(route string, split []byte) (bool, error) {
	h.said = append(h.said, "split "+route+" "+string(split))
	return h.known(route), cmp.Or(h.refuse, h.keep)
}

func (h *fakeHub) SplitByFile(route string) (bool, error) {
	h.said = append(h.said, "unsplit "+route)
	return h.known(route), cmp.Or(h.refuse, h.keep)
}

func (h *fakeHub) known(route string) bool { return route == "farm" }

// newDeps is a farm with one route, two pools, three miners and two workers,
// one of whom has a name that needs escaping.
func newDeps() (Deps, *fakeHub) {
	hub := &fakeHub{ready: true}
	for id := range mining.MinerID(3) {
		hub.miners = append(hub.miners, view.MinerState{
			ID: id + 1, Arrival: mining.Arrival{Remote: netip.MustParseAddrPort("192.0.2.1:5")}, State: view.MinerMining,
			Since: epoch, Workers: []string{"alice.rig1"}, Route: "farm", Pool: "main", Difficulty: 512,
		})
	}
	books := ledger.New(ledger.Config{}, epoch)
	p := books.Pool("main", epoch)
	for _, login := range []string{"alice.rig1", "bob/1 %2F?"} {
		books.Record(ledger.Entry{
			Worker: books.Worker(login, "farm", epoch), Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted,
			Difficulty: 512, PoolDifficulty: 1024, At: epoch,
		})
	}
	model := view.New(view.Deps{
		Version: "1.2.3", Instance: "test", Books: books, Hub: hub, Started: epoch,
		Now: func() time.Time { return epoch.Add(time.Minute) },
	})
	text := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) })
	}
	return Deps{Model: model, Token: fakeToken{}, Metrics: text("metrics"), Page: text("page"), Miners: hub, Control: hub, Acceptor: hub, Reloader: new(fakeReloader), Records: newRecords(newStore())}, hub
}

// ask sends one request straight to the handler.
type ask struct {
	method, path, host, token, body string
	kind                            string // of the body; JSON where empty
}

func (a ask) do(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	if a.method == "" {
		a.method = http.MethodGet
	}
	r := httptest.NewRequest(a.method, a.path, strings.NewReader(a.body))
	if a.body != "" {
		r.Header.Set("Content-Type", cmp.Or(a.kind, "application/json"))
	}
	r.Host = "localhost:9090"
	if a.host != "" {
		r.Host = a.host
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// object decodes a JSON answer.
func object(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return out
}

// wantProblem holds an answer to the shape of every error.
func wantProblem(t *testing.T, what string, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %s, want a problem %d: %s", what, w.Code, w.Header().Get("Content-Type"), status, w.Body)
		return map[string]any{}
	}
	doc := object(t, w)
	if doc["status"] != float64(status) || doc["title"] != http.StatusText(status) || doc["detail"] == "" || doc["detail"] == nil {
		t.Errorf("%s: the problem is %v", what, doc)
	}
	return doc
}
