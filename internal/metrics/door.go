package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/guard"
)

// Door is who knows of connections that are no miners yet.
type Door interface{ Stats() guard.Stats }

// registerDoor makes the gauges of a door.
func (b *builder) registerDoor(door Door) {
	gauge := func(name, help string, of func(guard.Stats) float64) {
		b.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, func() float64 {
			if door == nil {
				return 0
			}
			return of(door.Stats())
		}))
	}
	gauge("connections_waiting", "Miners' connections that wait for their turn to begin, by access.starts_per_second or for the lack of memory.",
		func(s guard.Stats) float64 { return float64(s.Waiting) })
	gauge("strangers_connected", "Miners' connections that have begun and have no authorized worker.",
		func(s guard.Stats) float64 { return float64(s.Strangers) })
	gauge("strangers_memory_bytes", "Memory that strangers may come to hold, at the most access.strangers_memory.",
		func(s guard.Stats) float64 { return float64(s.Memory) })
}
