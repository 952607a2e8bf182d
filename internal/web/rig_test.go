package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/view"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// evil is what a miner may call itself.
const evil = `<img src=x onerror=alert(1)>"'&amp;/../%2F`

// farm is a model with as many workers as are asked for.
type farm struct {
	workers []view.Worker
	pools   []view.Pool
	routes  []view.Route
	alerts  []view.Alert
	health  view.Health
	summary view.Summary
}

func (f *farm) Version() string       { return evil }
func (f *farm) Summary() view.Summary { return f.summary }
func (f *farm) Health() view.Health   { return f.health }
func (f *farm) Pools() []view.Pool    { return f.pools }
func (f *farm) Routes() []view.Route  { return f.routes }
func (f *farm) Alerts() []view.Alert  { return f.alerts }

// Workers sorts by the one thing that is asked for.
func (f *farm) Workers(q view.WorkerQuery) view.WorkerPage {
	p := view.WorkerPage{All: len(f.workers)}
	for _, w := range f.workers {
		if w.Miners > 0 {
			p.Here++
		}
		if here := q.Shown == view.WorkersHere; here && w.Miners == 0 || q.Shown == view.WorkersAway && w.Miners > 0 ||
			!strings.Contains(strings.ToLower(w.Name), strings.ToLower(q.Text)) || q.Pool != "" && q.Pool != w.Pool {
			continue
		}
		p.Workers = append(p.Workers, w)
	}
	p.Found = len(p.Workers)
	of := map[string]func(w *view.Worker) float64{
		"name": func(*view.Worker) float64 { return 0 }, "accepted": func(w *view.Worker) float64 { return float64(w.Accepted) },
		"hashrate_10m": func(w *view.Worker) float64 { return w.Hashrate.TenMinutes }, "reject_rate": func(w *view.Worker) float64 { return float64(w.Rejected) },
	}[q.By[0].Key]
	slices.SortFunc(p.Workers, func(a, b view.Worker) int {
		order := cmp.Or(cmp.Compare(of(&a), of(&b)), strings.Compare(a.Name, b.Name))
		if q.By[0].Down {
			return -order
		}
		return order
	})
	p.Workers = p.Workers[min(q.Offset, p.Found):]
	p.Workers = p.Workers[:min(q.Limit, len(p.Workers))]
	return p
}

func (f *farm) Away(time.Duration) int {
	return f.Workers(view.WorkerQuery{Shown: view.WorkersAway, By: []view.WorkerOrder{{Key: "name"}}}).Found
}

func (f *farm) Worker(name string) (view.Worker, bool) {
	for _, w := range f.workers {
		if w.Name == name {
			w.Connections = []view.Miner{{ID: 7, Remote: "192.0.2.1:5", State: "mining", UserAgent: evil, Workers: []string{name}, Warnings: []string{evil}}}
			return w, true
		}
	}
	return view.Worker{}, false
}

func (f *farm) WorkerTrends(names []string) ledger.Trend {
	t := ledger.Trend{Window: ledger.Hour, From: epoch.Add(-time.Hour), Ends: []time.Time{epoch.Add(-30 * time.Minute), epoch}, Rates: make([][]float64, len(names))}
	for i := range names {
		if i%2 == 0 {
			t.Rates[i] = []float64{1e14, 2e14}
		}
	}
	return t
}

func newFarm(n int) *farm {
	age, ratio, score := 3.0, 0.01, 0.9
	f := &farm{
		health: view.Health{Status: view.Degraded, Checks: map[string]view.Check{"pool:backup": {Status: view.Down, Detail: evil, Advice: "look"}, "audit": {Status: view.OK}}},
		summary: view.Summary{
			Version: evil, Instance: evil, Ready: true, Miners: n, Workers: n, UptimeSeconds: 7200,
			Hashrate: view.Hashrate{TenMinutes: 1e15, Day: 1e15},
		},
		pools: []view.Pool{
			{
				Name: "main", URL: "stratum+tcp://pool.example.com:3333", State: view.PoolActive, Accepted: 1000, Rejected: 3, LastJobAgeSeconds: &age,
				Quality: view.Quality{Score: &score, BlockDelay: &age}, Signals: []view.Signal{{Name: "tip_lag", Severity: "warning", Detail: evil, Means: evil, Do: evil}},
				Payout: view.PoolPayout{Outputs: []view.PoolOutput{{Payee: evil, Satoshi: 1}}, Tag: evil}, Links: []view.Link{{ID: 1, Login: evil}},
				Reconciliation: view.Reconciliation{GapRatio: &ratio},
			},
			{Name: evil, URL: evil, State: view.PoolDown, Error: evil, Drained: true},
		},
		routes: []view.Route{
			{Name: "farm", Mode: "shared", Pools: []string{"main", evil}, Active: "main", Ready: true},
			{Name: evil, Mode: "shared", Pinned: evil, Ready: true, Split: []view.Part{
				{Pools: []string{"main", evil}, Weight: 70, Target: 0.7, Hashrate: 6e14, WorkAccepted: 60, InWindow: true},
				{Pools: []string{evil}, Weight: 30, Target: 0.3, Hashrate: 4e14, WorkAccepted: 40, When: evil, TimeZone: evil},
				{Pools: []string{"main"}, Worker: evil, Hashrate: 1e14, WorkAccepted: 10, OwnWork: 10, InWindow: true},
			}},
		},
		alerts: []view.Alert{
			{ID: "a1", Name: "pool_down", Severity: "warning", State: "firing", Kind: "pool", Subject: evil, Message: evil, Runbook: "docs/X.md#alert-pool_down", Since: &epoch},
			{ID: "a2", Name: "worker_silent", Severity: "warning", State: "pending", Kind: "worker", Subject: "alice.rig00001", Message: "silent", Since: &epoch},
			{ID: "a3", Name: "route_down", Severity: "critical", State: "resolved", Kind: "route", Subject: "farm", Message: "served again", Runbook: evil, Since: &epoch},
		},
	}
	for i := range n {
		w := view.Worker{Name: fmt.Sprintf("alice.rig%05d", i), Miners: 1, Route: "farm", Pool: "main", Difficulty: 512, LastShareAge: &age, Since: &epoch}
		w.Accepted, w.Rejected = uint64(1000+i), uint64(i%7)
		w.Hashrate = view.Hashrate{TenMinutes: float64((i*7919)%n+1) * 1e12, Day: 1e14}
		if i%10 == 9 {
			w.Miners, w.Pool, w.Hashrate.TenMinutes, w.LastShareAge = 0, "", 0, nil
		}
		f.workers = append(f.workers, w)
	}
	f.workers = append(f.workers, view.Worker{Name: evil, Miners: 1, Route: evil, Pool: evil})
	return f
}

// fakeEarner answers the same always, or fails.
type fakeEarner struct {
	all   Earned
	parts []Earned
	err   error
	asked chan Whose

	mu sync.Mutex // guards err once it is asked
}

func (f *fakeEarner) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeEarner) Earned(_ context.Context, of Whose, _ time.Time) ([]Earned, Earned, error) {
	select {
	case f.asked <- of:
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.parts, f.all, f.err
}

func someEarned() *fakeEarner {
	all := Earned{Name: "farm", Shares: 10_000, PoolShares: 900, Work: 1e6, Value: 99_000, PoolValue: 98_000, LostValue: 1000, Lost: map[string]view.Loss{
		"stale": {Shares: 90, Value: 600}, "pool_stale": {Shares: 4, Value: 300}, view.NotSubmitted: {Shares: 1, Value: 100}, evil: {Shares: 1},
	}}
	return &fakeEarner{all: all, parts: []Earned{{Name: "main", LostValue: 900}, {Name: evil, LostValue: 100}}, asked: make(chan Whose, 100)}
}

// fakeLog has a day of a pool.
type fakeLog struct{}

func (fakeLog) Timeline(pool string, from, to time.Time) events.Timeline {
	noon := from.Add(to.Sub(from) / 2)
	return events.Timeline{
		Pool: pool, From: from, To: to,
		Intervals: []events.Interval{
			{State: "down", Reason: evil, Error: evil, From: from, To: noon, Seconds: noon.Sub(from).Seconds()},
			{State: "active", From: noon, To: to, Seconds: to.Sub(noon).Seconds()},
		},
		Switches: []events.Event{{ID: 4, At: noon, Kind: events.Switch, Message: "8 miners went from " + evil}, {ID: 5, At: noon, Kind: events.Switch, Message: "8 miners came back"}},
	}
}

// site is the handler of a farm, with everything there is.
func site(tb testing.TB, f *farm) *Server {
	tb.Helper()
	s, err := New(Deps{Model: f, Now: func() time.Time { return epoch }, Earner: someEarned(), Log: fakeLog{}})
	if err != nil {
		tb.Fatal(err)
	}
	s.ask(tb.Context())
	return s
}

func get(tb testing.TB, h http.Handler, path string) *httptest.ResponseRecorder {
	tb.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func body(tb testing.TB, h http.Handler, path string) string {
	tb.Helper()
	w := get(tb, h, path)
	if w.Code != http.StatusOK {
		tb.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// has asserts that texts are in a page, in this order.
func has(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		at := strings.Index(page, text)
		if at < 0 {
			t.Errorf("there is no %q, or not in this order", text)
			return
		}
		page = page[at+len(text):]
	}
}
