package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

type workersInput struct {
	Listing

	Route string `query:"route" doc:"Of this route only"`
	Pool  string `query:"pool" doc:"That work for this pool now only"`
	State string `query:"state" enum:"online,offline" doc:"online: with an open connection; offline: without"`
}

type minersInput struct {
	Listing

	Route    string `query:"route" doc:"Of this route only"`
	Pool     string `query:"pool" doc:"That work for this pool only"`
	Worker   string `query:"worker" doc:"With this login only"`
	Listener string `query:"listener" doc:"That came in by this address only"`
	State    string `query:"state" enum:"connected,subscribed,mining" doc:"In this state only"`
}

type poolsInput struct {
	Listing

	Route string `query:"route" doc:"Of this route only"`
	State string `query:"state" enum:"connecting,active,standby,degraded,down,disabled" doc:"In this state only"`
}

type routesInput struct {
	Listing

	Pool string `query:"pool" doc:"With this pool only"`
	Mode string `query:"mode" enum:"shared,dedicated" doc:"Of this mode only"`
}

// lists registers the lists of what there is now.
func lists(api huma.API, m *view.Model) {
	pools, miners, routes := poolOrders(), minerOrders(), routeOrders()
	list := func(path, id, summary string) huma.Operation {
		return get(path, id, summary, http.StatusUnprocessableEntity)
	}
	huma.Register(api, list("/api/v1/pools", "pools", "Every configured pool and its answers"), func(_ context.Context, in *poolsInput) (*listed[PoolList], error) {
		of := poolsOf(m, in.Route)
		page, total, err := pick(&in.Listing, m.Pools(), pools, func(p *view.Pool) bool {
			return is(in.State, p.State) && (in.Route == "" || slices.Contains(of, p.Name)) && in.has(p.Name, p.URL, p.Error)
		})
		return &listed[PoolList]{in.links(total), PoolList{page, total}}, err
	})
	huma.Register(api, list("/api/v1/workers", "workers", "Every worker that is connected or ever submitted a share"), func(_ context.Context, in *workersInput) (*listed[WorkerList], error) {
		sorted, err := sortedBy(in.Sort, view.WorkerKeys())
		if err != nil {
			return nil, err
		}
		q := view.WorkerQuery{Text: in.Q, Route: in.Route, Pool: in.Pool, Offset: in.Offset, Limit: in.Limit}
		q.Shown = map[string]view.WorkersShown{"online": view.WorkersHere, "offline": view.WorkersAway}[in.State]
		for _, by := range sorted {
			q.By = append(q.By, view.WorkerOrder{Key: by.name, Down: by.down})
		}
		page := m.Workers(q)
		return &listed[WorkerList]{in.links(page.Found), WorkerList{page.Workers, page.Found}}, nil
	})
	huma.Register(api, list("/api/v1/miners", "miners", "Every open miner connection"), func(_ context.Context, in *minersInput) (*listed[MinerList], error) {
		page, total, err := pick(&in.Listing, m.Miners(), miners, func(c *view.Miner) bool {
			return is(in.State, c.State) && is(in.Route, c.Route) && is(in.Pool, c.Pool) && is(in.Listener, c.Listener) &&
				(in.Worker == "" || slices.Contains(c.Workers, in.Worker)) && in.has(append(slices.Clip(c.Workers), c.Remote, c.UserAgent)...)
		})
		return &listed[MinerList]{in.links(total), MinerList{page, total}}, err
	})
	huma.Register(api, list("/api/v1/routes", "routes", "Every route and what serves it"), func(_ context.Context, in *routesInput) (*listed[RouteList], error) {
		page, total, err := pick(&in.Listing, m.Routes(), routes, func(r *view.Route) bool {
			return is(in.Mode, r.Mode) && (in.Pool == "" || slices.Contains(r.Pools, in.Pool)) && in.has(r.Name)
		})
		return &listed[RouteList]{in.links(total), RouteList{page, total}}, err
	})
}

// poolsOf are the pools of a route.
func poolsOf(m *view.Model, route string) []string {
	if route == "" {
		return nil
	}
	for _, r := range m.Routes() {
		if r.Name == route {
			return r.Pools
		}
	}
	return nil
}
