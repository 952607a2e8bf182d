package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// Profile is the body of GET /api/v1/profile.
type Profile struct {
	Window string      `json:"window" enum:"start,10m,1m" doc:"The window, as asked for"`
	From   time.Time   `json:"from" doc:"Where it begins in truth: up to ten seconds later than was asked for, of ten minutes up to a minute, and with the process at the earliest"`
	Steps  []view.Step `json:"steps" nullable:"false" doc:"In the order that they are taken, first a share's"`
}

type profileInput struct {
	Window string `query:"window" enum:"start,10m,1m" default:"start" doc:"Of what time: all since the start, or the last ten minutes or minute"`
}

// stepTimes registers how long the steps of a share and a job take.
func stepTimes(api huma.API, m *view.Model) {
	op := get("/api/v1/profile", "profile", "How long each step of a share and of a job takes", http.StatusUnprocessableEntity)
	huma.Register(api, op, func(_ context.Context, in *profileInput) (*body[Profile], error) {
		steps, from := m.Profile(map[string]time.Duration{"10m": 10 * time.Minute, "1m": time.Minute}[in.Window])
		return &body[Profile]{Profile{in.Window, from.UTC(), steps}}, nil
	})
}
