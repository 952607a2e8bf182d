package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/view"
)

// routeCollector reads routes at every scrape.
type routeCollector struct {
	read func() []view.Route

	miners, unpaid, ready, connections, work, poolWork *prometheus.Desc
}

func newRouteCollector(read func() []view.Route) *routeCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, []string{"route"}, nil)
	}
	return &routeCollector{
		read:        read,
		miners:      desc("route_miners", "Miners of the route."),
		unpaid:      desc("route_unpaid_miners", "Those of them that are kept on work that nobody pays for."),
		ready:       desc("route_ready", "1 while a new miner of the route would be given work."),
		connections: desc("route_connections", "Pool connections that serve the route, probes aside."),
		work:        desc("route_work_accepted_total", "Sum of the assigned difficulty of the route's shares that we accepted; times 2^32 it is hashes."),
		poolWork:    desc("route_pool_work_accepted_total", "Sum of the pools' difficulty of the route's shares that they accepted; times 2^32 it is hashes."),
	}
}

// Describe implements [prometheus.Collector].
func (c *routeCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.miners, c.unpaid, c.ready, c.connections, c.work, c.poolWork} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *routeCollector) Collect(out chan<- prometheus.Metric) {
	if c.read == nil {
		return
	}
	routes := c.read()
	for i := range routes {
		r := &routes[i]
		put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
			out <- prometheus.MustNewConstMetric(d, kind, v, r.Name)
		}
		put(c.miners, prometheus.GaugeValue, float64(r.Miners))
		put(c.unpaid, prometheus.GaugeValue, float64(r.Unpaid))
		put(c.ready, prometheus.GaugeValue, truth(r.Ready))
		put(c.connections, prometheus.GaugeValue, float64(r.Connections))
		put(c.work, prometheus.CounterValue, r.Shares.WorkAccepted)
		put(c.poolWork, prometheus.CounterValue, r.Shares.PoolWorkAccepted)
	}
}
