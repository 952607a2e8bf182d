package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// configuration registers what says what is in place.
func configuration(api huma.API, r Reloader) {
	huma.Register(api, get("/api/v1/configuration", "configuration", "What every key is, and what the file has that is not in place"),
		func(context.Context, *struct{}) (*body[view.Configuration], error) {
			return &body[view.Configuration]{r.Configured()}, nil
		})
}
