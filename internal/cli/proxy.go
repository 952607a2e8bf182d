package cli

import (
	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// newProxy makes the proxy of a configuration.
func newProxy(cfg *config.Config, deps app.Deps) (proxy, error) { return app.New(cfg, deps) }
