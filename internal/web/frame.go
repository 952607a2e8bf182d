package web

import (
	"net/http"
	"strings"

	"github.com/loka/stratum/internal/auth"
)

// frame is what every page shows around its own part.
type frame struct {
	Title, Instance, Version, Build, Health string
	Parent                                  crumb
	Uptime                                  float64
	// Every is how often the page is asked for again, in milliseconds; 0: never.
	Every int64
	// Alarms is how many alerts fire.
	Alarms int
	Nav    []navItem
	Who    auth.Identity
	// Here is the address of the page.
	Here string
	Data any
}

// crumb is the page above.
type crumb struct{ Name, Path string }

// navItem is one line of the navigation.
type navItem struct {
	Path, Name, Icon, CountName string
	Current, Gap                bool
	Count                       int
}

func (s *Server) frame(r *http.Request, p *Page) *frame {
	summary := s.deps.Model.Summary()
	f := &frame{
		Title: p.Name, Instance: summary.Instance, Version: s.deps.Model.Version(), Build: s.assets.build, Health: s.deps.Model.Health().Status,
		Uptime: summary.UptimeSeconds, Here: r.URL.RequestURI(), Every: p.Every.Milliseconds(), Alarms: len(firing(s.deps.Model.Alerts())),
	}
	if s.deps.Who != nil {
		f.Who = s.deps.Who(r.Context())
	}
	for i := range s.pages {
		one := &s.pages[i]
		path := strings.TrimSuffix(one.Path, "{$}")
		current := one.Path == p.Path || path == p.Under
		if path == p.Under {
			f.Parent = crumb{one.Name, path}
		}
		if one.Name == "" || one.Least > max(f.Who.Role, auth.Viewer) {
			continue
		}
		item := navItem{Path: path, Name: one.Name, Icon: one.Icon, Gap: one.Gap, Current: current}
		if path == "/alerts" {
			item.Count, item.CountName = f.Alarms, "alerts"
		}
		f.Nav = append(f.Nav, item)
	}
	return f
}

// back is where to go from an error.
func (f *frame) back() string {
	if f.Parent.Path != "" {
		return f.Parent.Path
	}
	return "/"
}
