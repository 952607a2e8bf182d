package metrics

import (
	"testing"

	"github.com/loka/stratum/internal/guard"
)

type fakeDoor guard.Stats

func (d fakeDoor) Stats() guard.Stats { return guard.Stats(d) }

func TestDoorGauges(t *testing.T) {
	_, source := newMetrics(t)
	m, err := New(Config{Version: "1.2.3", Source: source, Door: fakeDoor{Guests: 9, Strangers: 3, Waiting: 4, Memory: 5000}})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := scrape(t, m, "")
	for series, want := range map[string]string{
		"loka_connections_waiting": "4", "loka_strangers_connected": "3", "loka_strangers_memory_bytes": "5000",
	} {
		if got := value(t, body, series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
}
