package web

import (
	"net/http"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/view"
)

// overview is the whole in one look.
type overview struct {
	Summary view.Summary
	Health  view.Health
	Pools   []view.Pool
	Alerts  []view.Alert
}

func overviewPages() []Page {
	return []Page{{
		Path: "/{$}", Name: "Overview", Icon: "overview", Least: auth.Viewer, Template: "overview.html", Every: liveEvery,
		Data: func(s *Server, _ *http.Request) (any, error) { return s.overview(), nil },
	}}
}

func (s *Server) overview() *overview {
	now := s.glance()
	return &overview{Summary: now.summary, Health: now.health, Pools: s.allPools(), Alerts: now.alerts}
}
