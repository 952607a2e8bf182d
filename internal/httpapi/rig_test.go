package httpapi

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

const secret = testkit.Canary + "the-admin-token"

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type fakeToken struct{}

// tokenOfRole are tokens of the roles.
var tokenOfRole = map[auth.Role]string{auth.Nobody: "", auth.Viewer: testkit.Planted("a-viewers-token"), auth.Operator: testkit.Planted("an-operators-token"), auth.Admin: secret}

func (fakeToken) Check(presented string, _ time.Time) (auth.Identity, error) {
	switch presented {
	case secret:
		return auth.Identity{Name: auth.AdminName, Role: auth.Admin}, nil
	case tokenOfRole[auth.Viewer]:
		return auth.Identity{Name: "screen", Role: auth.Viewer}, nil
	case tokenOfRole[auth.Operator]:
		return auth.Identity{Name: "ops", Role: auth.Operator}, nil
	case "an-old-token":
		return auth.Identity{Name: "old", Role: auth.Admin}, auth.ErrExpired
	}
	return auth.Identity{}, auth.ErrUnknown
}

func (f fakeToken) CheckSum(sum auth.Sum, now time.Time) (auth.Identity, error) {
	for _, token := range tokenOfRole {
		if token != "" && sha256.Sum256([]byte(token)) == sum {
			return f.Check(token, now)
		}
	}
	return auth.Identity{}, auth.ErrUnknown
}

// fakeForm says what a form would.
func fakeForm(w http.ResponseWriter, _ *http.Request, f SignInForm) {
	w.WriteHeader(f.Status)
	_, _ = fmt.Fprintf(w, "form %+v", f)
}

// fakeBook makes tokens that are all alike.
type fakeBook struct {
	all   []auth.Info
	saved int
	fail  error
}

func (b *fakeBook) List() []auth.Info { return b.all }
func (b *fakeBook) Save() error       { b.saved++; return b.fail }
func (b *fakeBook) Add(want auth.Wanted, now time.Time) (string, auth.Info, error) {
	if b.fail != nil {
		return "", auth.Info{}, b.fail
	}
	i := auth.Info{Name: cmp.Or(want.Name, "new"), Role: want.Role, Created: now, Expires: want.Expires}
	b.all = append(b.all, i)
	return "loka_new", i, nil
}

func (b *fakeBook) Remove(name string) (auth.Info, error) {
	for i, one := range b.all {
		if one.Name == name {
			b.all = slices.Delete(b.all, i, i+1)
			return one, b.fail
		}
	}
	return auth.Info{}, auth.ErrMissing
}

// fakeFile takes acts.
type fakeFile struct {
	acts []audit.Act
	fail error
}

func (f *fakeFile) Append(a audit.Act) error {
	if f.fail == nil {
		f.acts = append(f.acts, a)
	}
	return f.fail
}

// refusals counts.
type refusals map[Refusal]int

func (r refusals) metrics() Metrics {
	return Metrics{Refused: func(why Refusal) Counter { return refusal{r, why} }}
}

type refusal struct {
	of  refusals
	why Refusal
}

func (r refusal) Inc() { r.of[r.why]++ }

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
	// then is the split once one was wanted, and parts the one there is.
	then, parts []view.PartState
}

func (h *fakeHub) Miners() []view.MinerState { return append([]view.MinerState(nil), h.miners...) }
func (h *fakeHub) Pools() []view.PoolState {
	return []view.PoolState{
		{Name: "main", URL: "stratum+tcp://pool.example.com:3333", State: view.PoolActive, Connections: 1, Difficulty: 1024, LastJobAt: epoch, Watched: h.watched},
		{Name: "backup", URL: "stratum+tcp://backup.example.com:3333", State: view.PoolStandby, Drained: true},
	}
}

func (h *fakeHub) Routes() []view.RouteState {
	all := []view.RouteState{{Name: "farm", Mode: "shared", Pools: []string{"main", "backup"}, Active: "main", Pinned: "main", Ready: h.ready, Parts: h.parts}}
	if h.solo {
		all = append(all, view.RouteState{Name: "solo", Mode: "dedicated", Pools: []string{"main"}})
	}
	return all
}

func (h *fakeHub) MinersOf(login string) []view.MinerState {
	return slices.DeleteFunc(h.Miners(), func(m view.MinerState) bool { return !slices.Contains(m.Workers, login) })
}

func (h *fakeHub) WorkerCount() int {
	logins := make(map[string]bool)
	for _, m := range h.miners {
		for _, login := range m.Workers {
			logins[login] = true
		}
	}
	return len(logins)
}
func (h *fakeHub) MinerCount() int                { return len(h.miners) }
func (h *fakeHub) SlotsInUse() int                { return 0 }
func (h *fakeHub) Ready() bool                    { return h.ready }
func (h *fakeHub) Describe(id mining.MinerID) any { return map[string]any{"miner": id} }
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
	h.parts = h.then
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
		w := books.Worker(login, "farm", epoch)
		books.Record(ledger.Entry{
			Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted,
			Difficulty: 512, PoolDifficulty: 1024, At: epoch,
		})
		if login != "alice.rig1" { // it has no connection
			books.Release(w)
		}
	}
	model := view.New(view.Deps{
		Version: "1.2.3", Instance: "test", Books: books, Hub: hub, Started: epoch,
		Now: func() time.Time { return epoch.Add(time.Minute) },
	})
	text := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) })
	}
	ended := make(chan struct{}) // who asks a handler for a stream is not to wait for its end
	close(ended)
	return Deps{ending: ended, Model: model, Token: fakeToken{}, Now: func() time.Time { return epoch }, Tokens: new(fakeBook), Metrics: text("metrics"), Page: text("page"), SignIn: fakeForm, Miners: hub, Control: hub, Acceptor: hub, Bans: newBans(), Reloader: new(fakeReloader), Listeners: fakeListeners{}, Traces: new(fakeTraces), Records: newRecords(newStore()), Events: events.New(events.Config{}, epoch, nil), Alerts: newAlerting(model)}, hub
}

// ask sends one request straight to the handler.
type ask struct {
	method, path, host, token, body string
	kind                            string // of the body; JSON where empty
	cookie                          string
	header                          map[string]string
}

// do asks, and no secret is in the answer.
func (a ask) do(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	w := a.send(h)
	testkit.Hear(t, a.method+" "+a.path, fmt.Append(w.Body.Bytes(), "\n", w.Header()))
	return w
}

func (a ask) send(h http.Handler) *httptest.ResponseRecorder {
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
	if a.cookie != "" {
		r.Header.Set("Cookie", a.cookie)
	}
	for name, value := range a.header {
		r.Header.Set(name, value)
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
