package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// maxConfigBytes bounds a configuration that is asked about: the most that a file
// may have, and some.
const maxConfigBytes = 2 << 20

// Reloader puts configurations in place.
type Reloader interface {
	// Reload reads the file again, or for an id one that was in place before, and
	// puts it in place. With an [InvalidError], [ErrNoConfig] or [ErrNoFileKept]
	// and any other error nothing is changed.
	Reload(ctx context.Context, applied string) (Reloaded, error)
	// Plan says what a configuration would change. The errors are those of Reload.
	Plan(text []byte) (Plan, error)
	// PlanFile says what a reload would change.
	PlanFile(applied string) (Plan, error)
	// Applied lists the files that were in place, newest first; the first one is.
	Applied() []Applied
	// Configured is what is in place, and what the file has.
	Configured() view.Configuration
}

// Why there is nothing to reload.
var (
	ErrNoConfig   = errors.New("started without a configuration file, so there is none to read again; start with -c FILE")
	ErrNoFileKept = errors.New("no such file is kept")
)

// Change and Applied are told by the page, too.
type (
	Change  = view.Change
	Applied = view.Applied
)

// Reloaded is what a reload has done.
type Reloaded struct {
	Changes   []Change `json:"changes" nullable:"false" doc:"What is different; all of it is in place, but for restart"`
	Restart   []string `json:"restart" nullable:"false" doc:"Keys of which the running program keeps the old value until its next start"`
	Arranged  []string `json:"arranged" nullable:"false" doc:"Keys in whose place still holds what was arranged by API"`
	Forgotten []string `json:"forgotten" nullable:"false" doc:"Keys that were arranged by API and that the file has changed since: the file's value holds"`
	Closed    int      `json:"closed_miners" doc:"Miners whose listener is gone, or whose address may not connect any more"`
}

// Plan is what a configuration would change.
type Plan struct {
	Changes   []Change   `json:"changes" nullable:"false" doc:"What is different from what is in place"`
	Restart   []string   `json:"restart" nullable:"false" doc:"Keys that take effect at the next start only"`
	Arranged  []string   `json:"arranged" nullable:"false" doc:"Keys in whose place what was arranged by API would go on to hold"`
	Forgotten []string   `json:"forgotten" nullable:"false" doc:"Keys that were arranged by API and that the file would change"`
	Moves     []PlanMove `json:"moves" nullable:"false" doc:"Miners that would go elsewhere, by what the pools do now; of a split it is what comes to its parts' shares, by the miners' hashrates now"`
}

// PlanMove is what would become of some miners.
type PlanMove struct {
	Miners   int    `json:"miners"`
	Listener string `json:"listener,omitempty" doc:"The address that they came in by, where it is that which would be gone"`
	Route    string `json:"route,omitempty" doc:"Where they are; empty: wherever"`
	Pool     string `json:"pool,omitempty" doc:"Where they are; empty: nowhere yet"`
	ToRoute  string `json:"to_route,omitempty" doc:"Where they would go"`
	ToPool   string `json:"to_pool,omitempty" doc:"The pool they would go to; with the same name it is one over new connections"`
	Closed   string `json:"closed,omitempty" doc:"Why their connections would be closed; empty: they would not"`
}

// AppliedList is the body of GET /api/v1/applied.
type AppliedList struct {
	Applied []Applied `json:"applied" nullable:"false" doc:"Newest first; the first one is in place"`
}

// Reload is the body of POST /api/v1/reload.
type Reload struct {
	Applied string `json:"applied,omitempty" doc:"The id of a file that was in place before, as in /api/v1/applied; empty or no body: the file that the proxy was started with"`
}

type reloadInput struct {
	Body *Reload `required:"false"`
}

type planInput struct {
	Applied string `query:"applied" doc:"Without a body: the id of a file that was in place before, as in /api/v1/applied; empty: the file that the proxy was started with"`
	RawBody []byte `contentType:"application/toml" required:"false" doc:"The text of a file; none: what a reload would read"`
}

// reloads registers what puts configurations in place.
func reloads(api huma.API, r Reloader) {
	post := func(path, id, summary string) huma.Operation {
		op := write(http.MethodPost, path, id, summary, http.StatusUnprocessableEntity, http.StatusConflict, http.StatusInternalServerError)
		op.DefaultStatus = http.StatusOK
		return op
	}
	huma.Register(api, post("/api/v1/reload", "reload", "Read the configuration file again and put it in place; on an error nothing changes"),
		func(ctx context.Context, in *reloadInput) (*body[Reloaded], error) {
			applied := ""
			if in.Body != nil {
				applied = in.Body.Applied
			}
			done, err := r.Reload(context.WithoutCancel(ctx), applied)
			if err == nil {
				changed(ctx, Before(done.Changes), After(done.Changes))
			}
			return &body[Reloaded]{done}, notReloaded(err)
		})
	plan := post("/api/v1/plan", "plan", "What a configuration would change; nothing is changed")
	plan.MaxBodyBytes = maxConfigBytes
	huma.Register(api, plan, func(ctx context.Context, in *planInput) (*body[Plan], error) {
		nothingDone(ctx)
		if len(in.RawBody) == 0 {
			p, err := r.PlanFile(in.Applied)
			return &body[Plan]{p}, notReloaded(err)
		}
		p, err := r.Plan(in.RawBody)
		return &body[Plan]{p}, notReloaded(err)
	})
	api.OpenAPI().Paths[plan.Path].Post.RequestBody.Required = false
	configuration(api, r)
	huma.Register(api, get("/api/v1/applied", "applied", "The configuration files that were in place"), func(context.Context, *struct{}) (*body[AppliedList], error) {
		return &body[AppliedList]{AppliedList{r.Applied()}}, nil
	})
}

// Before is what the keys of changes had before, After what they have now, for the
// audit record. Secrets are stars.
func Before(changes []Change) map[string]string {
	return valuesOf(changes, func(c *Change) string { return c.Old })
}

// After is the other half of [Before].
func After(changes []Change) map[string]string {
	return valuesOf(changes, func(c *Change) string { return c.New })
}

func valuesOf(changes []Change, of func(*Change) string) map[string]string {
	values := make(map[string]string, len(changes))
	for i := range changes {
		values[changes[i].Key] = of(&changes[i])
	}
	return values
}

// notReloaded is the problem of a configuration that is not put in place.
func notReloaded(err error) error {
	invalid, isInvalid := errors.AsType[InvalidError](err)
	switch {
	case err == nil:
		return nil
	case isInvalid:
		errs := make([]error, 0, len(invalid.Mistakes))
		for _, one := range invalid.Mistakes {
			errs = append(errs, &huma.ErrorDetail{Location: one.Key, Message: one.Text})
		}
		return huma.Error422UnprocessableEntity("the configuration is not valid; nothing is changed", errs...)
	case errors.Is(err, ErrNoConfig):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, ErrNoFileKept):
		return huma.Error404NotFound(err.Error())
	}
	return huma.Error500InternalServerError("nothing is changed: " + err.Error())
}
