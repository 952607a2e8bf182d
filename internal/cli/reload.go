package cli

import (
	"errors"
	"log/slog"

	"github.com/loka/stratum/internal/config"
)

// reloader reads the configuration again and says what a restart would
// change. The running Config stays as it is.
type reloader struct {
	path    string
	running *config.Config
	load    func() (*config.Config, error)
	logger  *slog.Logger
}

// check reads, validates, compares and logs.
func (r reloader) check() {
	if r.path == "" || r.path == "-" {
		r.logger.Warn("nothing to reload: started without a configuration file")
		return
	}
	next, err := r.load()
	var invalid problemError
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.problems {
			r.logger.Error("configuration problem", "problem", p.String())
		}
		r.logger.Error("configuration not reloaded: nothing changes until the problems are mended",
			"config", r.path, "problems", len(invalid.problems))
		return
	case err != nil:
		r.logger.Error("configuration not reloaded: nothing changes", "config", r.path, "error", err)
		return
	}
	changes := config.Diff(r.running, next)
	if len(changes) == 0 {
		r.logger.Info("configuration unchanged", "config", r.path)
		return
	}
	for _, c := range changes {
		r.logger.Info("configuration difference", "key", c.Key, "old", c.Old, "new", c.New)
	}
	r.logger.Warn("configuration valid but not applied: restart to apply the differences",
		"config", r.path, "differences", len(changes))
}
