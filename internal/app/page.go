package app

import (
	"context"
	"net/http"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/web"
)

// sources are what the page shows besides figures.
func sources(deps *httpapi.Deps) web.Sources {
	s := web.Sources{Miners: deps.Model.Miners, Profile: deps.Model.Profile, Config: deps.Reloader}
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
