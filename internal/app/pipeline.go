package app

import (
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/identity"
	"github.com/loka/stratum/internal/pipeline/validate"
)

// middlewares is the order in which a request walks: the first sees it first.
func middlewares(c *counts) []pipeline.Middleware {
	return []pipeline.Middleware{
		// A pool judges version bits itself in dedicated mode.
		validate.New(validate.Config{VersionBits: 0xffffffff}, c.validate()),
		identity.New(identity.Config{}, c.identity()),
	}
}

// handler is the whole pipeline, with the hub at its end.
func handler(h *hub.Hub, c *counts) pipeline.Handler {
	return h.Booked(pipeline.Compile(h, middlewares(c)...))
}
