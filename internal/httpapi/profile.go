package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// Profile is the body of GET /api/v1/profile.
type Profile struct {
	Steps []view.Step `json:"steps" nullable:"false" doc:"In the order that they are taken, first a share's"`
}

// stepTimes registers how long the steps of a share and a job take.
func stepTimes(api huma.API, m *view.Model) {
	huma.Register(api, get("/api/v1/profile", "profile", "How long each step of a share and of a job takes"), func(context.Context, *struct{}) (*body[Profile], error) {
		return &body[Profile]{Profile{m.Profile()}}, nil
	})
}
