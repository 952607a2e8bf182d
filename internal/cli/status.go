package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// statusCmd is `loka status`.
type statusCmd struct {
	apiFlags
	checkFlags

	JSON bool `name:"json" help:"Print the summary as JSON, with the pools and routes in it."`
}

// statusAnswers is what the API says. Of the last day and of today it may not know.
type statusAnswers struct {
	summary    view.Summary
	pools      []view.Pool
	routes     []view.Route
	health     view.Health
	listeners  []httpapi.Listener
	alerts     []view.Alert
	day, today *httpapi.Revenue
}

// Run asks the running proxy and prints what it says.
func (c *statusCmd) Run(env *environment) error {
	if c.Check {
		return c.check(env, &c.apiFlags)
	}
	if c.given() {
		return usageError{"--warn and --crit are for --check"}
	}
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		if c.JSON {
			return statusJSON(ctx, api, env.stdout)
		}
		a, err := look(ctx, api)
		if err != nil {
			return err
		}
		a.past(ctx, api, time.Now())
		return a.print(env.stdout)
	})
}

// look asks for what there is now.
func look(ctx context.Context, api *client.Client) (a statusAnswers, err error) {
	if a.summary, err = api.Summary(ctx); err != nil {
		return a, err
	}
	pools, err := api.Pools(ctx, client.Query{})
	if err != nil {
		return a, err
	}
	routes, err := api.Routes(ctx, client.Query{})
	if err != nil {
		return a, err
	}
	if a.health, err = api.Health(ctx); err != nil {
		return a, err
	}
	a.pools, a.routes = pools.Pools, routes.Routes
	if l, err := api.Listeners(ctx, client.Query{}); err == nil { // an older proxy does not know it
		a.listeners = l.Listeners
	}
	l, err := api.Alerts(ctx, client.Query{})
	a.alerts = l.Alerts
	return a, err
}

// statusJSON prints the summary's object, as it is, with two more keys, "pools" and
// "routes".
func statusJSON(ctx context.Context, api *client.Client, w io.Writer) error {
	var all map[string]json.RawMessage
	var lists struct {
		Pools  json.RawMessage `json:"pools"`
		Routes json.RawMessage `json:"routes"`
	}
	for _, one := range []struct {
		path string
		into any
	}{{"summary", &all}, {"pools", &lists}, {"routes", &lists}} {
		text, err := api.JSON(ctx, "/api/v1/"+one.path, nil)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, one.into); err != nil {
			return &client.ForeignError{Base: api.Base(), Read: true, Err: err}
		}
	}
	if all["instance"] == nil {
		return &client.ForeignError{Base: api.Base(), Read: true, Err: errNoSummary}
	}
	all["pools"], all["routes"] = lists.Pools, lists.Routes
	out, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("the API's answer cannot be printed: %w", err)
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

var errNoSummary = errors.New("it is no summary")
