package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// statusCmd is `loka status`.
type statusCmd struct {
	apiFlags

	JSON bool `name:"json" help:"Print the summary as JSON, with the pools and routes in it."`
}

// statusAnswers is what the API says, as JSON. Of the last day and of today it may
// not know.
type statusAnswers struct{ summary, pools, routes, health, listeners, day, today json.RawMessage }

// Run asks the running proxy and prints what it says.
func (c *statusCmd) Run(env *environment) error {
	return c.ask(env, func(ctx context.Context, api apiClient) (err error) {
		var a statusAnswers
		if a.summary, err = api.get(ctx, "/api/v1/summary"); err != nil {
			return err
		}
		if a.pools, err = api.get(ctx, "/api/v1/pools"); err != nil {
			return err
		}
		if a.routes, err = api.get(ctx, "/api/v1/routes"); err != nil {
			return err
		}
		if c.JSON {
			return a.printJSON(env.stdout)
		}
		if a.health, err = api.health(ctx); err != nil {
			return err
		}
		a.listeners, _ = api.get(ctx, "/api/v1/listeners") // nil where an older proxy does not know it
		a.past(ctx, api, time.Now())
		return a.print(env.stdout)
	})
}

// printJSON prints the summary's object with two more keys, "pools" and
// "routes".
func (a *statusAnswers) printJSON(w io.Writer) error {
	var all map[string]json.RawMessage
	var lists struct {
		Pools  json.RawMessage `json:"pools"`
		Routes json.RawMessage `json:"routes"`
	}
	if err := errors.Join(json.Unmarshal(a.summary, &all), json.Unmarshal(a.pools, &lists), json.Unmarshal(a.routes, &lists)); err != nil {
		return fmt.Errorf("the API's answer cannot be read: %w", err)
	}
	if all == nil {
		return errors.New("the API's answer is no summary; is it a loka of this version?")
	}
	all["pools"], all["routes"] = lists.Pools, lists.Routes
	out, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("the API's answer cannot be printed: %w", err)
	}
	_, err = w.Write(append(out, '\n'))
	return err
}
