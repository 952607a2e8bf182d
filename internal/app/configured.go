package app

import (
	"errors"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// Configured implements [httpapi.Reloader].
func (r reloader) Configured() view.Configuration {
	now := r.app.cfg.Load()
	out := view.Configuration{Settings: settingsOf(now), Unread: []view.Change{}, Problems: []string{}}
	if r.app.source == nil || r.app.source.Name() == "" {
		return out
	}
	out.File = r.app.source.Name()
	text, err := r.app.source.Read()
	if err != nil {
		out.Problems = append(out.Problems, err.Error())
		return out
	}
	next, err := r.app.source.Load(text)
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			out.Problems = append(out.Problems, p.String())
		}
	case err != nil:
		out.Problems = append(out.Problems, err.Error())
	default:
		out.Unread = changesOf(config.Diff(now, next))
	}
	return out
}

func settingsOf(c *config.Config) []view.Setting {
	settings := config.Settings(c)
	all := make([]view.Setting, 0, len(settings))
	for _, s := range settings {
		one := view.Setting{Key: s.Key, Value: s.Value, From: "file", By: s.Override}
		switch {
		case s.Override != "":
			one.From = "override"
		case s.Usual:
			one.From = "default"
		}
		all = append(all, one)
	}
	return all
}

// PlanFile implements [httpapi.Reloader].
func (r reloader) PlanFile(applied string) (httpapi.Plan, error) {
	text, err := r.app.planText(applied)
	if err != nil {
		return httpapi.Plan{}, err
	}
	next, err := r.app.source.Load(text)
	if err != nil {
		return httpapi.Plan{}, asInvalid(err)
	}
	p, err := r.app.plan(next)
	return p, asInvalid(err)
}

// planText is what a reload would read.
func (a *App) planText(applied string) ([]byte, error) {
	if a.source == nil || a.source.Name() == "" {
		return nil, httpapi.ErrNoConfig
	}
	a.reloading.Lock()
	defer a.reloading.Unlock()
	return a.textOf(applied)
}
