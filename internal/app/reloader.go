package app

import (
	"context"
	"errors"
	"strings"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
)

// reloader is what the API reloads by.
type reloader struct{ app *App }

// Reload implements [httpapi.Reloader].
func (r reloader) Reload(ctx context.Context, applied string) (httpapi.Reloaded, error) {
	done, err := r.app.Reload(ctx, applied)
	return httpapi.Reloaded{
		Changes: changesOf(done.Changes), Restart: orNone(done.Restart), Arranged: orNone(done.Arranged),
		Forgotten: orNone(done.Forgotten), Closed: done.Closed,
	}, asInvalid(err)
}

// Plan implements [httpapi.Reloader].
func (r reloader) Plan(text []byte) (httpapi.Plan, error) {
	if r.app.source == nil {
		return httpapi.Plan{}, httpapi.ErrNoConfig
	}
	next, err := r.app.source.LoadSent(text, r.app.cfg.Load().Shown)
	if err != nil {
		return httpapi.Plan{}, asInvalid(err)
	}
	p, err := r.app.plan(next)
	return p, asInvalid(err)
}

// Applied implements [httpapi.Reloader].
func (r reloader) Applied() []httpapi.Applied {
	r.app.reloading.Lock()
	defer r.app.reloading.Unlock()
	return r.app.applied.list()
}

// asInvalid is an error as the API says it.
func asInvalid(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return err
	}
	mistakes := make([]httpapi.Mistake, 0, len(problems))
	for _, p := range problems {
		at := p
		at.Text = ""
		mistakes = append(mistakes, httpapi.Mistake{Key: strings.TrimSuffix(at.String(), ": "), Text: p.Text})
	}
	return httpapi.InvalidError{Mistakes: mistakes}
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
