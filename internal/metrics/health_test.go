package metrics

import (
	"testing"

	"github.com/loka/stratum/internal/view"
)

func someHealth() view.Health {
	return view.Health{Checks: map[string]view.Check{
		"disk": {Status: view.OK}, "clock": {Status: view.Degraded}, "listener:0.0.0.0:3333": {Status: view.Down},
	}}
}

// Each check has the one status that it has.
func TestHealth(t *testing.T) {
	m, _ := newMetrics(t)
	body, _ := scrape(t, m, "")
	for series, want := range map[string]string{
		`loka_health_check{check="disk",status="ok"}`: "1", `loka_health_check{check="disk",status="degraded"}`: "0", `loka_health_check{check="disk",status="down"}`: "0",
		`loka_health_check{check="clock",status="degraded"}`: "1", `loka_health_check{check="clock",status="ok"}`: "0",
		`loka_health_check{check="listener:0.0.0.0:3333",status="down"}`: "1",
	} {
		if got := value(t, body, series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
}
