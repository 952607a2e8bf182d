package cli

import (
	"log/slog"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// newProxy makes the proxy of a configuration.
func newProxy(cfg *config.Config, logger *slog.Logger, version string) (proxy, error) {
	return app.New(cfg, app.Deps{Logger: logger, Version: version})
}
