package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/view"
)

func someAlerts() Alerts {
	return Alerts{
		Firing: map[string]int{"info": 0, "warning": 2, "critical": 1}, Took: 1500 * time.Microsecond,
		Sinks: []view.AlertSink{{Name: "night", Up: true, Sent: 7}, {Name: "dead", Pending: 3, Failed: 4, Dropped: 5}},
	}
}

// What is read of alerts and sinks is told.
func TestAlerts(t *testing.T) {
	m, _ := newMetrics(t)
	body, _ := scrape(t, m, "")
	for _, line := range []string{
		`loka_alerts_firing{severity="info"} 0`, `loka_alerts_firing{severity="warning"} 2`, `loka_alerts_firing{severity="critical"} 1`, "loka_alerts_evaluation_seconds 0.0015",
		`loka_alert_sink_up{sink="night"} 1`, `loka_alert_sink_up{sink="dead"} 0`, `loka_alert_sink_waiting{sink="dead"} 3`,
		`loka_alert_sink_messages_total{result="sent",sink="night"} 7`, `loka_alert_sink_messages_total{result="failed",sink="dead"} 4`, `loka_alert_sink_dropped_total{sink="dead"} 5`,
	} {
		if !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
}
