package view

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/watch"
)

func TestHealth(t *testing.T) {
	now := epoch.Add(time.Minute)
	for _, c := range []struct {
		name   string
		change func(*fakeHub, *ledger.Ledger)
		want   string // of the whole
		check  string // the one that is not ok, and its status and detail
		status string
		detail string
	}{
		{"all well", func(h *fakeHub, _ *ledger.Ledger) { h.pools[1].State = PoolStandby }, OK, "", "", ""},
		{"disabled is well", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Reason, h.pools[1].Drained = PoolDisabled, "by_operator", true
		}, OK, "", "", ""},
		{"connecting", func(*fakeHub, *ledger.Ledger) {}, Degraded, "pool:backup", Degraded, "connecting"},
		{"a pool is down", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Error = PoolDown, "connection refused"
		}, Degraded, "pool:backup", Down, "down: connection refused"},
		{"a pool is degraded", func(h *fakeHub, _ *ledger.Ledger) { h.pools[1].State = PoolDegraded }, Degraded, "pool:backup", Degraded, "degraded"},
		{"a pool is degraded, and says why", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Error, h.pools[1].Discrepancies = PoolDegraded, "refuses 3 % of valid shares", 7
		}, Degraded, "pool:backup", Degraded, "degraded: refuses 3 % of valid shares"},
		{"discrepancies long ago", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Discrepancies = PoolStandby, 7
		}, OK, "", "", ""},
		{"a drained pool is down", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Error, h.pools[1].Drained = PoolDown, "connection refused", true
		}, OK, "", "", ""},
		{"a pool that was taken out, without miners", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Reason, h.pools[1].Leaving = PoolDegraded, "not_configured", true
		}, OK, "", "", ""},
		{"a pool that was taken out, with miners", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State = PoolStandby
			h.pools[0].State, h.pools[0].Reason, h.pools[0].Leaving = PoolDegraded, "not_configured", true
		}, Degraded, "pool:main", Degraded, "degraded"},
		{"a drained pool that is needed is degraded", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State = PoolStandby
			h.pools[0].State, h.pools[0].Drained = PoolDegraded, true
		}, Degraded, "pool:main", Degraded, "degraded"},
		{"a pool does something odd", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State = PoolStandby
			h.pools[0].Watched.Signals = []watch.Signal{{Kind: watch.PayoutChanged, Detail: `it pays ["x"]`}, {Kind: watch.TipLag}}
		}, Degraded, "pool_watch", Degraded, `main: payout_changed (it pays ["x"]); main: tip_lag`},
		{"a pool that pays another is left", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State, h.pools[1].Error, h.pools[1].Watched.Leave = PoolDown, "the pool pays another", true
		}, Degraded, "pool:backup", Down, "the pool pays another"},
		{"an old job", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State = PoolStandby
			h.pools[0].LastJobAt = now.Add(-6 * time.Minute)
		}, Degraded, "pool:main", Degraded, "the last job is 6m0s old"},
		{"one route of two", func(h *fakeHub, _ *ledger.Ledger) {
			h.pools[1].State = PoolStandby
			h.routes = append(h.routes, RouteState{Name: "other", Pools: []string{"backup"}})
		}, Degraded, "route:other", Down, "none of its pools serves work: backup"},
		{"no route", func(h *fakeHub, _ *ledger.Ledger) { h.ready, h.routes[0].Ready = false, false }, Down, "route:farm", Down, "main, backup"},
		{"the pool refuses", func(h *fakeHub, l *ledger.Ledger) {
			h.pools[1].State = PoolStandby
			for range 20 {
				l.Record(ledger.Entry{Pool: l.Pool("main", now), PoolVerdict: mining.LowDifficulty, At: now})
			}
		}, Degraded, "pool_shares:main", Degraded, "refused 21 of 24"},
	} {
		m, hub, books := farm(t)
		c.change(hub, books)
		h := m.Health()
		if h.Status != c.want {
			t.Errorf("%s: %s, want %s: %+v", c.name, h.Status, c.want, h.Checks)
		}
		if c.check == "" {
			for name, check := range h.Checks {
				if check.Status != OK || check.Advice != "" || check.Detail == "" {
					t.Errorf("%s: %s is %+v", c.name, name, check)
				}
			}
			continue
		}
		got := h.Checks[c.check]
		if got.Status != c.status || !strings.Contains(got.Detail, c.detail) || got.Advice == "" {
			t.Errorf("%s: %s is %+v, want %s: %s", c.name, c.check, got, c.status, c.detail)
		}
	}
}

// What an operator has arranged is seen where one looks for what is wrong.
func TestHealthSaysWhatIsArranged(t *testing.T) {
	m, hub, _ := farm(t)
	hub.pools[1].State, hub.pools[1].Error, hub.pools[1].Drained = PoolDown, "connection refused", true
	hub.routes[0].Pinned = "backup"
	checks := m.Health().Checks
	hub.pools[1].State, hub.pools[1].Reason = PoolDisabled, "by_operator"
	if got := m.Health().Checks["pool:backup"]; got != (Check{Status: OK, Detail: "disabled by operator"}) {
		t.Errorf("disabled: %+v", got)
	}
	for name, want := range map[string]string{
		"pool:backup": "drained; down: connection refused",
		"route:farm":  "served by pool main; pinned to pool backup",
	} {
		if got := checks[name]; got != (Check{Status: OK, Detail: want}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestHealthPointsAtDiscrepancies(t *testing.T) {
	m, hub, _ := farm(t)
	for n, want := range map[uint64]bool{0: false, 1: true} {
		hub.pools[1].State, hub.pools[1].Discrepancies = PoolDegraded, n
		if got := m.Health().Checks["pool:backup"].Advice; strings.Contains(got, "loka_pool_discrepancies_total") != want {
			t.Errorf("%d discrepancies: %q", n, got)
		}
	}
}

func TestHealthAsksMoreChecks(t *testing.T) {
	m, hub, _ := farm(t)
	hub.pools[1].State = PoolStandby
	m.deps.Checks = map[string]func(time.Time) Check{
		"disk": func(time.Time) Check { return Check{Status: Degraded, Detail: "full", Advice: "make room"} },
	}
	if h := m.Health(); h.Status != Degraded || h.Checks["disk"].Detail != "full" {
		t.Errorf("got %+v", h)
	}
}

func TestReady(t *testing.T) {
	m, hub, _ := farm(t)
	if !m.Ready() || !m.Summary().Ready {
		t.Error("not ready")
	}
	hub.ready = false
	if m.Ready() || m.Summary().Ready {
		t.Error("ready")
	}
	if m.Version() != "1.2.3" || len(m.PoolStates()) != 2 {
		t.Error("version or pools")
	}
}
