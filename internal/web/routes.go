package web

import (
	"net/http"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/view"
)

func routePages() []Page {
	return []Page{{
		Path: "/routes", Name: "Routes", Icon: "routes", Least: auth.Viewer, Template: "routes.html", Every: liveEvery,
		Data: func(s *Server, r *http.Request) (any, error) { return s.routeList(r), nil },
	}}
}

// routeRow is a route with its last hour.
type routeRow struct {
	*view.Route

	// Hour is what it earned in the last one, if Added says that this is known.
	Hour  Earned
	Added bool
	Parts []partRow
}

// partRow is a part of a split, target against actual.
type partRow struct {
	view.Part

	// Actual is its part of the hashrate now, Done of the work since the split began.
	Actual, Done float64
}

func (s *Server) routeList(r *http.Request) []routeRow {
	e := s.earnings(r.Context())
	routes := s.deps.Model.Routes()
	all := make([]routeRow, 0, len(routes))
	for i := range routes {
		row := routeRow{Route: &routes[i], Parts: partsOf(routes[i].Split), Added: !e.At.IsZero()}
		for _, one := range e.ByRoute {
			if one.Name == row.Name {
				row.Hour = one
			}
		}
		all = append(all, row)
	}
	return all
}

// partsOf works out what each part has of what is divided: miners of its own are not.
func partsOf(split []view.Part) []partRow {
	rate, done := 0.0, 0.0
	for i := range split {
		if split[i].Worker == "" {
			rate += split[i].Hashrate
		}
		done += split[i].WorkAccepted - split[i].OwnWork
	}
	all := make([]partRow, 0, len(split))
	for i := range split {
		row := partRow{Part: split[i]}
		if rate > 0 && row.Worker == "" {
			row.Actual = row.Hashrate / rate
		}
		if done > 0 {
			row.Done = (row.WorkAccepted - row.OwnWork) / done
		}
		all = append(all, row)
	}
	return all
}
