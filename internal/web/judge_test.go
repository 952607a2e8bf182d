package web

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/view"
)

func calm() *scene {
	return &scene{
		summary:  view.Summary{Ready: true, Miners: 10, UptimeSeconds: 86400, Hashrate: view.Hashrate{TenMinutes: 1e15, Day: 1e15}, HashrateError: view.Hashrate{TenMinutes: 0.02, Day: 0.01}},
		pools:    []view.Pool{{Name: "main", State: view.PoolActive}, {Name: "backup", State: view.PoolStandby}},
		routes:   []view.Route{{Name: "farm", Ready: true, Pools: []string{"main", "backup"}}},
		earnings: earnings{Hour: Earned{Shares: 10_000, Work: 1e6, Value: 99_900, LostValue: 100, Lost: map[string]view.Loss{"stale": {Shares: 10, Value: 100}}}},
	}
}

func TestIsMoneyBeingLost(t *testing.T) {
	for _, c := range []struct {
		name, tone, title, why string
		change                 func(*scene)
	}{
		{"all is well", "good", "No money is being lost.", "In the last hour 0.10 % of the work was lost, which is as good as it gets: 100 sat.", func(*scene) {}},
		{"nothing was lost", "good", "No money is being lost.", "In the last hour every share counted.", func(s *scene) { s.earnings.Hour.LostValue = 0 }},
		{"too few shares", "good", "Nothing is wrong that can be seen so far.", "Pools serve work. After some hundred shares there is more to say.", func(s *scene) { s.earnings.Hour = Earned{Shares: 3, Value: 1, LostValue: 9} }},
		{"nobody is here", "", "No miner is connected.", "Point a miner at this machine’s mining port, with any user name; it shows here at its first share.", func(s *scene) { s.summary.Miners, s.earnings.Hour = 0, Earned{} }},
		{"a route without a pool", "bad", "Route farm has no pool that serves work: what its miners do is lost.", "main: connection refused; backup: down.", func(s *scene) {
			s.routes[0].Ready = false
			s.pools[0].State, s.pools[0].Error, s.pools[1].State = view.PoolDown, "connection refused", view.PoolDown
		}},
		{"a route without a pool, with its alert", "bad", "Route farm has no pool that serves work: what its miners do is lost.", "main: connection refused; backup: down.", func(s *scene) {
			s.routes[0].Ready = false
			s.pools[0].State, s.pools[0].Error, s.pools[1].State = view.PoolDown, "connection refused", view.PoolDown
			s.alerts = []view.Alert{{Name: "route_down", Severity: "critical", State: "firing", Subject: "farm", Message: "No pool serves route farm."}}
		}},
		{"miners that work for nobody", "bad", "1 miner of route farm work for nobody.", "They are held on old work until a pool is back, which nobody pays for.", func(s *scene) { s.routes[0].Unpaid = 1 }},
		{"a pool is down", "warn", "Pool backup is down.", "No route to host. Miners work for the others meanwhile.", func(s *scene) { s.pools[1].State, s.pools[1].Error = view.PoolDown, "No route to host" }},
		{"a drained pool is down", "good", "No money is being lost.", "In the last hour 0.10 % of the work was lost, which is as good as it gets: 100 sat.", func(s *scene) { s.pools[1].State, s.pools[1].Drained = view.PoolDown, true }},
		{"stale at one of two pools", "bad", "9.9 % of the last hour’s work was lost: 11\u202f000 sat.", "", func(s *scene) {
			s.earnings.Hour.LostValue, s.earnings.Hour.Lost = 11_000, map[string]view.Loss{"pool_stale": {Shares: 100, Value: 11_000}}
			s.earnings.ByPool = []Earned{{Name: "main", LostValue: 10_000}, {Name: "backup", LostValue: 1000}}
		}},
		{"a little too much is lost", "warn", "0.99 % of the last hour’s work was lost: 999 sat.", "", func(s *scene) { s.earnings.Hour.LostValue = 999 }},
		{"the farm does less", "warn", "The farm’s hashrate is 20.0 % below its day’s.", "It is 800 TH/s over ten minutes and 1.00 PH/s over the day. That is some 16\u202f747\u202f043 sat an hour not earned. 2 workers had shares within a day and are not connected.", func(s *scene) { s.summary.Hashrate.TenMinutes, s.earnings.Away = 0.8e15, 2 }},
		{"it does less by chance", "good", "No money is being lost.", "", func(s *scene) { s.summary.Hashrate.TenMinutes, s.summary.HashrateError.TenMinutes = 0.8e15, 0.3 }},
		{"it has just begun", "good", "No money is being lost.", "", func(s *scene) { s.summary.Hashrate.TenMinutes, s.summary.UptimeSeconds = 0.1e15, 30 }},
		{"an alert", "bad", "Alert payout changed: main.", "It pays another.", func(s *scene) {
			s.alerts = []view.Alert{{Name: "payout_changed", Severity: "critical", State: "firing", Subject: "main", Message: "It pays another."}}
		}},
		{"an alert of what is said of the pool", "warn", "Pool backup is down.", "No route to host. Miners work for the others meanwhile.", func(s *scene) {
			s.pools[1].State, s.pools[1].Error = view.PoolDown, "No route to host"
			s.alerts = []view.Alert{{Name: "pool_down", Severity: "warning", State: "firing", Subject: "backup", Message: "Pool backup is down."}}
		}},
		{"alerts that are no news", "good", "No money is being lost.", "", func(s *scene) {
			s.alerts = []view.Alert{{Severity: "critical", State: "firing", Silenced: true}, {Severity: "critical", State: "pending"}, {Severity: "info", State: "firing"}}
		}},
	} {
		s := calm()
		c.change(s)
		got := judge(s)
		if got.Tone != c.tone || got.Title != c.title || c.why != "" && got.Why != c.why {
			t.Errorf("%s: %s %q %q", c.name, got.Tone, got.Title, got.Why)
		}
		if strings.HasPrefix(c.name, "a route without a pool") && len(got.Others) != 0 {
			t.Errorf("%s: it is said again: %+v", c.name, got.Others)
		}
	}
}

// The worst is said first, and nothing is left out.
func TestTheWorstFirst(t *testing.T) {
	s := calm()
	s.pools[1].State = view.PoolDegraded
	s.routes[0].Unpaid = 3
	s.earnings.Hour.LostValue = 1000
	got := judge(s)
	if got.Title != "3 miners of route farm work for nobody." || len(got.Others) != 2 || got.Others[0].Tone != "warn" {
		t.Errorf("%+v", got)
	}
}
