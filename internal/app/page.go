package app

import (
	"context"
	"net/http"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/web"
)

// whole is the read model, and what is known of alerts.
type whole struct {
	*view.Model

	alerts *httpapi.Alerting
}

// Alerts implements [web.Whole].
func (w whole) Alerts() []view.Alert {
	return w.alerts.Alerts.Alerts()
}

// desk implements [web.AlertDesk].
type desk struct{ *httpapi.Alerting }

func (d desk) Rules() []view.AlertRule  { return d.Alerts.Rules() }
func (d desk) Silences() []view.Silence { return d.Silencer.Silences() }
func (d desk) Sinks() []view.AlertSink  { return d.Alerting.Sinks.Sinks() }

// History is the latest first.
func (d desk) History(limit int) []view.AlertEvent {
	all := d.Alerts.History()
	return all[:min(limit, len(all))]
}

// sources are what the page shows besides figures.
func sources(deps *httpapi.Deps) web.Sources {
	s := web.Sources{Miners: deps.Model.Miners, Profile: deps.Model.Profile, Config: deps.Reloader, Past: deps.Events, Alerts: desk{deps.Alerts}}
	if deps.Bans != nil {
		s.Bans = deps.Bans.Book
	}
	if r := deps.Records; r != nil {
		s.Acts = func(ctx context.Context, limit int) ([]store.Act, error) {
			return r.Warehouse.Acts(ctx, r.Instance, limit)
		}
	}
	return s
}

// signInBy is how the API asks browsers for a token.
func signInBy(page *web.Server) func(http.ResponseWriter, *http.Request, httpapi.SignInForm) {
	return func(w http.ResponseWriter, r *http.Request, form httpapi.SignInForm) {
		page.SignIn(w, r, web.SignIn(form))
	}
}
