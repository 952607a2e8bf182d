package httpapi

import (
	"strconv"

	"github.com/loka/stratum/internal/view"
)

// poolArranged is what operators want of a pool, for the audit record.
type poolArranged struct {
	Drained  bool `json:"drained"`
	Disabled bool `json:"disabled"`
}

// arrangedPool is that of a pool; there need be none.
func arrangedPool(m *view.Model, name string) poolArranged {
	states := m.PoolStates()
	for i := range states {
		if s := &states[i]; s.Name == name && !s.Leaving {
			return poolArranged{s.Drained, s.State == view.PoolDisabled}
		}
	}
	return poolArranged{}
}

// pinned is the pin of a route, for the audit record.
type pinned struct {
	Pool string `json:"pinned"`
}

// arrangedRoute is a route as it is; there need be none.
func arrangedRoute(m *view.Model, name string) routeArranged {
	routes := m.Routes()
	for i := range routes {
		if r := &routes[i]; r.Name == name {
			return routeArranged{r.Pools, r.Pinned, r.Split}
		}
	}
	return routeArranged{}
}

type routeArranged struct {
	Pools  []string
	Pinned string
	Split  []view.Part
}

// divided is the split of a route in the file's shape, or its pools where it has
// none, for the audit record.
func (r routeArranged) divided() any {
	if len(r.Split) == 0 {
		return struct {
			Pools []string `json:"pools"`
		}{r.Pools}
	}
	parts := make([]SplitPart, 0, len(r.Split))
	for i := range r.Split {
		p := &r.Split[i]
		part := SplitPart{Pools: p.Pools, Weight: p.Weight, Worker: p.Worker, When: p.When, TimeZone: p.TimeZone, OnDead: p.OnDead}
		if p.WantHashrate > 0 {
			part.Hashrate = strconv.FormatFloat(p.WantHashrate, 'f', -1, 64) + "H/s"
		}
		parts = append(parts, part)
	}
	return Split{parts}
}
