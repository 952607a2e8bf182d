package web

import (
	"net/http"

	"github.com/loka/stratum/internal/auth"
)

// laterPages are those that have no content yet.
func laterPages() []Page {
	nothing := func(*Server, *http.Request) (any, error) { return struct{}{}, nil }
	later := func(path, name, icon string, gap bool) Page {
		return Page{Path: path, Name: name, Icon: icon, Gap: gap, Least: auth.Viewer, Template: "later.html", Data: nothing}
	}
	return []Page{
		later("/connections", "Connections", "connections", false),
		later("/alerts", "Alerts", "alerts", true),
		later("/bans", "Bans", "bans", false),
		later("/events", "Events", "events", false),
		later("/configuration", "Configuration", "configuration", true),
		later("/profile", "Profile", "profile", false),
	}
}
